import { beforeAll, describe, expect, it } from 'vitest';
import { LoraRecipe } from '../../../src/schema/competition.ts';
import type { LoraEngine } from '../../../src/trainer/engine/engine.ts';
import { GraphEngine } from '../../../src/trainer/engine/graph/graph-engine.ts';
import { TfjsEngine } from '../../../src/trainer/engine/plain/tfjs-engine.ts';
import type { LoadedTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { loadLoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import { openModelWeights, readModelConfig } from '../../../src/trainer/model/model-files.ts';
import { evaluateTokens } from '../../../src/trainer/run/evaluate.ts';
import { trainTokens } from '../../../src/trainer/run/train.ts';
import type { TokenBatch } from '../../../src/trainer/tokens/batches.ts';
import { prepareEvaluation } from '../../../src/trainer/tokens/evaluation-set.ts';
import { ENGINES, golden, goldenEngine, goldenRows, loadQuietly } from '../golden/golden.ts';

let loaded: LoadedTensorFlow;
beforeAll(async () => {
  loaded = await loadQuietly();
});

const recipe = LoraRecipe.parse({ rank: 4, alpha: 8, warmupSteps: 1, epochs: 1 });
const rows = goldenRows('train').slice(0, 24);

describe.each(ENGINES)('what is no number is a verdict with the step, never a loss: $engine', (engineCase) => {
  it('in training', async () => {
    const engine = await goldenEngine(loaded, engineCase, 'tiny-qwen2');
    const seen: number[] = [];
    const result = await trainTokens({
      ...{ engine, rows, recipe: { ...recipe, learningRate: 1e30 }, seed: 7, nowMs: () => 0 },
      onProgress: ({ step }) => seen.push(step),
    });
    expect(result).toMatchObject({ ok: false, verdict: { reason: 'diverged', facts: { step: 3, steps: 3 } } });
    expect(seen).toEqual([1, 2]);
    engine.dispose();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('in the evaluation of an adapter full of %d', async (value) => {
    const engine = await goldenEngine(loaded, engineCase, 'tiny-qwen2');
    const adapter = await loadLoraAdapter({ folder: golden('lora/tiny-r4-nonzero') });
    for (const { data } of adapter.tensors.values()) data.fill(value);
    const set = prepareEvaluation(goldenRows('eval'));
    const result = await evaluateTokens({ engine, set, adapter });
    expect(result).toMatchObject({ ok: false, verdict: { reason: 'diverged' } });
    engine.dispose();
  });
});

/** An engine one of whose steps has these numbers; the base model's losses are `baseLoss`. */
function engineThatGives({
  at,
  loss,
  gradNorm,
  baseLoss = 1,
}: Record<'at' | 'loss' | 'gradNorm', number> & { baseLoss?: number }) {
  const steps: number[] = [];
  let step = 1;
  const engine = {
    config: { layers: 0 },
    callTokens: Number.POSITIVE_INFINITY,
    startTraining: () => ({
      accumulate: async () => (step === at ? loss : 1),
      gradNorm: async () => (step === at ? gradNorm : 1),
      step: () => steps.push(step++),
      dispose: () => {},
    }),
    startEvaluation: () => ({
      tokenLosses: async ({ targetIds }: TokenBatch) => new Float32Array(targetIds.length).fill(baseLoss),
      dispose: () => {},
    }),
  } as unknown as LoraEngine;
  return { engine, steps };
}

describe('the optimizer never takes a gradient of a step', () => {
  it.each([
    ['loss', Number.NaN, 1],
    ['loss', Number.POSITIVE_INFINITY, 1],
    ['gradient norm', 2, Number.NaN],
    ['gradient norm', 2, Number.POSITIVE_INFINITY],
  ])('whose %s is not finite (%d, %d)', async (_what, loss, gradNorm) => {
    const { engine, steps } = engineThatGives({ at: 3, loss, gradNorm });
    const result = await trainTokens({ engine, rows, recipe, seed: 7, nowMs: () => 0 });
    expect(result).toMatchObject({ ok: false, verdict: { reason: 'diverged', facts: { step: 3, steps: 3 } } });
    expect(steps).toEqual([1, 2]);
  });
});

describe('what is not the doing of the rows is no verdict on them', () => {
  // The first step has rate 0, so the second computes on an adapter that has learned nothing yet.
  it.each([1, 2])('a number that is not finite in step %d', async (at) => {
    const { engine } = engineThatGives({ at, loss: 2, gradNorm: Number.NaN });
    await expect(trainTokens({ engine, rows, recipe, seed: 7, nowMs: () => 0 })).rejects.toMatchObject({
      code: 'trainer-failed',
      transient: true,
      message: expect.stringContaining(`step ${at} of 3 has the loss 2 and the gradient norm NaN`),
    });
  });

  it('a loss that the base model alone does not compute either', async () => {
    const { engine } = engineThatGives({ at: 3, loss: Number.NaN, gradNorm: 1, baseLoss: Number.NaN });
    const work = trainTokens({ engine, rows, recipe, seed: 7, nowMs: () => 0 });
    await expect(work).rejects.toMatchObject({ code: 'bad-model' });
  });

  it.each(ENGINES)('a base model that is finite and gives no finite loss: $engine', async (engineCase) => {
    const { tf } = loaded;
    const config = await readModelConfig(golden('tiny-qwen2'));
    const weights = await openModelWeights(golden('tiny-qwen2'), config);
    const read = async (name: string) => {
      const tensor = await weights.read(name);
      return name.endsWith('layers.0.mlp.up_proj.weight') ? { ...tensor, data: tensor.data.fill(3e38) } : tensor;
    };
    const engine =
      engineCase.engine === 'one graph'
        ? await GraphEngine.create(tf, config, { read, readBfloat16: (name) => weights.readBfloat16(name) })
        : await TfjsEngine.create(tf, config, read);
    await expect(trainTokens({ engine, rows, recipe, seed: 7, nowMs: () => 0 })).rejects.toMatchObject({
      code: 'bad-model',
    });
    const adapter = await loadLoraAdapter({ folder: golden('lora/tiny-r4-nonzero') });
    const set = prepareEvaluation(goldenRows('eval'));
    await expect(evaluateTokens({ engine, set, adapter })).rejects.toMatchObject({ code: 'bad-model' });
    engine.dispose();
    await weights.close();
  });
});
