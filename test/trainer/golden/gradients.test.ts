import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MersenneTwister } from '../../../src/shared/random.ts';
import type { DropoutMask } from '../../../src/trainer/engine/engine.ts';
import type { LoadedTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { loadLoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import type { NamedTensor } from '../../../src/trainer/model/weights.ts';
import { collate, type TokenBatch } from '../../../src/trainer/tokens/batches.ts';
import {
  ENGINES,
  type EngineCase,
  expectWithin,
  golden,
  goldenEngine,
  goldenJson,
  goldenRows,
  goldenTensors,
  loadQuietly,
  overScale,
  relative,
  showFidelity,
  toTokenRows,
} from './golden.ts';

const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

const CASES: EngineCase[] = [...ENGINES, { engine: 'one graph', checkpointing: 'layer' }];

let loaded: LoadedTensorFlow;
beforeAll(async () => {
  loaded = await loadQuietly();
});
afterAll(showFidelity);

describe.each(CASES)('the gradient of every adapter matrix equals PEFT: $engine $checkpointing', (engine) => {
  it.each(['tiny-r4-std', 'tiny-r4-nonzero', 'untied-r16-std', 'untied-r16-nonzero'])('%s', async (name) => {
    const { model, batch, loss, grad_norm } = goldenJson('lora', name, 'golden.json');
    const seen = await gradientOf({
      engine,
      model,
      adapter: `lora/${name}`,
      batch: collate(toTokenRows(goldenJson(batch))),
    });
    expectWithin('lora.loss', Math.abs(seen.loss - loss.truth_fp64), name);
    expectWithin('lora.grad_norm', relative(seen.gradNorm, grad_norm.truth_fp64), name);
    expectSameGradients('lora.grads', seen.gradient, await goldenTensors('lora', name, 'grads.truth.safetensors'));
  });

  it('with dropout, when its masks are replayed', async () => {
    const folder = 'dropout/untied-r16-p0.1';
    const { model, adapter, batch, p, loss, grad_norm } = goldenJson(folder, 'golden.json');
    const masks = await goldenTensors(folder, 'masks.safetensors');
    const mask: DropoutMask = (path) => masks.get(path)!.data.map((kept) => kept / (1 - p));
    const seen = await gradientOf({
      engine,
      model,
      adapter,
      batch: collate(toTokenRows(goldenJson(batch))),
      mask,
      dropout: p,
    });
    expectWithin('dropout.loss', Math.abs(seen.loss - loss.truth_fp64));
    expectWithin('dropout.grad_norm', relative(seen.gradNorm, grad_norm.truth_fp64));
    expectSameGradients('dropout.grads', seen.gradient, await goldenTensors(folder, 'grads.truth.safetensors'));
  });
});

describe.each(CASES)('edge rows: $engine $checkpointing', (engine) => {
  const edge = goldenJson('eval', 'edge.json');

  it('a row without labels adds nothing to a training batch', async () => {
    const { rows } = edge.labelless_row_in_a_training_batch;
    const tokens = goldenRows('edge');
    const [labelled] = rows.map((row: number) => tokens[row]!);
    const withIt = await gradientOf({
      engine,
      model: edge.model,
      adapter: 'lora/tiny-r4-nonzero',
      batch: collate(rows.map((row: number) => tokens[row]!)),
    });
    const without = await gradientOf({
      engine,
      model: edge.model,
      adapter: 'lora/tiny-r4-nonzero',
      batch: collate([labelled]),
    });
    expect(Math.abs(withIt.loss - edge.labelless_row_in_a_training_batch.loss_without)).toBeLessThan(1e-5);
    for (const [name, { data }] of without.gradient) {
      expectWithin('lora.grads', overScale(withIt.gradient.get(name)!.data, data), name);
    }
  });

  it('a row that is all padding adds nothing either', async () => {
    const { batch, adapter, loss_truth_fp64 } = edge.all_padding_row_in_a_batch;
    const { loss, gradient } = await gradientOf({
      engine,
      model: edge.model,
      adapter,
      batch: collate(toTokenRows(batch)),
    });
    expectWithin('lora.loss', Math.abs(loss - loss_truth_fp64));
    for (const { data } of gradient.values()) expect(data.every(Number.isFinite)).toBe(true);
  });
});

interface GradientOfParameters {
  engine: EngineCase;
  model: string;
  adapter: string;
  batch: TokenBatch;
  mask?: DropoutMask;
  dropout?: number;
}

async function gradientOf({ engine: engineCase, model, adapter, batch, mask, dropout = 0 }: GradientOfParameters) {
  const engine = await goldenEngine(loaded, engineCase, model);
  const run = engine.startTraining({
    adapter: { ...(await loadLoraAdapter({ folder: golden(adapter) })), dropout },
    optimizer,
    random: new MersenneTwister(0),
    mask,
  });
  const loss = await run.accumulate(batch, 1 / batch.targetIds.length);
  const seen = { loss, gradNorm: await run.gradNorm(), gradient: await run.gradient() };
  run.dispose();
  engine.dispose();
  return seen;
}

function expectSameGradients(quantity: string, seen: Map<string, NamedTensor>, truth: Map<string, NamedTensor>): void {
  expect([...seen.keys()].sort()).toEqual([...truth.keys()].sort());
  for (const [name, { data, shape }] of truth) {
    expect(seen.get(name)!.shape).toEqual(shape);
    expectWithin(quantity, overScale(seen.get(name)!.data, data), name);
  }
}
