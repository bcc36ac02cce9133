import type { Qwen2Config } from '../../model/config.ts';
import type { DType, Value } from './graph.ts';
import type { Ops, Size } from './ops.ts';

// Shapes: B rows, T tokens, N = B * T, D head dimension, G query heads of a key/value head.

export interface AttentionContext {
  ops: Ops;
  config: Qwen2Config;
  matmul: DType;
  /** Scalars int32. */
  rows: Size;
  length: Size;
  /** G * T. */
  groupLength: Size;
  positions: Size;
  /** [1, 1, T, D] float32; the first half of `sin` is negative. */
  cos: Value;
  sin: Value;
  /** [1, 1, T, T] float32: 0 where a token may look, -1e9 where it may not. */
  causalMask: Value;
}

/** What the backward pass needs of a forward pass. */
export interface AttentionPass {
  /** [B, kvHeads, G * T, D], rotated: query heads of one key/value head are neighbours, their rows are stacked. */
  q: Value;
  /** [B, kvHeads, T, D], rotated. */
  k: Value;
  v: Value;
  /** [N, heads * D] */
  y: Value;
}

/** Causal attention from the projections q [N, heads * D], k and v [N, kvHeads * D]. */
export function attentionForward(
  context: AttentionContext,
  projected: { q: Value; k: Value; v: Value },
): AttentionPass {
  const { ops, config, matmul, rows, length, groupLength, positions } = context;
  const { heads, kvHeads, headDim } = config;
  const q = ops.reshape(rotate(context, splitHeads(context, projected.q, heads)), [
    rows,
    kvHeads,
    groupLength,
    headDim,
  ]);
  const k = rotate(context, splitHeads(context, projected.k, kvHeads));
  const v = splitHeads(context, projected.v, kvHeads);
  const shares = ops.cast(attentionShares(context, q, k), matmul);
  const perHead = ops.reshape(ops.batchMatMul(shares, v), [rows, heads, length, headDim]);
  const y = ops.reshape(ops.transpose(perHead, [0, 2, 1, 3]), [positions, heads * headDim]);
  return { q, k, v, y };
}

/**
 * [B, kvHeads, G * T, T] float32: how much of each value a token takes. The largest tensor of a layer, so the backward pass
 * computes it again.
 */
function attentionShares(context: AttentionContext, q: Value, k: Value): Value {
  const { ops, config, rows, length, groupLength, causalMask } = context;
  const scores = ops.cast(ops.batchMatMul(q, k, { transposeB: true }), 'float32');
  const scaled = ops.multiply(scores, ops.graph.constant('float32', 1 / Math.sqrt(config.headDim)));
  const masked = ops.add(ops.reshape(scaled, [rows, config.heads, length, length]), causalMask);
  return ops.reshape(ops.softmax(masked), [rows, config.kvHeads, groupLength, length]);
}

/** Gradients of the projections from dy [N, heads * D]. */
export function attentionBackward(
  context: AttentionContext,
  { q, k, v }: AttentionPass,
  dy: Value,
): { dq: Value; dk: Value; dv: Value } {
  const { ops, config, matmul, rows, length, groupLength } = context;
  const { heads, kvHeads, headDim } = config;
  const dPerHead = ops.transpose(ops.reshape(dy, [rows, length, heads, headDim]), [0, 2, 1, 3]);
  const dOut = ops.reshape(dPerHead, [rows, kvHeads, groupLength, headDim]);
  const share = attentionShares(context, q, k);
  const dv = ops.batchMatMul(ops.cast(share, matmul), dOut, { transposeA: true });
  const dShares = ops.cast(ops.batchMatMul(dOut, v, { transposeB: true }), 'float32');
  const weighted = ops.multiply(share, dShares);
  const dScores = ops.subtract(weighted, ops.multiply(share, ops.reduceLast('Sum', weighted)));
  const scaled = ops.cast(ops.multiply(dScores, ops.graph.constant('float32', 1 / Math.sqrt(headDim))), matmul);
  const dq = ops.reshape(ops.batchMatMul(scaled, k), [rows, heads, length, headDim]);
  const dk = ops.batchMatMul(scaled, q, { transposeA: true });
  return {
    dq: joinHeads(context, rotateBack(context, dq), heads),
    dk: joinHeads(context, rotateBack(context, dk), kvHeads),
    dv: joinHeads(context, dv, kvHeads),
  };
}

/** [N, count * D] to [B, count, T, D]. */
function splitHeads({ ops, config, rows, length }: AttentionContext, x: Value, count: number): Value {
  return ops.transpose(ops.reshape(x, [rows, length, count, config.headDim]), [0, 2, 1, 3]);
}

/** [B, count, T, D] to [N, count * D]. */
function joinHeads({ ops, config, positions }: AttentionContext, x: Value, count: number): Value {
  return ops.reshape(ops.transpose(x, [0, 2, 1, 3]), [positions, count * config.headDim]);
}

/** Rotary position embedding in the rotate-half layout. */
function rotate({ ops, matmul, cos, sin }: AttentionContext, x: Value): Value {
  const exact = ops.cast(x, 'float32');
  const turned = ops.add(ops.multiply(exact, cos), ops.multiply(ops.swapHalves(exact, 4), sin));
  return ops.cast(turned, matmul);
}

function rotateBack({ ops, matmul, cos, sin }: AttentionContext, dy: Value): Value {
  const exact = ops.cast(dy, 'float32');
  const turned = ops.add(ops.multiply(exact, cos), ops.swapHalves(ops.multiply(exact, sin), 4));
  return ops.cast(turned, matmul);
}
