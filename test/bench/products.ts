import { Graph, type MatrixType, type Value } from '../../src/trainer/engine/graph/graph.ts';
import { outOf, STACK_NAMES, stackShape } from '../../src/trainer/engine/graph/linear-stack.ts';
import { CHUNK_ROWS } from '../../src/trainer/engine/graph/loss-head.ts';
import { Ops } from '../../src/trainer/engine/graph/ops.ts';
import { type Feed, GraphSession } from '../../src/trainer/engine/graph/session.ts';
import type { Tf } from '../../src/trainer/engine/tensorflow.ts';
import type { Qwen2Config } from '../../src/trainer/model/config.ts';

/** What is multiplied at once: rows of these lengths, some of whose tokens are targets. */
export interface ProductsParameters {
  config: Qwen2Config;
  rank: number;
  lengths: number[];
  targets: number;
  evaluate: boolean;
}

/**
 * Floating point operations that cannot be left out: each weight with each token, in training once more for the gradient of
 * its input, adapters likewise and for their own gradients, the head for targets alone, and attention to earlier tokens.
 */
export function neededFlops({ config, rank, lengths, targets, evaluate }: ProductsParameters): number {
  const { layers, hiddenSize, vocabSize, heads, headDim } = config;
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const stacks = STACK_NAMES.map((name) => stackShape(config, 0, name));
  const weights = stacks.reduce((sum, stack) => sum + stack.in_ * outOf(stack), 0);
  const adapters = stacks.reduce((sum, stack) => sum + rank * (stack.parts.length * stack.in_ + outOf(stack)), 0);
  const scores = lengths.reduce((sum, length) => sum + (length * (length + 1)) / 2, 0) * heads * headDim;
  const times = evaluate ? { weights: 1, adapters: 1, scores: 2 } : { weights: 2, adapters: 3, scores: 7 };
  const layer = times.weights * tokens * weights + times.adapters * tokens * adapters + times.scores * scores;
  return 2 * (layers * layer + times.weights * targets * vocabSize * hiddenSize);
}

const RUNS = 4;

/** FLOP/s of the products of the base weights alone, as the trainer calls them, with nothing in between: the best of several. */
export async function productsPerSecond(tf: Tf, dtype: MatrixType, parameters: ProductsParameters): Promise<number> {
  const { config, lengths, targets, evaluate } = parameters;
  const { layers, hiddenSize, vocabSize } = config;
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const layer = STACK_NAMES.map((name) => stackShape(config, 0, name)).map(
    (stack) => [outOf(stack), stack.in_] as const,
  );
  const rows = Math.min(targets, CHUNK_ROWS);
  const ofLayer = await secondsOf(tf, { dtype, rows: tokens, matrices: layer, evaluate });
  const ofHead = await secondsOf(tf, { dtype, rows, matrices: [[vocabSize, hiddenSize]], evaluate });
  const weights = layer.reduce((sum, [out, in_]) => sum + out * in_, 0);
  const passes = evaluate ? 1 : 2;
  const flops = 2 * passes * (layers * tokens * weights + targets * vocabSize * hiddenSize);
  return flops / (layers * ofLayer + (targets / rows) * ofHead);
}

interface SecondsParameters {
  dtype: MatrixType;
  rows: number;
  matrices: (readonly [out: number, in_: number])[];
  evaluate: boolean;
}

/** Of x W^T, and, unless it is evaluation, dy W, of each matrix. */
async function secondsOf(tf: Tf, { dtype, rows, matrices, evaluate }: SecondsParameters): Promise<number> {
  const graph = new Graph();
  const ops = new Ops(graph);
  const number = graph.placeholder('number', 'float32', []);
  const filled = (shape: [number, number]) => {
    const column = ops.multiply(ops.cast(ops.range(graph.constant('int32', shape[0])), 'float32'), number);
    const row = ops.zeros([1, shape[1]]);
    return ops.cast(ops.add(ops.reshape(column, [-1, 1]), row), dtype);
  };
  const made: Value[] = [];
  const kept = (name: string, shape: [number, number]) => {
    const variable = ops.variable(name, dtype);
    made.push(ops.assign(variable, filled(shape)));
    return () => ops.read(variable);
  };
  const products = matrices.flatMap(([out, in_], i) => {
    const [w, x, dy] = [kept(`w${i}`, [out, in_]), kept(`x${i}`, [rows, in_]), kept(`dy${i}`, [rows, out])];
    const forward = ops.matMul(x(), w(), { transposeB: true });
    return evaluate ? [forward] : [forward, graph.after([forward], () => ops.matMul(dy(), w()))];
  });
  ops.identity(graph.constant('int32', 0), { name: 'make', after: made });
  // TensorFlow leaves out what nothing reads.
  const read = products.map((product) => ops.halfSquareSum(ops.sliceRows(product, 0, 1, 2)));
  ops.identity(ops.pack(read.map((value) => ops.cast(value, 'float32'))), { name: 'multiply' });
  const session = await GraphSession.open(tf, graph);
  try {
    const small: Feed = { dtype: 'float32', shape: [], data: Float32Array.of(1e-3) };
    session.run({ number: small }, ['make']);
    const times = Array.from({ length: RUNS }, () => {
      const startMs = performance.now();
      session.run({}, ['multiply']);
      return performance.now() - startMs;
    });
    return Math.min(...times) / 1000;
  } finally {
    session.close();
  }
}
