import { tmpdir } from 'node:os';
import { beforeAll, describe, expect, it } from 'vitest';
import { MersenneTwister } from '../../../../src/shared/random.ts';
import type { GraphEngineOptions } from '../../../../src/trainer/engine/graph/graph-engine.ts';
import { planBatch, trainingBytes } from '../../../../src/trainer/engine/graph/memory.ts';
import type { LoadedTensorFlow } from '../../../../src/trainer/engine/tensorflow.ts';
import { createLoraAdapter, type LoraAdapter } from '../../../../src/trainer/model/lora-adapter.ts';
import { readModelConfig } from '../../../../src/trainer/model/model-files.ts';
import { LocalTrainer } from '../../../../src/trainer/process/local-trainer.ts';
import { collate, type TokenBatch } from '../../../../src/trainer/tokens/batches.ts';
import { SHAPES } from '../../../bench/shapes.ts';
import { golden, goldenEngine, loadQuietly, overScale } from '../../golden/golden.ts';

// What the golden vectors do not reach, against the engine of plain operations, which they hold to the truth.

const MODEL = 'tiny-qwen2';
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
let loaded: LoadedTensorFlow;
beforeAll(async () => {
  loaded = await loadQuietly();
});
const plain = () => goldenEngine(loaded, { engine: 'plain operations' }, MODEL);
const graph = (options: GraphEngineOptions = {}) => goldenEngine(loaded, { engine: 'one graph', ...options }, MODEL);

/** Rows of random tokens, each with a label from a place on. */
function batchOf(lengths: number[], labelledFrom = 1): TokenBatch {
  const random = new MersenneTwister(5);
  return collate(
    lengths.map((length) => {
      const inputIds = Array.from({ length }, () => random.nextUint32() % 512);
      return { inputIds, labels: inputIds.map((id, i) => (i < labelledFrom ? -100 : id)) };
    }),
  );
}

/** An adapter that changes something: B is not zero. */
async function adapterOf(rank: number, dropout = 0): Promise<LoraAdapter> {
  const random = new MersenneTwister(rank);
  const adapter = createLoraAdapter({
    config: await readModelConfig(golden(MODEL)),
    rank,
    alpha: 2 * rank,
    dropout,
    random,
  });
  for (const [name, { data }] of adapter.tensors)
    if (name.includes('lora_B')) for (let i = 0; i < data.length; i++) data[i] = 0.02 * random.nextNormal();
  return adapter;
}

type Engine = Awaited<ReturnType<typeof plain>>;
async function gradients(engine: Engine, adapter: LoraAdapter, batches: TokenBatch[]) {
  const run = engine.startTraining({ adapter, optimizer, random: new MersenneTwister(1) });
  const losses: number[] = [];
  for (const batch of batches) losses.push(await run.accumulate(batch, 1 / batch.targetIds.length));
  const seen = { losses, norm: await run.gradNorm(), gradient: await run.gradient(), divided: run.divided };
  run.dispose();
  return seen;
}

function expectEqual(seen: Awaited<ReturnType<typeof gradients>>, truth: Awaited<ReturnType<typeof gradients>>): void {
  seen.losses.forEach((loss, i) => void expect(loss).toBeCloseTo(truth.losses[i]!, 5));
  expect(seen.norm / truth.norm).toBeCloseTo(1, 5);
  for (const [name, { data }] of truth.gradient)
    expect(overScale(seen.gradient.get(name)!.data, data), name).toBeLessThan(3e-5);
}

describe('the graph engine', () => {
  it.each([
    ['more targets than one piece of the loss has', [200, 170]],
    ['more targets than all pieces have rows', [1200, 1100]],
    ['a single target', [3], 2],
  ] as [string, number[], number?][])('agrees with plain operations on %s', async (_, lengths, labelledFrom) => {
    const [oracle, engine] = [await plain(), await graph()];
    const batch = batchOf(lengths, labelledFrom);
    expectEqual(
      await gradients(engine, await adapterOf(4), [batch]),
      await gradients(oracle, await adapterOf(4), [batch]),
    );
    const [here, there] = [engine, oracle].map((one) => one.startEvaluation(null).tokenLosses(batch));
    expect(overScale((await here)!, (await there)!)).toBeLessThan(1e-5);
    engine.dispose();
    oracle.dispose();
  });

  it('serves every rank and every shape of a batch, and adds their gradients up', async () => {
    const [oracle, engine] = [await plain(), await graph({ checkpointing: 'layer' })];
    const batches = [batchOf([17, 5, 29]), batchOf([64]), batchOf([3, 3])];
    for (const rank of [1, 16, 7]) {
      const adapter = await adapterOf(rank);
      expectEqual(await gradients(engine, adapter, batches), await gradients(oracle, adapter, batches));
    }
    engine.dispose();
    oracle.dispose();
  });

  it('decays weights as AdamW does', async () => {
    const adapters: LoraAdapter[] = [];
    for (const engine of [await plain(), await graph()]) {
      const run = engine.startTraining({
        adapter: await adapterOf(4),
        optimizer: { ...optimizer, weightDecay: 0.1 },
        random: new MersenneTwister(1),
      });
      for (let step = 0; step < 3; step++) {
        await run.accumulate(batchOf([20]), 0.05);
        run.step(1e-2, 0.5);
      }
      adapters.push(await run.adapter());
      run.dispose();
      engine.dispose();
    }
    for (const [name, { data }] of adapters[0]!.tensors)
      expect(overScale(adapters[1]!.tensors.get(name)!.data, data), name).toBeLessThan(1e-3);
  });

  it('draws the same dropout for the same seed, whether layers are kept or computed twice', async () => {
    const adapter = await adapterOf(4, 0.1);
    const batch = [batchOf([40, 30])];
    const [kept, twice] = [await graph(), await graph({ checkpointing: 'layer' })];
    const first = await gradients(kept, adapter, batch);
    expect(await gradients(kept, adapter, batch)).toEqual(first);
    expectEqual(await gradients(twice, adapter, batch), first);
    const undropped = await gradients(kept, { ...adapter, dropout: 0 }, batch);
    expect(Math.abs(first.losses[0]! - undropped.losses[0]!)).toBeGreaterThan(1e-4);
    kept.dispose();
    twice.dispose();
  });

  it('gives the same gradient and draws the same dropout when there is memory for one row at a time only', async () => {
    const adapter = await adapterOf(4, 0.1);
    const batch = batchOf([40, 30, 35]);
    const model = {
      config: await readModelConfig(golden(MODEL)),
      storage: 'float32',
      matmul: 'float32',
      device: 'cpu',
    } as const;
    const oneRow = { ...model, rank: 4, lengths: [40], checkpointing: 'layer' as const };
    const [free, tight] = [
      await graph(),
      await graph({ checkpointing: 'auto', memoryBytes: Math.ceil(trainingBytes(oneRow)) }),
    ];
    const whole = await gradients(free, adapter, [batch]);
    const parts = await gradients(tight, adapter, [batch]);
    expectEqual(parts, whole);
    expect(parts.gradient).not.toEqual(whole.gradient); // its sums have another order: it was really computed in parts
    expect([whole.divided, parts.divided]).toEqual([false, true]);
    free.dispose();
    tight.dispose();
  });

  it('gives the same gradient, losses and dropout where each row fills a bucket', async () => {
    const batch = batchOf([40, 300, 16, 7], 3);
    const [free, inBuckets] = [await graph(), await graph({ buckets: true })];
    for (const dropout of [0, 0.1]) {
      const adapter = await adapterOf(4, dropout);
      const seen = await gradients(inBuckets, adapter, [batch]);
      expectEqual(seen, await gradients(free, adapter, [batch]));
      expect(seen.divided).toBe(false);
    }
    const [here, there] = [inBuckets, free].map((one) => one.startEvaluation(null).tokenLosses(batch));
    expect(overScale((await here)!, (await there)!)).toBeLessThan(1e-5);
    free.dispose();
    inBuckets.dispose();
  });

  it('says what a row takes that there is no memory for, and what there is', async () => {
    const engine = await graph({ memoryBytes: 0.6e9 });
    engine.requireMemory(16, 64);
    expect(() => engine.requireMemory(16, 4096)).toThrow(
      /training a row of 4096 tokens takes \d+\.\d GiB, there are 0\.6 GiB for it\. Set checkpointing to 'auto'/,
    );
    const run = engine.startTraining({ adapter: await adapterOf(4), optimizer, random: new MersenneTwister(1) });
    await expect(run.accumulate(batchOf([4096]), 1)).rejects.toMatchObject({ code: 'out-of-memory', transient: false });
    const evaluation = engine.startEvaluation(await adapterOf(4));
    await expect(evaluation.tokenLosses(batchOf([4096, 4096]))).rejects.toMatchObject({
      code: 'out-of-memory',
      message: expect.stringMatching(/^evaluating 2 rows of 4096 tokens takes \d+\.\d GiB, there are 0\.6 GiB for it/),
    });
    await evaluation.tokenLosses(batchOf([64]));
    engine.dispose();
  });

  it('is not loaded where the rows of the recipe could not be trained on, with adapters of its rank', async () => {
    const config = await readModelConfig(golden(MODEL));
    const model = { config, storage: 'float32', matmul: 'float32', checkpointing: 'layer', device: 'cpu' } as const;
    const memoryBytes = Math.ceil(trainingBytes({ ...model, rank: 4, lengths: [512, 512] }));
    const load = (rank: number) =>
      LocalTrainer.load(golden(MODEL), {
        cacheDir: tmpdir(),
        matmul: 'float32',
        memoryBytes,
        recipe: { rank, contextTokens: 512 },
      });
    await expect(load(4_096)).rejects.toMatchObject({ code: 'out-of-memory' });
    (await load(4)).dispose();
  });

  it('keeps no tensor from step to step', async () => {
    const { binding } = loaded.tf.backend() as unknown as { binding: { getNumOfTensors(): number } };
    const engine = await graph();
    const run = engine.startTraining({ adapter: await adapterOf(4, 0.1), optimizer, random: new MersenneTwister(1) });
    const counts: number[] = [];
    for (let step = 0; step < 4; step++) {
      await run.accumulate(batchOf([20, 10]), 0.05);
      await run.gradNorm();
      run.step(1e-3, 1);
      await run.adapter();
      counts.push(binding.getNumOfTensors());
    }
    expect(new Set(counts).size).toBe(1);
    engine.dispose();
  });

  it('refuses a run whose place another has taken', async () => {
    const engine = await graph();
    const run = engine.startTraining({ adapter: await adapterOf(4), optimizer, random: new MersenneTwister(1) });
    engine.startEvaluation(null);
    await expect(run.accumulate(batchOf([20]), 1)).rejects.toThrow('another run has taken over this engine');
    engine.dispose();
  });
});

describe('the memory that a batch takes', () => {
  it('is more where batches of many lengths come, since the products of each are prepared and kept', () => {
    const batch = {
      config: SHAPES['0.5b']!,
      storage: 'bfloat16',
      matmul: 'bfloat16',
      rank: 16,
      lengths: [512],
    } as const;
    const ofDevice = (device: 'cpu' | 'gpu', varied: boolean) =>
      trainingBytes({ ...batch, lengths: [512], checkpointing: 'none', device, varied });
    expect(ofDevice('cpu', true) - ofDevice('cpu', false)).toBe(850e6);
    expect(ofDevice('gpu', true)).toBe(ofDevice('gpu', false));
  });
});

describe('the plan of a batch', () => {
  const batch = {
    config: SHAPES['1.5b']!,
    storage: 'bfloat16',
    matmul: 'bfloat16',
    device: 'cpu',
    rank: 16,
    lengths: Array<number>(8).fill(512),
  } as const;
  const plan = (memoryGiB: number, checkpointing: 'auto' | 'none' | 'layer' = 'auto') =>
    planBatch({ ...batch, checkpointing, memoryBytes: memoryGiB * 2 ** 30 });

  it('computes layers again before it divides rows, and all of them at once where they fit', () => {
    expect(plan(64)).toEqual({ parts: [8], divided: false, checkpointing: 'none' });
    expect(plan(8)).toEqual({ parts: [8], divided: false, checkpointing: 'layer' });
    expect(plan(5.2)).toMatchObject({ checkpointing: 'layer' });
    expect(plan(5.2).parts.length).toBeGreaterThan(1);
    // A mapped file need not be in memory.
    const tight = { ...batch, checkpointing: 'auto', memoryBytes: 4 * 2 ** 30 } as const;
    expect(planBatch({ ...tight, mapped: { path: '', bytes: 0, offsets: new Map() } })).toEqual({
      parts: new Array(8).fill(1),
      divided: true,
      checkpointing: 'layer',
    });
    expect(plan(8, 'layer')).toMatchObject({ checkpointing: 'layer' });
    expect(() => plan(5.2, 'none')).toThrow("Set checkpointing to 'auto'");
    expect(() => plan(4)).toThrow('training a row of 512 tokens');
  });
});
