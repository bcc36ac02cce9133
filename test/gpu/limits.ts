/**
 * What a step may cost on a GPU, counted on the stand-in: the place to tighten when the engine needs less. Counts are of
 * the tiny shape (hidden size 64, two layers, one row of 64 tokens).
 */
export const LIMITS = {
  /** Operations that may compute on the host. */
  onHost: ['Const', 'Enter'], // sizes and places that loops count with
  /** What may be copied to the device besides feeds, by who reads it: `operation input`. */
  crossings: [
    'Bitcast 0', // keys and counters of the random generator
    'Cast 0', // queries and keys counted for the causal mask
    'GatherV2 1', // places of tokens, and positions of a chunk's targets
  ],
  /** Of one micro batch with its gradient. */
  accumulate: { launches: 1450, copiesUp: 62, copiesDown: 5 },
  /** The same where layers are computed again. */
  accumulateAgain: { launches: 1750, copiesUp: 80, copiesDown: 5 },
  /** Of one optimizer step: norm and update, for both of which gradients are taken out of their blocks, by sizes of the host. */
  step: { launches: 300, copiesUp: 14, copiesDown: 8 },
  /** Of one micro batch that is evaluated. */
  evaluate: { launches: 740, copiesUp: 30, copiesDown: 4 },
  /** Bytes that loading sends, over those of the base weights: biases are sent as float32. */
  sentByLoading: 1.01,
  /** What loading takes beside the weights, over the largest of them: small ones are given back a moment late. */
  besideLoading: 1.05,
  /** Peak of a micro batch's tensors, over what the trainer expects that training takes. */
  peakOverEstimate: 1,
};
