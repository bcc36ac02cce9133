import { normalised, type Shares } from './shares.ts';

const OLD_SHARE = 0.8;

/**
 * w = 0.8 w_old + 0.2 w_step for the miners evaluated in this step; everybody else keeps the old average, so that not
 * being drawn, or an outage of ours, costs nothing. The very first step is taken as it is. The result sums to 1.
 */
export function movingAverage(old: Shares, step: Shares): Shares {
  if (![...old.values()].some((weight) => weight > 0)) return step;
  const averages = new Map(old);
  for (const [hotkey, weight] of step)
    averages.set(hotkey, OLD_SHARE * (old.get(hotkey) ?? 0) + (1 - OLD_SHARE) * weight);
  return normalised(averages);
}
