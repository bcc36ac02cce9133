import { required } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import type { DType, Value } from './graph.ts';
import type { Ops, Variable } from './ops.ts';
import { type NormPass, normBackward, normForward } from './rms-norm.ts';

// Shapes: N positions, n of them with a target, H hidden size, V vocabulary.

export interface HeadContext {
  ops: Ops;
  config: Qwen2Config;
  matmul: DType;
  finalNorm: Variable;
  epsilon: number;
  /** [V, H]: the embedding table where the model ties them. */
  head: Variable;
  /** [n] int32: positions with a target, and the targets. */
  targetPositions: Value;
  targetIds: Value;
  /** [n, 1] float32, where some do not count. */
  targetWeights: Value | null;
  /** Scalars int32: n, and the pieces it is computed in. */
  targets: Value;
  chunks: Value;
  /** Scalar int32: N. */
  tokens: Value;
}

/** Targets whose logits are computed at once. */
export const CHUNK_ROWS = 128;

/** Negative log-likelihood of each target in nats, [n] float32. */
export function headForward(context: HeadContext, hidden: Value): Value {
  return overChunks(context, hidden, () => null).losses;
}

/** Logits of all targets at once, [n, V] float32: for comparison with other implementations. */
export function headLogits(context: HeadContext, hidden: Value): Value {
  const { ops, matmul } = context;
  const { norm, head } = headInput(context, hidden);
  return ops.cast(ops.matMul(ops.cast(norm.y, matmul), head, { transposeB: true }), 'float32');
}

/**
 * Losses times their weights, and the gradient [N, H] of their sum times `lossScale` (scalar float32). Forward and
 * backward of a piece follow each other, so that only one piece's logits are in memory; with P = softmax(logits) its
 * gradient is P W - W[target].
 */
export function headWithGradient(
  context: HeadContext,
  hidden: Value,
  lossScale: Value,
): { losses: Value; dHidden: Value } {
  const { ops, matmul, config, finalNorm, targetPositions, targetWeights, tokens } = context;
  const { losses, gradients, norm } = overChunks(context, hidden, ({ begin, rows, shares, seen, head }) => {
    const expected = ops.cast(ops.matMul(ops.cast(shares, matmul), head), 'float32');
    const gradient = ops.multiply(ops.subtract(expected, seen), lossScale);
    return targetWeights ? ops.multiply(gradient, ops.sliceRows(targetWeights, begin, rows, 2)) : gradient;
  });
  const dNormed = ops.concatList(required(gradients, 'gradients'), 'float32', [-1, config.hiddenSize]);
  const dLabelled = normBackward(ops, finalNorm, norm, dNormed);
  const weighted = targetWeights ? ops.multiply(losses, ops.reshape(targetWeights, [-1])) : losses;
  return { losses: weighted, dHidden: ops.scatterRows(dLabelled, targetPositions, tokens) };
}

interface Chunk {
  /** Where it begins among the targets, and how many there are. */
  begin: Value;
  rows: Value;
  /** [rows, V] float32 */
  shares: Value;
  /** Rows of the head that are the targets', [rows, H] float32. */
  seen: Value;
  /** [V, H] in the matmul type. */
  head: Value;
}

/** Only positions with a target are looked at: the head costs more than a decoder layer. */
function headInput(context: HeadContext, hidden: Value): { norm: NormPass; head: Value } {
  const { ops, matmul, finalNorm, epsilon, targetPositions } = context;
  const norm = normForward(ops, finalNorm, epsilon, ops.gatherRows(hidden, targetPositions));
  return { norm, head: ops.graph.after([norm.inverse], () => ops.cast(ops.read(context.head), matmul)) };
}

/** Goes from piece to piece. `gradients` is the list of what `gradientOf` gives, if it gives anything. */
function overChunks(context: HeadContext, hidden: Value, gradientOf: (chunk: Chunk) => Value | null) {
  const { ops, matmul, targetIds, targets, chunks } = context;
  const { graph } = ops;
  const { norm, head } = headInput(context, hidden);
  // Outside of the loop, in which a GPU cannot send for what the host knows, such as target ids.
  const ofTargets = ops.gatherRows(head, targetIds);
  const chunkRows = graph.constant('int32', CHUNK_ROWS);
  const [, losses, gradients] = graph.loop<Value[]>(
    [graph.constant('int32', 0), ops.list('float32', chunks), ops.list('float32', chunks)],
    ([at]) => ops.compare('Less', required(at, 'place'), chunks),
    (state) => {
      const [at, lossList, gradientList] = state as [Value, Value, Value];
      const begin = ops.multiply(at, chunkRows);
      const rows = ops.minimum(chunkRows, ops.subtract(targets, begin));
      const x = ops.cast(ops.sliceRows(norm.y, begin, rows, 2), matmul);
      const seen = ops.cast(ops.sliceRows(ofTargets, begin, rows, 2), 'float32');
      const logits = ops.cast(ops.matMul(x, head, { transposeB: true }), 'float32');
      const largest = ops.reshape(ops.reduceLast('Max', logits), [-1]);
      // Nobody needs the logits behind that: softmax writes over them, so that a piece takes one block less.
      const shares = graph.after([largest], () => ops.softmax(logits));
      // log(sum(exp(logits))) = the largest logit - log(its share), which is never too small for a logarithm.
      const largestShare = ops.reshape(ops.reduceLast('Max', shares), [-1]);
      // Rounded as products are: of the largest logit nothing is left over.
      const exact = ops.reshape(ops.reduceLast('Sum', ops.multiply(ops.cast(x, 'float32'), seen)), [-1]);
      const ofTarget = ops.cast(ops.cast(exact, matmul), 'float32');
      const loss = ops.subtract(ops.subtract(largest, ops.log(largestShare)), ofTarget);
      const gradient = gradientOf({ begin, rows, shares, seen, head });
      return [
        ops.add(at, graph.constant('int32', 1)),
        ops.setItem(lossList, at, loss),
        gradient ? ops.setItem(gradientList, at, gradient) : gradientList,
      ];
    },
  );
  return { losses: ops.concatList(required(losses, 'losses'), 'float32', [-1]), gradients, norm };
}
