import { beforeAll, describe, expect, it } from 'vitest';
import { LoraRecipe } from '../../src/schema/competition.ts';
import type { LoraEngine } from '../../src/trainer/engine.ts';
import { evaluateTokens } from '../../src/trainer/evaluate.ts';
import { prepareEvaluation } from '../../src/trainer/evaluation-set.ts';
import { loadLoraAdapter } from '../../src/trainer/lora-adapter.ts';
import type { LoadedTensorFlow } from '../../src/trainer/tensorflow.ts';
import { trainTokens } from '../../src/trainer/train.ts';
import { ENGINES, golden, goldenEngine, goldenRows, loadQuietly } from './golden.ts';

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

/** An engine whose second step has these numbers. */
function engineThatGives(loss: number, gradNorm: number) {
  const steps: number[] = [];
  let step = 1;
  const engine = {
    config: { layers: 0 },
    startTraining: () => ({
      accumulate: async () => (step === 2 ? loss : 1) / recipe.gradientAccumulation,
      gradNorm: async () => (step === 2 ? gradNorm : 1),
      step: () => steps.push(step++),
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
    const { engine, steps } = engineThatGives(loss, gradNorm);
    const result = await trainTokens({ engine, rows, recipe, seed: 7, nowMs: () => 0 });
    expect(result).toMatchObject({ ok: false, verdict: { reason: 'diverged', facts: { step: 2, steps: 3 } } });
    expect(steps).toEqual([1]);
  });
});
