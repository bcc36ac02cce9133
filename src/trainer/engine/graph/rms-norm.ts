import type { Value } from './graph.ts';
import type { Ops, Variable } from './ops.ts';

/** What the backward pass needs of a forward pass. */
export interface NormPass {
  /** [N, H] float32 */
  x: Value;
  /** [N, 1] 1 / root mean square of each row. */
  inverse: Value;
  /** [N, H] float32 */
  y: Value;
}

/** y = x / sqrt(mean(x^2) + epsilon) * weight, in float32. */
export function normForward(ops: Ops, weight: Variable, epsilon: number, x: Value): NormPass {
  const meanSquare = ops.reduceLast('Mean', ops.square(x));
  const inverse = ops.reciprocalRoot(ops.add(meanSquare, ops.graph.constant('float32', epsilon)));
  return { x, inverse, y: normOutput(ops, weight, { x, inverse }) };
}

/** y once more, for the backward pass, which need not keep it. */
export function normOutput(ops: Ops, weight: Variable, { x, inverse }: Pick<NormPass, 'x' | 'inverse'>): Value {
  return ops.multiply(ops.multiply(x, inverse), ops.read(weight));
}

/** dx of a frozen weight. */
export function normBackward(ops: Ops, weight: Variable, { x, inverse }: NormPass, dy: Value): Value {
  const normed = ops.multiply(x, inverse);
  const dNormed = ops.multiply(dy, ops.read(weight));
  const along = ops.reduceLast('Mean', ops.multiply(dNormed, normed)); // [N, 1]
  return ops.multiply(inverse, ops.subtract(dNormed, ops.multiply(normed, along)));
}
