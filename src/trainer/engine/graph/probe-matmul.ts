import type { Tf } from '../tensorflow.ts';
import { type DType, Graph } from './graph.ts';
import { Ops } from './ops.ts';
import { type Feed, GraphSession } from './session.ts';

/** Milliseconds of the same matrix products in each type; `null` where it does not run. float16 is tried without bfloat16 only. */
export interface MatmulTimes {
  float32: number;
  bfloat16: number | null;
  float16: number | null;
}

const ROWS = 256;
const WIDTH = 1024;
const PRODUCTS = 4;
const RUNS = 5;

/** Times matrix products on this device: some compute bfloat16 several times as fast as float32, some slower. */
export async function probeMatmul(tf: Tf): Promise<MatmulTimes> {
  const float32 = await timeOf(tf, 'float32');
  const bfloat16 = await timeOf(tf, 'bfloat16').catch(() => null);
  const float16 = bfloat16 === null ? await timeOf(tf, 'float16').catch(() => null) : null;
  return { float32, bfloat16, float16 };
}

async function timeOf(tf: Tf, dtype: DType): Promise<number> {
  const graph = new Graph();
  const ops = new Ops(graph);
  let x = ops.cast(graph.placeholder('x', 'float32', [ROWS, WIDTH]), dtype);
  const w = ops.cast(graph.placeholder('w', 'float32', [WIDTH, WIDTH]), dtype);
  for (let i = 0; i < PRODUCTS; i++) x = ops.matMul(x, w);
  ops.identity(ops.halfSquareSum(ops.cast(x, 'float32')), { name: 'result' });
  const session = await GraphSession.open(tf, graph);
  try {
    const filled = (shape: [number, number], value: number): Feed => ({
      dtype: 'float32',
      shape,
      data: new Float32Array(shape[0] * shape[1]).fill(value),
    });
    const feeds = { x: filled([ROWS, WIDTH], 1), w: filled([WIDTH, WIDTH], 1 / WIDTH) };
    const times = Array.from({ length: RUNS + 1 }, () => {
      const startMs = performance.now();
      session.run(feeds, ['result']);
      return performance.now() - startMs;
    });
    return Math.min(...times.slice(1));
  } finally {
    session.close();
  }
}
