import { beforeAll, describe, expect, it } from 'vitest';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { dropoutMask } from '../../../src/trainer/engine/plain/tfjs-engine.ts';
import type { LoadedTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { adapterTensorName, createLoraAdapter, type LoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import { readModelConfig } from '../../../src/trainer/model/model-files.ts';
import { collate } from '../../../src/trainer/tokens/batches.ts';
import { ENGINES, golden, goldenEngine, loadQuietly } from '../golden/golden.ts';

it('dropout drops the asked share of inputs and scales up the rest, so that the mean stays', () => {
  const mask = dropoutMask(0.1, new MersenneTwister(1))('any', [200, 300])!;
  const dropped = mask.filter((value) => value === 0).length / mask.length;
  expect(dropped).toBeCloseTo(0.1, 2);
  expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / 0.9)]));
});

it('every mask of a run is another, and without dropout there is none', () => {
  const draw = dropoutMask(0.5, new MersenneTwister(1));
  expect(draw('q', [4, 64])).not.toEqual(draw('k', [4, 64]));
  expect(dropoutMask(0, new MersenneTwister(1))('q', [4, 64])).toBeNull();
});

// Of a row of two tokens only the first place has a loss, and it looks at nothing but itself. So each gradient of A is the
// product of two vectors, one of them the inputs: its zero columns are the inputs that were dropped.
const ROW = { inputIds: [17, 303], labels: [-100, 303] };
/** All but q and k, which have no gradient where there is nothing else to look at. */
const LINEARS = ['self_attn.v_proj', 'self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'];
const PATHS = [0, 1].flatMap((layer) => LINEARS.map((name) => `model.layers.${layer}.${name}`));
const RANK = 4;

describe.each(ENGINES)('dropout as $engine draws it', (options) => {
  let loaded: LoadedTensorFlow;
  let engine: Awaited<ReturnType<typeof goldenEngine>>;
  beforeAll(async () => {
    loaded = await loadQuietly();
    engine = await goldenEngine(loaded, options, 'tiny-qwen2');
    return () => engine.dispose();
  });

  /** The gradients of A by path, after each of the steps; their batches are given by the number of rows. */
  async function gradients(dropout: number, seed: number, steps: number[][]): Promise<Map<string, Float32Array>[]> {
    const run = engine.startTraining({
      adapter: await almostNothing(dropout),
      optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
      random: new MersenneTwister(seed),
    });
    const seen: Map<string, Float32Array>[] = [];
    for (const batches of steps) {
      for (const rows of batches) await run.accumulate(collate(Array.from({ length: rows }, () => ROW)), 1);
      const gradient = await run.gradient();
      seen.push(new Map(PATHS.map((path) => [path, gradient.get(adapterTensorName(path, 'A'))!.data])));
      run.step(0, 1);
    }
    run.dispose();
    return seen;
  }

  it.each([0.05, 0.1, 0.5])('drops %d of the inputs, and scales the others up', async (share) => {
    const [[whole], drawn] = [await gradients(0, 1, [[1]]), await gradients(share, 1, Array(12).fill([1]))];
    expect(droppedOf(whole!).flat()).not.toContain(true);
    expectShare(drawn.flatMap(droppedOf), share);
    for (const gradient of drawn) {
      for (const path of PATHS) {
        const scale = scaleOfKept(gradient.get(path)!, whole!.get(path)!);
        expect(scale * (1 - share), path).toBeCloseTo(1, 2);
      }
    }
  });

  it('draws anew for each row, each batch of a step, and each step', async () => {
    const share = 0.5;
    expectShare((await gradients(share, 2, Array(4).fill([2]))).flatMap(droppedOf), share ** 2);
    expectShare((await gradients(share, 3, Array(4).fill([1, 1, 1]))).flatMap(droppedOf), share ** 3);
    const [first, second] = (await gradients(share, 4, [[1], [1]])).map((step) => droppedOf(step).flat());
    expectShare([first!.map((dropped, i) => dropped && second![i]!)], share ** 2);
  });

  it('draws anew for each linear layer, also for those that read the same', async () => {
    const share = 0.5;
    const [gradient] = await gradients(share, 5, [[1]]);
    const dropped = new Map(droppedOf(gradient!).map((columns, i) => [PATHS[i]!, columns]));
    for (const one of PATHS) {
      for (const other of PATHS) {
        const [a, b] = [dropped.get(one)!, dropped.get(other)!];
        if (one < other && a.length === b.length) expectShare([a.map((is, i) => is && b[i]!)], share ** 2);
      }
    }
  });

  it('is the same for the same seed, and another for another', async () => {
    const [one, again, other] = [6, 6, 7].map((seed) => gradients(0.5, seed, [[1], [1]]));
    expect(await again).toEqual(await one);
    expect((await other!).flatMap(droppedOf)).not.toEqual((await one!).flatMap(droppedOf));
  });
});

/** An adapter that has gradients but changes nothing that could be seen in others' inputs. */
async function almostNothing(dropout: number): Promise<LoraAdapter> {
  const random = new MersenneTwister(1);
  const config = await readModelConfig(golden('tiny-qwen2'));
  const adapter = createLoraAdapter({ config, rank: RANK, alpha: RANK, dropout, random });
  for (const [name, { data }] of adapter.tensors)
    if (name.includes('lora_B')) for (let i = 0; i < data.length; i++) data[i] = 1e-4 * random.nextNormal();
  return adapter;
}

/** For each linear layer, which of its inputs were dropped. */
function droppedOf(gradient: Map<string, Float32Array>): boolean[][] {
  return PATHS.map((path) => {
    const data = gradient.get(path)!;
    const inputs = data.length / RANK;
    return Array.from({ length: inputs }, (_, i) => data.filter((_, at) => at % inputs === i).every((x) => x === 0));
  });
}

/** Within four and a half standard deviations of as many draws. */
function expectShare(drawn: boolean[][], share: number): void {
  const all = drawn.flat();
  const seen = all.filter(Boolean).length / all.length;
  expect(Math.abs(seen - share)).toBeLessThan(4.5 * Math.sqrt((share * (1 - share)) / all.length));
}

/** What the columns of `whole` that were not dropped are multiplied with. */
function scaleOfKept(gradient: Float32Array, whole: Float32Array): number {
  let [product, square] = [0, 0];
  for (const [i, value] of gradient.entries()) {
    if (value === 0) continue;
    product += value * whole[i]!;
    square += whole[i]! ** 2;
  }
  return product / square;
}
