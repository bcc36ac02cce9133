/**
 * Runs each call of the training engine on the device that TensorFlow finds, with random weights, and prints one JSON
 * object: what {@link Measured} names. The stand-in counts launches, copies and memory; a real card counts none of them.
 *
 *     npx tsx test/gpu/measure.ts '{"matmul":"bfloat16","storage":"bfloat16"}'
 */
import { openSync, readSync, writeSync } from 'node:fs';
import { LoraRecipe } from '../../src/schema/competition.ts';
import { MersenneTwister } from '../../src/shared/random.ts';
import type { MatrixType } from '../../src/trainer/engine/graph/graph.ts';
import { GraphEngine } from '../../src/trainer/engine/graph/graph-engine.ts';
import { trainingBytes } from '../../src/trainer/engine/graph/memory.ts';
import { loadTensorFlow } from '../../src/trainer/engine/tensorflow.ts';
import type { Qwen2Config } from '../../src/trainer/model/config.ts';
import { createLoraAdapter } from '../../src/trainer/model/lora-adapter.ts';
import { floatsToBfloat16 } from '../../src/trainer/model/safetensors.ts';
import { weightShapes } from '../../src/trainer/model/weights.ts';
import { setUpTensorFlow } from '../../src/trainer/process/set-up-tensorflow.ts';
import { collate } from '../../src/trainer/tokens/batches.ts';
import { randomWeight, SHAPES } from '../bench/shapes.ts';

export interface MeasureParameters {
  storage?: MatrixType;
  matmul?: MatrixType;
  checkpointing?: 'none' | 'layer';
  xla?: 'on' | 'off';
  rows?: number;
  /** Tokens of a row. */
  length?: number;
  /** Tokens of further rows, each a micro batch of its own. */
  further?: number[];
  /** What differs from the tiny shape. */
  shape?: Partial<Qwen2Config>;
}

/** What one call did on the stand-in. */
export interface Counts {
  launches: number;
  copiesUp: number;
  bytesUp: number;
  copiesDown: number;
  bytesDown: number;
  liveBytes: number;
  /** Most bytes of tensors on the device at once. */
  peakBytes: number;
}
const NAMES = ['launches', 'copiesUp', 'bytesUp', 'copiesDown', 'bytesDown', 'liveBytes', 'peakBytes'] as const;
const PEAK_AT = 8 * NAMES.indexOf('peakBytes');

export interface Measured {
  cuda: boolean;
  losses: number[];
  /** Time of each micro batch: the first one prepares the graph, or compiles it. */
  accumulateMs: number[];
  /** Of the base weights, as they are stored. */
  weightBytes: number;
  /** Of the largest of them. */
  largestBytes: number;
  /** What the trainer's estimate says that training takes. */
  estimateBytes: number;
  calls: Record<'load' | 'start' | 'accumulate' | 'norm' | 'step' | 'evaluate' | 'adapter', Counts>;
}

const options: MeasureParameters = JSON.parse(process.argv[2] ?? '{}');
const { storage = 'float32', matmul = 'float32', checkpointing = 'none', rows = 1, length = 64 } = options;
const config: Qwen2Config = { ...SHAPES.tiny!, ...options.shape };
const counters = process.env.TF_GPU_STAND_IN_COUNTERS ? openSync(process.env.TF_GPU_STAND_IN_COUNTERS, 'r+') : null;
const calls: Partial<Measured['calls']> = {};

function counts(): Counts {
  const values = new BigInt64Array(NAMES.length);
  if (counters !== null) readSync(counters, new Uint8Array(values.buffer), 0, 8 * NAMES.length, 0);
  return Object.fromEntries(NAMES.map((name, i) => [name, Number(values[i])])) as unknown as Counts;
}

/** The last one of several calls stays. */
async function counted<T>(call: keyof Measured['calls'], work: () => T | Promise<T>): Promise<T> {
  const before = counts();
  if (counters !== null)
    writeSync(counters, new Uint8Array(BigInt64Array.of(BigInt(before.liveBytes)).buffer), 0, 8, PEAK_AT);
  const result = await work();
  const after = counts();
  const sinceThen = NAMES.slice(0, 5).map((name) => [name, after[name] - before[name]]);
  calls[call] = { ...after, ...Object.fromEntries(sinceThen) };
  return result;
}

setUpTensorFlow({ xla: options.xla });
const { tf, backend } = await loadTensorFlow();
const shapes = weightShapes(config);
const read = async (name: string) => randomWeight(name, shapes.get(name)!);
const readBfloat16 = async (name: string) => floatsToBfloat16((await read(name)).data);
const engine = await counted('load', () =>
  GraphEngine.create(
    tf,
    config,
    { read, readBfloat16 },
    { storage, matmul, checkpointing, buckets: options.xla === 'on' },
  ),
);
const random = new MersenneTwister(0);
const batchOf = (rows: number, length: number) => {
  const row = () => Array.from({ length }, () => random.nextUint32() % config.vocabSize);
  return collate(Array.from({ length: rows }, row).map((inputIds) => ({ inputIds, labels: inputIds })));
};
const batch = batchOf(rows, length);
const further = (options.further ?? []).map((length) => batchOf(1, length));
const adapter = createLoraAdapter({ config, rank: 16, alpha: 32, dropout: 0.1, random });
const run = await counted('start', () => engine.startTraining({ adapter, optimizer: LoraRecipe.parse({}), random }));
const losses: number[] = [];
const accumulateMs: number[] = [];
for (let step = 0; step < 3; step++) {
  const startMs = performance.now();
  losses.push(await counted('accumulate', () => run.accumulate(batch, 1 / batch.targetIds.length)));
  accumulateMs.push(Math.round(performance.now() - startMs));
  await counted('norm', () => run.gradNorm());
  await counted('step', () => run.step(1e-3, 1));
}
for (const batch of further) losses.push(await run.accumulate(batch, 1 / batch.targetIds.length));
const trained = await counted('adapter', () => run.adapter());
const evaluation = engine.startEvaluation(trained);
for (let times = 0; times < 2; times++) await counted('evaluate', () => evaluation.tokenLosses(batch));
engine.dispose();

const bytesOf = { float32: 4, bfloat16: 2, float16: 2 };
const sizes = [...shapes].map(([name, [rows, columns]]) => {
  if (columns !== undefined) return bytesOf[storage] * rows * columns;
  return rows * (name.endsWith('.bias') ? bytesOf[matmul] : 4);
});
const weightBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
const estimateBytes = trainingBytes({
  config,
  storage,
  matmul,
  rank: 16,
  lengths: new Array<number>(rows).fill(length),
  checkpointing,
  device: 'cpu',
});
const measured = {
  cuda: backend.cuda,
  losses,
  accumulateMs,
  weightBytes,
  largestBytes: Math.max(...sizes),
  estimateBytes,
};
console.log(JSON.stringify({ ...measured, calls }));
