import type { DType, Value } from './graph.ts';
import type { Ops, Variable } from './ops.ts';
import { normBackward, normForward } from './rms-norm.ts';

// Shapes: N positions, n of them with a target, H hidden size, V vocabulary.

export interface HeadContext {
  ops: Ops;
  matmul: DType;
  finalNorm: Variable;
  epsilon: number;
  /** [V, H]: the embedding table where the model ties them. */
  head: Variable;
  /** [n] int32: positions with a target, and the targets. */
  targetPositions: Value;
  targetIds: Value;
  /** Scalars int32: n, and how many of them are computed at once. */
  targets: Value;
  chunkRows: Value;
  /** Scalar int32: N. */
  tokens: Value;
}

/** Targets whose logits are computed at once, unless there are more targets than {@link MOST_CHUNKS} such pieces hold. */
const CHUNK_ROWS = 128;
/** Most pieces the targets are computed in; pieces beyond the last target are empty and cost nothing. */
export const MOST_CHUNKS = 16;

/** Targets whose logits are computed at once. */
export const chunkRowsOf = (targets: number) => Math.max(CHUNK_ROWS, Math.ceil(targets / MOST_CHUNKS));

export interface HeadPass {
  /** [n] negative log-likelihood of each target in nats, float32. */
  losses: Value;
  /** Logits of each piece, [rows, V] float32. */
  logits: Value[];
}

/** Losses alone. */
export function headForward(context: HeadContext, hidden: Value): HeadPass {
  const pieces = overChunks(context, hidden, () => null);
  return { losses: concatRows(context.ops, pieces.losses), logits: pieces.logits };
}

/**
 * Losses, and the gradient [N, H] of their sum times `lossScale` (scalar float32). Forward and backward of a piece follow
 * each other, so that only one piece's logits are in memory; with P = softmax(logits) its gradient is P W - W[target].
 */
export function headWithGradient(
  context: HeadContext,
  hidden: Value,
  lossScale: Value,
): { losses: Value; dHidden: Value } {
  const { ops, matmul, finalNorm, targetPositions, tokens } = context;
  const { losses, gradients, norm } = overChunks(context, hidden, ({ shares, ids, head }) => {
    const expected = ops.cast(ops.matMul(ops.cast(shares, matmul), head), 'float32');
    const seen = ops.cast(ops.gatherRows(head, ids), 'float32');
    return ops.multiply(ops.subtract(expected, seen), lossScale);
  });
  const dNormed = concatRows(ops, gradients);
  const dLabelled = normBackward(ops, finalNorm, norm, dNormed);
  return { losses: concatRows(ops, losses), dHidden: ops.scatterRows(dLabelled, targetPositions, tokens) };
}

interface Chunk {
  /** [rows, V] float32 */
  shares: Value;
  /** [rows] int32 */
  ids: Value;
  /** [V, H] in the matmul type. */
  head: Value;
}

function overChunks(context: HeadContext, hidden: Value, gradientOf: (chunk: Chunk) => Value | null) {
  const { ops, matmul, finalNorm, epsilon, targetPositions, targetIds, targets, chunkRows } = context;
  // Only positions with a target are looked at: the head costs more than a decoder layer.
  const norm = normForward(ops, finalNorm, epsilon, ops.gatherRows(hidden, targetPositions));
  const head = ops.graph.after([norm.inverse], () => ops.cast(ops.read(context.head), matmul));
  const losses: Value[] = [];
  const gradients: Value[] = [];
  const allLogits: Value[] = [];
  let previous = norm.y;
  for (let i = 0; i < MOST_CHUNKS; i++) {
    const begin = ops.minimum(ops.multiply(chunkRows, ops.graph.constant('int32', i)), targets);
    const rows = ops.minimum(chunkRows, ops.subtract(targets, begin));
    ops.graph.after([previous], () => {
      const x = ops.cast(ops.sliceRows(norm.y, begin, rows, 2), matmul);
      const ids = ops.sliceRows(targetIds, begin, rows, 1);
      const logits = ops.cast(ops.matMul(x, head, { transposeB: true }), 'float32');
      const shares = ops.softmax(logits);
      // log(sum(exp(logits))) = the largest logit - log(its share), which is never too small for a logarithm.
      const largest = ops.reshape(ops.reduceLast('Max', logits), [-1]);
      const largestShare = ops.reshape(ops.reduceLast('Max', shares), [-1]);
      const loss = ops.subtract(ops.subtract(largest, ops.log(largestShare)), ops.pickFromRows(logits, ids));
      const gradient = gradientOf({ shares, ids, head });
      losses.push(loss);
      allLogits.push(logits);
      if (gradient) gradients.push(gradient);
      previous = gradient ?? loss;
    });
  }
  return { losses, gradients, logits: allLogits, norm };
}

function concatRows(ops: Ops, values: Value[]): Value {
  return ops.concat(values, 0);
}
