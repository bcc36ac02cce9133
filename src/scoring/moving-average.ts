import { requireNumbers } from '../shared/require-number.ts';
import { blend, normalised, type Shares, sumOf } from './shares.ts';

const STEP_PORTION = 0.2;

/**
 * w = 0.8 w_old + 0.2 w_step (a step portion of 0.2) among the miners evaluated in this step, who redistribute the sum of their own shares.
 * Everybody else keeps its share, so that not being drawn, or an outage of ours, costs nothing. A miner evaluated for the
 * first time adds the average share to that sum, and all others are scaled down for it.
 *
 * @param old Averages before the step, in any proportion; a miner with 0 counts as evaluated before.
 * @param step Weights of the step, sum 1.
 * @returns Averages of both, sum 1.
 */
export function movingAverage(old: Shares, step: Shares, stepPortion = STEP_PORTION): Shares {
  requireNumbers('step', step, { most: 1 + 1e-9 });
  const newcomers = [...step.keys()].filter((hotkey) => !old.has(hotkey)).length;
  const before = [...scaled(normalised(old), old.size / (old.size + newcomers))];
  const absent: Shares = new Map(before.filter(([hotkey]) => !step.has(hotkey)));
  const evaluated: Shares = new Map(before.filter(([hotkey]) => step.has(hotkey)));
  const mixed = normalised(blend(normalised(evaluated), step, stepPortion));
  // By rounding, the shares of the others may sum to slightly more than 1.
  return new Map([...absent, ...scaled(mixed, Math.max(0, 1 - sumOf(absent)))]);
}

function scaled(shares: Shares, factor: number): Shares {
  return new Map([...shares].map(([name, share]) => [name, share * factor]));
}
