import type { WeightSetter } from 'flock-off';

export interface PendingRevealParameters {
  weightSetter: WeightSetter;
  signal?: AbortSignal;
}

/**
 * One sentence about weights that were committed and that nobody reveals once the validator has ended; `null` when there
 * are none, or the chain reveals them by itself. What can be revealed by now is revealed first.
 */
export async function pendingReveal({ weightSetter, signal }: PendingRevealParameters): Promise<string | null> {
  const { waiting } = await weightSetter.reveal({ signal });
  const pending = waiting.filter(({ by }) => by === 'validator');
  if (pending.length === 0) return null;
  const from = Math.min(...pending.map(({ fromBlock }) => fromBlock));
  const until = Math.min(...pending.map(({ untilBlock }) => untilBlock));
  return `The last weights are committed, not revealed: start this validator again from block ${from} on and before block ${until}, or they will never count.`;
}
