import { Competition, type DatasetRow, LoraTrainer, loadEvaluationSet } from 'flock-off';
import { LOCAL_COMPETITION, sampleDatasets, TINY_BASE, TINY_EVAL_DATA } from 'flock-off/local';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { createLoraAdapter, type LoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import type { NamedTensor } from '../../../src/trainer/model/weights.ts';
import { Snapshots } from '../../../src/trainer/run/snapshots.ts';
import { collate } from '../../../src/trainer/tokens/batches.ts';
import { ENGINES, goldenEngine, goldenRows, loadQuietly } from '../golden/golden.ts';

const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

describe.each(ENGINES)('products of gradients: $engine', (engineCase) => {
  test('are those of the gradients that training adds up', async () => {
    const engine = await goldenEngine(await loadQuietly(), engineCase, 'tiny-qwen2');
    const random = new MersenneTwister(5);
    const adapter = createLoraAdapter({ rank: 4, alpha: 8, dropout: 0.1, config: engine.config, random });
    // What an adapter begins with has no gradient in A.
    for (const { data } of adapter.tensors.values())
      for (let i = 0; i < data.length; i++) data[i] = 0.1 * random.nextNormal();
    const [first, second, third] = goldenRows('train').map((row) => collate([row]));
    const gradientOf = async (batches: { batch: typeof first; scale: number }[]) => {
      const still: LoraAdapter = { ...adapter, dropout: 0 };
      const run = engine.startTraining({ adapter: still, optimizer, random: new MersenneTwister(0) });
      for (const { batch, scale } of batches) await run.accumulate(batch!, scale);
      const gradient = await run.gradient();
      run.dispose();
      return gradient;
    };
    const kept = await gradientOf([
      { batch: first, scale: 0.5 },
      { batch: second, scale: 0.25 },
    ]);
    const expected = [
      productOf(kept, await gradientOf([{ batch: third, scale: 2 }])),
      productOf(kept, await gradientOf([{ batch: first, scale: 1 }])),
    ];
    const gradients = engine.startGradients(adapter);
    await gradients.add(first!, 0.5);
    await gradients.add(second!, 0.25);
    await gradients.keep();
    await gradients.add(third!, 2);
    const seen = [await gradients.product()];
    await gradients.add(first!, 1);
    seen.push(await gradients.product());
    gradients.dispose();
    engine.dispose();
    for (const [i, product] of expected.entries()) expect(seen[i]! / product).toBeCloseTo(1, 4);
    expect(Math.abs(expected[0]! - expected[1]!)).toBeGreaterThan(1e-3 * Math.abs(expected[1]!));
  });
});

function productOf(a: Map<string, NamedTensor>, b: Map<string, NamedTensor>): number {
  let sum = 0;
  for (const [name, { data }] of a) for (const [i, value] of data.entries()) sum += value * b.get(name)!.data[i]!;
  return sum;
}

test('snapshots are taken at the end of each part of a run, with its learning rates', async () => {
  const snapshots = new Snapshots({ count: 2, steps: 5, rateOf: (step) => 2 ** step });
  const taken: number[] = [];
  for (let step = 1; step <= 5; step++) {
    // A step without targets is left out, and a snapshot that was due with it comes with the next one.
    if (step === 2) continue;
    await snapshots.take(step, async () => {
      taken.push(step);
      return { rank: 1, alpha: 1, dropout: 0, tensors: new Map() };
    });
  }
  expect(taken).toEqual([3, 5]);
  expect(snapshots.taken.map(({ learningRates }) => learningRates)).toEqual([3, 28]);
});

describe('without the tenth of the rows that hurts most the loss falls', () => {
  const { recipe } = Competition.parse(LOCAL_COMPETITION);
  const rowsIn = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as DatasetRow);
  let trainer: LoraTrainer;
  let evaluation: DatasetRow[];
  beforeAll(async () => {
    trainer = await LoraTrainer.open({ inline: true, model: TINY_BASE });
    evaluation = (await loadEvaluationSet({ path: `${TINY_EVAL_DATA}data.jsonl` })).rows;
  });
  afterAll(() => trainer.dispose());

  const trainOn = async (rows: DatasetRow[], seed: number, snapshots?: number) => {
    const trained = await trainer.train({ rows, recipe, seed, snapshots });
    if (!trained.ok) throw new Error(trained.verdict.message);
    const { contextTokens } = recipe;
    const evaluated = await trainer.evaluate({ rows: evaluation, adapter: trained.value.adapter, contextTokens });
    if (!evaluated.ok) throw new Error(evaluated.verdict.message);
    return { loss: evaluated.value.lossNatsPerToken, snapshots: trained.value.snapshots ?? [] };
  };

  // One of three in CI, each of which trains twice.
  test.each(process.env.CI ? [1] : [1, 2, 3])(
    'good rows among which a tenth is noise, seed %i',
    async (seed) => {
      const { good, noise } = sampleDatasets({ seed });
      const rows = [...rowsIn(good), ...rowsIn(noise).slice(0, 11)];
      const tenth = Math.round(rows.length / 10);
      const whole = await trainOn(rows, seed, recipe.epochs);
      expect(whole.snapshots).toHaveLength(recipe.epochs);
      const { contextTokens } = recipe;
      // Half of the set tells enough, and takes half as long.
      const set = evaluation.slice(0, 30);
      const values = await trainer.influence({ rows, evaluation: set, snapshots: whole.snapshots, contextTokens });
      const order = values.map((value, row) => ({ value: value!, row })).sort((a, b) => a.value - b.value);
      const worst = new Set(order.slice(0, tenth).map(({ row }) => row));
      expect([...worst].filter((row) => row >= 96).length).toBeGreaterThanOrEqual(9);
      const left = await trainOn(
        rows.filter((_, row) => !worst.has(row)),
        seed,
      );
      expect(left.loss).toBeLessThan(whole.loss);
    },
    120_000,
  );

  test('a row without an answer in the context has no value, and nothing is measured without targets or snapshots', async () => {
    const rows = rowsIn(sampleDatasets({ seed: 1 }).good).slice(0, 8);
    const { snapshots } = await trainOn(rows, 1, 1);
    const cut: DatasetRow = {
      conversations: [
        { role: 'user', content: 'Go on. '.repeat(200) },
        { role: 'assistant', content: 'Yes.' },
      ],
    };
    const { contextTokens } = recipe;
    const values = await trainer.influence({ rows: [cut, ...rows], evaluation, snapshots, contextTokens });
    expect(values[0]).toBeNull();
    expect(values.slice(1).every((value) => Number.isFinite(value))).toBe(true);
    await expect(trainer.influence({ rows, evaluation: [cut], snapshots, contextTokens })).rejects.toThrow(
      'no evaluation row has an assistant token inside the context',
    );
    await expect(trainer.influence({ rows, evaluation, snapshots: [], contextTokens })).rejects.toThrow('no snapshots');
  }, 60_000);
});
