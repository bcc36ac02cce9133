import { requireNumbers } from '../shared/require-number.ts';
import { blend, normalised, type Shares, sumOf } from './shares.ts';

const LEAST_TRUST = 0.5;
const LEAST_LOSS_MARGIN = 1.05;
/** Weights that sum to 1, but for rounding. */
const PARTS_OF_ONE = { most: 1 + 1e-9 };

/** Weight a validator would lose to clipping: sum(max(0, w - consensus)). Its expected trust is 1 minus that. */
export function expectedTrustLoss(weights: Shares, consensus: Shares): number {
  requireNumbers('weights', weights, PARTS_OF_ONE);
  requireNumbers('consensus', consensus);
  let loss = 0;
  for (const [hotkey, weight] of weights) loss += Math.max(0, weight - (consensus.get(hotkey) ?? 0));
  return loss;
}

/**
 * Moves the weights toward the normalised consensus by the smallest step that keeps the expected validator trust at `leastTrust`
 * (0..1) or more. Where even the whole way does not reach it, aims for 1.05 times the least loss that can be reached.
 * Without any consensus yet (a fresh subnet) nothing is moved.
 */
export function restoreValidatorTrust(weights: Shares, consensus: Shares, leastTrust = LEAST_TRUST): Shares {
  requireNumbers('weights', weights, PARTS_OF_ONE);
  const goal = normalised(consensus);
  if (sumOf(goal) === 0) return weights;
  const lossAt = (lambda: number) => expectedTrustLoss(blend(weights, goal, lambda), consensus);
  const least = lossAt(1);
  const allowed = least <= 1 - leastTrust ? 1 - leastTrust : least * LEAST_LOSS_MARGIN;
  if (lossAt(0) <= allowed) return weights;
  return blend(
    weights,
    goal,
    smallest((lambda) => lossAt(lambda) <= allowed),
  );
}

/** The smallest number of 0..1 from which on a monotone condition holds, to 1e-12; the condition holds at 1. */
function smallest(holds: (x: number) => boolean): number {
  let below = 0;
  let above = 1;
  while (above - below > 1e-12) {
    const middle = (below + above) / 2;
    if (holds(middle)) above = middle;
    else below = middle;
  }
  return above;
}
