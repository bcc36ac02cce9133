import { type Decided, decidedBy } from './draw-again.ts';
import type { Receipt } from './receipt.ts';

/** A miner with a loss. */
export interface Compared {
  hotkey: string;
  lossNatsPerToken: number;
}

/** The hotkey of who has the better of two; `null` for nobody, or where the policy is not known here. */
export type Comparing = (one: Compared, other: Compared) => string | null;

/** What an epoch was decided by; `null` where its policy is not of this package. */
export function decidedOr(receipt: Receipt): Decided | null {
  try {
    const decided = decidedBy(receipt);
    return decided.context.policy.name === receipt.policy.name ? decided : null;
  } catch {
    return null;
  }
}

/** Two at a time, by what the policy of a report says of two. */
export function comparingBy(receipt: Receipt, decided: Decided | null): Comparing {
  const contestant = (one: Compared) => ({ ...one, commitBlock: receipt.inputs.datasets[one.hotkey]?.countsFrom ?? 0 });
  return (one, other) => {
    if (!decided) return null;
    const { policy, now } = decided.context;
    const contestants = [contestant(one), contestant(other)];
    const scores = policy.score({ contestants, baselineLossNatsPerToken: null, now, memory: null });
    const [first = 0, second = 0] = [scores.get(one.hotkey), scores.get(other.hotkey)];
    return first === second ? null : first > second ? one.hotkey : other.hotkey;
  };
}
