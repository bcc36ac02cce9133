/**
 * What a step may cost on a GPU, counted on the stand-in: the place to tighten when the engine needs less. Counts are of
 * the tiny shape (hidden size 64, two layers, one row of 64 tokens).
 */
export const LIMITS = {
  /** Operations that may compute on the host. */
  onHost: [] as string[],
  /** What may be copied to the device besides feeds, by who reads it: `operation input`. */
  crossings: [
    'Bitcast 0', // keys and counters of the random generator
    'Cast 0', // the causal mask
    'GatherV2 1', // positions of a chunk's targets
  ],
  /** Of one micro batch with its gradient. */
  accumulate: { launches: 1550, copiesUp: 62, copiesDown: 5 },
  /** The same where layers are computed again. */
  accumulateAgain: { launches: 1950, copiesUp: 80, copiesDown: 5 },
  /** Of one optimizer step: norm and update. */
  step: { launches: 210, copiesUp: 10, copiesDown: 6 },
  /** Of one micro batch that is evaluated. */
  evaluate: { launches: 760, copiesUp: 25, copiesDown: 4 },
  /** Bytes that loading sends, over those of the base weights. */
  sentByLoading: 1,
  /** Peak of a micro batch's tensors, over what the trainer expects that training takes. */
  peakOverEstimate: 1,
};
