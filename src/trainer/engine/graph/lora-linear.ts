import type { DType, Value } from './graph.ts';
import type { Ops, Variable } from './ops.ts';

// Shapes: N positions, r the adapter's rank. Matrices are as in PyTorch: W [out, in], A [r, in], B [out, r].

/** A frozen linear layer with its adapter. */
export interface LoraLinear {
  path: string;
  in_: number;
  weight: Variable;
  /** [out], float32. */
  bias: Variable | null;
  /** float32. */
  a: Variable;
  b: Variable;
}

export interface LinearContext {
  ops: Ops;
  /** What matrices are multiplied in. */
  matmul: DType;
  /** Scalar float32: alpha / rank, and in training also 1 / (1 - dropout). */
  adapterScale: Value;
}

/** What the backward pass needs of a forward pass, besides its input. */
export interface LinearPass {
  /** [N, in] bool: inputs of the adapter that were not dropped; `null` without dropout. */
  kept: Value | null;
  /** [N, r] scaled output of A. */
  low: Value;
  /** [N, out] */
  y: Value;
}

/** y = x W^T + bias + scale * (kept x) A^T B^T */
export function linearForward(context: LinearContext, linear: LoraLinear, x: Value, kept: Value | null): LinearPass {
  const { ops } = context;
  const plain = ops.matMul(x, weightOf(context, linear), { transposeB: true });
  const seen = kept ? ops.multiply(x, ops.cast(kept, x.dtype)) : x;
  const low = scaled(context, ops.matMul(seen, matrix(context, linear.a), { transposeB: true }));
  const adapted = ops.add(plain, ops.matMul(low, matrix(context, linear.b), { transposeB: true }));
  const y = linear.bias ? ops.add(adapted, matrix(context, linear.bias)) : adapted;
  return { kept, low, y };
}

export interface LinearGradients {
  /** [N, in] */
  dx: Value;
  /** [r, in] and [out, r], float32. */
  da: Value;
  db: Value;
}

/** The frozen weight needs no gradient of its own: dx = dy W, and the adapter's two. */
export function linearBackward(
  context: LinearContext,
  linear: LoraLinear,
  { x, kept, low }: LinearPass & { x: Value },
  dy: Value,
): LinearGradients {
  const { ops } = context;
  const mask = kept && ops.cast(kept, x.dtype);
  const seen = mask ? ops.multiply(x, mask) : x;
  const dLow = scaled(context, ops.matMul(dy, matrix(context, linear.b)));
  const dSeen = ops.matMul(dLow, matrix(context, linear.a));
  const dx = ops.add(ops.matMul(dy, weightOf(context, linear)), mask ? ops.multiply(dSeen, mask) : dSeen);
  return {
    dx,
    da: ops.cast(ops.matMul(dLow, seen, { transposeA: true }), 'float32'),
    db: ops.cast(ops.matMul(dy, low, { transposeA: true }), 'float32'),
  };
}

function weightOf(context: LinearContext, { weight }: LoraLinear): Value {
  return matrix(context, weight);
}

function matrix({ ops, matmul }: LinearContext, variable: Variable): Value {
  return ops.cast(ops.read(variable), matmul);
}

function scaled({ ops, adapterScale, matmul }: LinearContext, x: Value): Value {
  return ops.cast(ops.multiply(ops.cast(x, 'float32'), adapterScale), matmul);
}
