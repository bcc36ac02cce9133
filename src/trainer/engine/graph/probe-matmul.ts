import type { BackendInfo, Tf } from '../tensorflow.ts';
import { Graph, type MatrixType, type Value } from './graph.ts';
import { Ops } from './ops.ts';
import { type Feed, GraphSession } from './session.ts';

/** Milliseconds of the same matrix products in each type; `null` where the device has no kernel for it. */
export type MatmulTimes = Record<MatrixType, number | null> & { float32: number };

const ROWS = 256;
const WIDTH = 1024;
/** In one run: a GPU takes a millisecond to begin one. */
const PRODUCTS = { cpu: 4, gpu: 256 };
const RUNS = 3;

/**
 * Times matrix products on this device: some compute bfloat16 several times as fast as float32, some slower. float16 is left
 * out on CPUs that have bfloat16.
 */
export async function probeMatmul(tf: Tf, { cuda }: Pick<BackendInfo, 'cuda'>): Promise<MatmulTimes> {
  const products = cuda ? PRODUCTS.gpu : PRODUCTS.cpu;
  const time = (dtype: MatrixType) => timeOf({ tf, dtype, cuda, products, runs: RUNS });
  const float32 = await time('float32');
  const bfloat16 = await time('bfloat16').catch(() => null);
  const float16 = cuda || bfloat16 === null ? await time('float16').catch(() => null) : null;
  return { float32, bfloat16, float16 };
}

/** Whether the GPU itself multiplies matrices of this type. */
export async function hasMatmul(tf: Tf, dtype: MatrixType): Promise<boolean> {
  return timeOf({ tf, dtype, cuda: true, products: 1, runs: 0 }).then(
    () => true,
    () => false,
  );
}

interface TimeParameters {
  tf: Tf;
  dtype: MatrixType;
  cuda: boolean;
  products: number;
  /** After the first, which does not count. */
  runs: number;
}

/** Matrices are made on the device, out of two vectors that are fed. */
async function timeOf({ tf, dtype, cuda, products, runs }: TimeParameters): Promise<number> {
  const graph = new Graph();
  const ops = new Ops(graph);
  const column = graph.placeholder('column', 'float32', [WIDTH, 1]);
  const row = graph.placeholder('row', 'float32', [1, WIDTH]);
  const multiply = (): Value => {
    const w = ops.cast(ops.multiply(column, row), dtype);
    let x = ops.sliceRows(w, 0, ROWS, 2);
    for (let i = 0; i < products; i++) x = ops.matMul(x, w);
    return x;
  };
  // Asked for by name it fails where there is no kernel, instead of running on the CPU.
  const product = cuda ? graph.on('/device:GPU:0', multiply) : multiply();
  ops.identity(ops.halfSquareSum(ops.cast(product, 'float32')), { name: 'result' });
  const session = await GraphSession.open(tf, graph);
  try {
    const filled = (shape: number[], value: number): Feed => ({
      dtype: 'float32',
      shape,
      data: new Float32Array(WIDTH).fill(value),
    });
    const feeds = { column: filled([WIDTH, 1], 1), row: filled([1, WIDTH], 1 / WIDTH) };
    const times = Array.from({ length: runs + 1 }, () => {
      const startMs = performance.now();
      session.run(feeds, ['result']);
      return performance.now() - startMs;
    });
    return Math.min(...times.slice(1));
  } finally {
    session.close();
  }
}
