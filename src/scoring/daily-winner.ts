import type { Contestant } from './win-rates.ts';

const BEST_SHARE = 0.05;

/**
 * Winner of a day (era C): among the best 5 % by loss (at least one), the earliest commit block takes everything; equal
 * blocks go to the lower loss. `null` when nobody has a loss: the weight then belongs to the subnet owner.
 */
export function pickDailyWinner<T extends Contestant>(contestants: T[]): T | null {
  const byLoss = contestants.toSorted((a, b) => a.lossNatsPerToken - b.lossNatsPerToken);
  const best = byLoss.slice(0, Math.max(1, Math.floor(byLoss.length * BEST_SHARE)));
  return best.toSorted((a, b) => a.commitBlock - b.commitBlock)[0] ?? null;
}
