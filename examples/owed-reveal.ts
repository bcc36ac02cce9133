import type { WeightSetter, WeightsReceipt } from 'flock-off';

export interface OwedRevealParameters {
  weightSetter: WeightSetter;
  /** How the last weights went to the chain; `null` when none were sent. */
  receipt: WeightsReceipt | null | undefined;
  signal?: AbortSignal;
}

/**
 * One sentence about weights that were committed and that nobody reveals once the validator has ended; `null` when there
 * are none. What can be revealed by now is revealed first.
 */
export async function owedReveal({ weightSetter, receipt, signal }: OwedRevealParameters): Promise<string | null> {
  const { nextRevealBlock } = await weightSetter.reveal({ signal });
  if (nextRevealBlock === null) return null;
  const until = receipt?.revealUntilBlock === undefined ? '' : ` and before block ${receipt.revealUntilBlock}`;
  return `The last weights are committed, not revealed: start this validator again from block ${nextRevealBlock} on${until}, or they will never count.`;
}
