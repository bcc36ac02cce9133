import type { Tensor2D } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GraphEngine } from '../../../src/trainer/engine/graph/graph-engine.ts';
import { forward, headOf, tokenLosses, type WeightTensors } from '../../../src/trainer/engine/plain/qwen2.ts';
import type { LoadedTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { openModelWeights, readModelConfig } from '../../../src/trainer/model/model-files.ts';
import { weightShapes } from '../../../src/trainer/model/weights.ts';
import { collate, pad } from '../../../src/trainer/tokens/batches.ts';
import {
  expectWithin,
  golden,
  goldenEngine,
  goldenJson,
  goldenTensors,
  loadQuietly,
  overScale,
  showFidelity,
  toTokenRows,
} from './golden.ts';

let loaded: LoadedTensorFlow;
beforeAll(async () => {
  loaded = await loadQuietly();
});
afterAll(showFidelity);

describe('the forward pass equals transformers', () => {
  it.each([
    ['tiny-qwen2', 'chat'],
    ['tiny-qwen2', 'random'],
    ['tiny-qwen2', 'long'],
    ['tiny-qwen2-untied', 'chat'],
    ['tiny-qwen2-untied', 'random'],
    ['tiny-qwen2-bf16', 'chat'],
  ])('%s on %s: hidden states, logits, token losses', async (model, name) => {
    const { tf } = loaded;
    const config = await readModelConfig(golden(model));
    const weights = await uploadWeights(model);
    const json = goldenJson('forward', `${model}.${name}.json`);
    const rows = toTokenRows(goldenJson('forward', `batch-${name}.json`));
    const truth = await goldenTensors('forward', `${model}.${name}.truth.safetensors`);
    const batch = pad(collate(rows));

    const { embedded, layers, normed } = tf.tidy(() => forward({ tf, config, weights, batch }));
    const logits: Tensor2D = tf.tidy(() => tf.matMul(normed, headOf(config, weights), false, true));
    const stages: [string, Tensor2D][] = [
      ['hidden.embed', embedded],
      ...layers.map((layer, i): [string, Tensor2D] => [`hidden.layer${i}`, layer]),
      ['hidden.final_norm', normed],
      ['logits', logits],
    ];
    for (const [stage, tensor] of stages) {
      const seen = asRecorded(tensor.dataSync(), rows, tensor.shape[1], json.tensor_positions, batch.length);
      const quantity = stage === 'logits' ? 'forward.logits' : 'forward.hidden';
      expectWithin(quantity, overScale(seen, truth.get(stage)!.data), `${model} ${name} ${stage}`);
    }

    const losses = tf.tidy(() => tokenLosses({ tf, config, weights, batch }));
    const mean = Array.from(losses.dataSync()).reduce((sum, loss) => sum + loss, 0) / losses.size;
    expect(losses.size).toBe(json.label_tokens);
    expectWithin('forward.loss', Math.abs(mean - json.loss.truth_fp64), `${model} ${name}`);
    tf.dispose([embedded, layers, normed, logits, losses, ...weights.values()]);
  });
});

describe('the forward pass of the graph equals transformers', () => {
  it.each([
    ['tiny-qwen2', 'chat'],
    ['tiny-qwen2', 'random'],
    ['tiny-qwen2', 'long'],
    ['tiny-qwen2-untied', 'chat'],
    ['tiny-qwen2-untied', 'random'],
    ['tiny-qwen2-bf16', 'chat'],
  ])('%s on %s: hidden states, logits, token losses', async (model, name) => {
    const engine = (await goldenEngine(loaded, { engine: 'one graph' }, model)) as GraphEngine;
    const { layers, hiddenSize, vocabSize } = engine.config;
    const json = goldenJson('forward', `${model}.${name}.json`);
    const rows = toTokenRows(goldenJson('forward', `batch-${name}.json`));
    const truth = await goldenTensors('forward', `${model}.${name}.truth.safetensors`);
    const batch = collate(rows);

    const hidden = ['embed', ...Array.from({ length: layers }, (_, i) => `layer${i}`)];
    const everywhere = { ...batch, targetPositions: Int32Array.from(batch.inputIds.keys()), targetIds: batch.inputIds };
    const values = engine.stages(null, everywhere, [...hidden, 'logits']);
    const stages: [string, ArrayLike<number>, number][] = [
      ...hidden.map((stage, i): [string, ArrayLike<number>, number] => [`hidden.${stage}`, values[i]!, hiddenSize]),
      ['logits', values[hidden.length]!, vocabSize],
    ];
    for (const [stage, seen, width] of stages) {
      const kept = asRecorded(seen, rows, width, json.tensor_positions);
      const quantity = stage === 'logits' ? 'forward.logits' : 'forward.hidden';
      expectWithin(quantity, overScale(kept, truth.get(stage)!.data), `${model} ${name} ${stage}`);
    }
    const losses = await engine.startEvaluation(null).tokenLosses(batch);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect(losses.length).toBe(json.label_tokens);
    expectWithin('forward.loss', Math.abs(mean - json.loss.truth_fp64), `${model} ${name}`);
    engine.dispose();
  });
});

async function uploadWeights(model: string): Promise<WeightTensors> {
  const config = await readModelConfig(golden(model));
  const weights = await openModelWeights(golden(model), config);
  const tensors: WeightTensors = new Map();
  for (const name of weightShapes(config).keys()) {
    const { data, shape } = await weights.read(name);
    tensors.set(name, loaded.tf.tensor(data, shape));
  }
  await weights.close();
  return tensors;
}

/**
 * The vectors hold 0 at padded positions, and of the long row only some positions. `values` are those of packed rows, or of
 * rows padded to `padded` tokens.
 */
function asRecorded(
  values: ArrayLike<number>,
  rows: { inputIds: ArrayLike<number> }[],
  width: number,
  positions: 'all' | number[],
  padded?: number,
): number[] {
  const longest = Math.max(...rows.map((row) => row.inputIds.length));
  let start = 0;
  return rows.flatMap(({ inputIds: { length } }) => {
    const from = start;
    start += padded ?? length;
    return (positions === 'all' ? Array.from({ length: longest }, (_, i) => i) : positions).flatMap((position) =>
      Array.from({ length: width }, (_, i) => (position < length ? values[(from + position) * width + i]! : 0)),
    );
  });
}
