import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { LoraRecipe } from '../../../src/schema/competition.ts';
import { GraphEngine, type GraphEngineOptions } from '../../../src/trainer/engine/graph/graph-engine.ts';
import { TfjsEngine } from '../../../src/trainer/engine/plain/tfjs-engine.ts';
import { type LoadedTensorFlow, loadTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { openModelWeights, readModelConfig } from '../../../src/trainer/model/model-files.ts';
import { openSafetensors } from '../../../src/trainer/model/safetensors.ts';
import type { NamedTensor } from '../../../src/trainer/model/weights.ts';
import type { TokenRow } from '../../../src/trainer/tokens/chat.ts';
import { golden } from './golden-path.ts';

export { golden };

// biome-ignore lint/suspicious/noExplicitAny: the vectors are described in their README
export function goldenJson(...parts: string[]): any {
  return JSON.parse(readFileSync(golden(...parts), 'utf8'));
}

export function goldenTensors(...parts: string[]): Promise<Map<string, NamedTensor>> {
  return readTensors(golden(...parts));
}

export async function readTensors(path: string): Promise<Map<string, NamedTensor>> {
  const file = await openSafetensors(path);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, { shape, dtype }] of file.entries) {
    const data = dtype === 'U8' ? Float32Array.from(await file.readBytes(name)) : await file.readFloats(name);
    tensors.set(name, { shape, data });
  }
  await file.close();
  return tensors;
}

/** Rows as HF writes them (`input_ids`, `labels`, `attention_mask`), without their padding. */
export function toTokenRows(batch: {
  input_ids: number[][];
  labels: number[][];
  attention_mask?: number[][];
}): TokenRow[] {
  return batch.input_ids.map((ids, row) => {
    const length = batch.attention_mask?.[row]?.reduce((sum, seen) => sum + seen, 0) ?? ids.length;
    return { inputIds: ids.slice(0, length), labels: batch.labels[row]!.slice(0, length) };
  });
}

export function goldenRows(name: 'train' | 'eval' | 'edge'): TokenRow[] {
  const { rows } = goldenJson('data', `${name}.tokens.json`);
  return rows.map((row: { input_ids: number[]; labels: number[] }) => ({
    inputIds: row.input_ids,
    labels: row.labels,
  }));
}

/** The best backend of this machine, quiet. */
export async function loadQuietly(): Promise<LoadedTensorFlow> {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  return loadTensorFlow();
}

export type GoldenEngine = TfjsEngine | GraphEngine;

/** What computes: plain TensorFlow.js operations with their own gradients, or one graph with gradients written out. */
export interface EngineCase extends GraphEngineOptions {
  engine: 'plain operations' | 'one graph';
}
export const ENGINES: EngineCase[] = [{ engine: 'plain operations' }, { engine: 'one graph' }];

export async function goldenEngine(
  { tf }: LoadedTensorFlow,
  { engine, ...options }: EngineCase,
  model: string,
): Promise<GoldenEngine> {
  const config = await readModelConfig(golden(model));
  const weights = await openModelWeights(golden(model), config);
  try {
    if (engine === 'one graph') return await GraphEngine.create(tf, config, weights, options);
    return await TfjsEngine.create(tf, config, weights.read);
  } finally {
    await weights.close();
  }
}

/**
 * How far PEFT's own gradient of an adapter is from the truth where its base is in bfloat16: distance over length. From
 * peft-half.py with PEFT 0.21.2, transformers 5.23.0 and torch 2.13.0 on a CPU; peft.test.ts compares it with the PEFT at hand.
 */
export const PEFT_IN_BFLOAT16: Record<string, number> = {
  'tiny-r4-std': 0.0221,
  'tiny-r4-nonzero': 0.0215,
  'untied-r16-std': 0.0287,
  'untied-r16-nonzero': 0.0382,
};
/** How much farther ours may be, on any device: with and without fused products. */
export const OVER_PEFT_IN_BFLOAT16 = 1.6;

const TOLERANCES: Record<string, number> = Object.fromEntries(
  Object.entries(goldenJson('tolerances.json').tolerances as Record<string, { tolerance: number }>).map(
    ([quantity, { tolerance }]) => [quantity, tolerance],
  ),
);

const worst = new Map<string, number>();

/** Expects a deviation to be within the quantity's tolerance in tolerances.json, and remembers the worst one. */
export function expectWithin(quantity: string, deviation: number, label = ''): void {
  worst.set(quantity, Math.max(worst.get(quantity) ?? 0, deviation));
  expect(deviation, `${quantity} ${label}`).toBeLessThanOrEqual(TOLERANCES[quantity]!);
}

/** With SHOW_FIDELITY=1 prints the worst deviations: the numbers of docs/fidelity.md. */
export function showFidelity(): void {
  if (!process.env.SHOW_FIDELITY) return;
  for (const [quantity, value] of worst)
    console.log(`${quantity.padEnd(22)} ${value.toExponential(1)} of ${TOLERANCES[quantity]}`);
}

/** Largest |x - truth| over the largest |truth|. A tensor that should be all zero must be. */
export function overScale(values: ArrayLike<number>, truth: ArrayLike<number>): number {
  expect(values.length).toBe(truth.length);
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < truth.length; i++) {
    difference = Math.max(difference, Math.abs(values[i]! - truth[i]!));
    scale = Math.max(scale, Math.abs(truth[i]!));
  }
  if (Number.isNaN(difference)) return Number.NaN;
  return difference === 0 ? 0 : difference / scale;
}

export function relative(value: number, truth: number): number {
  return truth === 0 ? Math.abs(value) : Math.abs(value - truth) / Math.abs(truth);
}

/** L2 of the difference over L2 of the truth, all tensors together. */
export function distance(seen: Map<string, NamedTensor>, truth: Map<string, NamedTensor>): number {
  let difference = 0;
  let scale = 0;
  for (const [name, { data }] of truth) {
    const values = seen.get(name)!.data;
    for (let i = 0; i < data.length; i++) {
      difference += (values[i]! - data[i]!) ** 2;
      scale += data[i]! ** 2;
    }
  }
  return Math.sqrt(difference / scale);
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flock-off-trainer-'));
  folders.push(folder);
  return folder;
}

/** The recipe of a recorded training run, by the arguments it was recorded with. */
export function goldenRecipe(args: Record<string, number>): LoraRecipe {
  return LoraRecipe.parse({
    batchSize: args.per_device_train_batch_size,
    gradientAccumulation: args.gradient_accumulation_steps,
    epochs: args.num_train_epochs,
    learningRate: args.learning_rate,
    maxGradNorm: args.max_grad_norm,
    warmupSteps: args.warmup_steps,
    dropout: 0,
  });
}
