import { type Contestant, requireContestants } from './win-rates.ts';

const BEST_SHARE = 0.05;

/**
 * Winner of a day (era C): among the best share by loss (5 % by default, at least one), the earliest commit block takes
 * everything; equal blocks go to the lower loss. `null` when nobody has a loss: the weight then belongs to the subnet owner.
 * @throws FlockOffError `bad-argument` for a loss that is negative or not finite, and what is no block number.
 * @example
 * const winner = pickDailyWinner([{ hotkey: 'ann', lossNatsPerToken: 2.0, commitBlock: 10 }]);
 * console.log(winner?.hotkey);
 */
export function pickDailyWinner<T extends Contestant>(contestants: T[], bestShare = BEST_SHARE): T | null {
  requireContestants('contestants', contestants);
  const byLoss = contestants.toSorted((a, b) => a.lossNatsPerToken - b.lossNatsPerToken);
  const best = byLoss.slice(0, Math.max(1, Math.floor(byLoss.length * bestShare)));
  return best.toSorted((a, b) => a.commitBlock - b.commitBlock)[0] ?? null;
}
