/** As in Python's `clip_to_max_weight`: keeps the sums away from what rounding would make of equal ones. */
const EPSILON = 1e-7;

/**
 * Weights with a sum of 1 of which none is above `limit`: what is too much of one goes to the others, in proportion.
 * Where so few cannot keep below it, all get the same.
 * @param limit a share, 0..1.
 */
export function clipToShare(weights: number[], limit: number): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (weights.length === 0 || total <= 0) return weights;
  if (weights.length * limit <= 1) return weights.map(() => 1 / weights.length);
  const shares = weights.map((weight) => weight / total).sort((a, b) => a - b);
  if (Math.max(...shares) <= limit) return weights.map((weight) => weight / total);
  // How many, from the smallest, keep below the limit where all above are cut to the same; and the sum of those.
  let kept = 0;
  let keptSum = 0;
  let sum = 0;
  for (const [i, share] of shares.entries()) {
    sum += share;
    if (share / ((shares.length - i - 1) * share + sum + EPSILON) >= limit) continue;
    kept++;
    keptSum = sum;
  }
  const cutoff = ((limit * keptSum - EPSILON) / (1 - limit * (shares.length - kept))) * total;
  const clipped = weights.map((weight) => Math.min(weight, cutoff));
  const clippedSum = clipped.reduce((all, weight) => all + weight, 0);
  return clipped.map((weight) => weight / clippedSum);
}
