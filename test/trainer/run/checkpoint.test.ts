import { existsSync } from 'node:fs';
import { cp, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { LoraRecipe } from '../../../src/schema/competition.ts';
import type { LoadedTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { writeSafetensors } from '../../../src/trainer/model/safetensors.ts';
import type { CheckpointFile } from '../../../src/trainer/run/checkpoint.ts';
import { trainTokens } from '../../../src/trainer/run/train.ts';
import {
  ENGINES,
  type GoldenEngine,
  goldenEngine,
  goldenRows,
  loadQuietly,
  temporaryFolder,
} from '../golden/golden.ts';

let loaded: LoadedTensorFlow;
beforeAll(async () => {
  loaded = await loadQuietly();
});

const recipe = LoraRecipe.parse({ rank: 4, alpha: 8, dropout: 0.1, weightDecay: 0.01 });
const STEPS = 6;

/** Trains; `stopAt` aborts after that step. Gives the steps seen too. */
async function train(
  engine: GoldenEngine,
  options: { seed?: number; checkpoint?: CheckpointFile; stopAt?: number } = {},
) {
  const { seed = 3, checkpoint, stopAt } = options;
  const stop = new AbortController();
  const seen: number[] = [];
  const running = trainTokens({
    engine,
    rows: goldenRows('train').slice(0, 24),
    recipe,
    seed,
    checkpoint: checkpoint && { ...checkpoint, everyMs: 0 },
    signal: stop.signal,
    onProgress: ({ step }) => {
      seen.push(step);
      if (step === stopAt) stop.abort(new Error('stopped'));
    },
    nowMs: () => Date.now(),
  });
  return { result: await running.catch((error: Error) => error.message), seen };
}

describe.each(ENGINES)('a run that was stopped: $engine', (engineCase) => {
  it.each([1, 3, 5])('after step %i goes on from there and ends bit-equal', async (stopAt) => {
    const engine = await goldenEngine(loaded, engineCase, 'tiny-qwen2');
    const checkpoint = { path: join(temporaryFolder(), 'deep', 'run.safetensors'), run: 'this one' };
    const whole = await train(engine);
    expect(whole.seen).toHaveLength(STEPS);
    expect((await train(engine, { checkpoint, stopAt })).result).toBe('stopped');
    const rest = await train(engine, { checkpoint });
    expect(rest.seen).toEqual(whole.seen.slice(stopAt));
    expect(rest.result).toEqual(whole.result);
    expect(existsSync(checkpoint.path)).toBe(false);
    engine.dispose();
  });

  it('begins anew where the checkpoint is of another run, damaged, or cannot be written', async () => {
    const engine = await goldenEngine(loaded, engineCase, 'tiny-qwen2');
    const checkpoint = { path: join(temporaryFolder(), 'run.safetensors'), run: 'this one' };
    await train(engine, { checkpoint, stopAt: 3 });
    const damaged = { ...checkpoint, path: `${checkpoint.path}.damaged` };
    await cp(checkpoint.path, damaged.path);
    await truncate(damaged.path, 1000);
    const zeroed = { ...checkpoint, path: `${checkpoint.path}.zeroed` };
    const { length } = await readFile(checkpoint.path);
    await writeFile(zeroed.path, (await readFile(checkpoint.path)).fill(0, length - 4_000));
    const garbled = { ...checkpoint, path: `${checkpoint.path}.garbled` };
    const adapter = { shape: [1], read: () => new Float32Array(1) };
    await writeSafetensors({ path: garbled.path, tensors: new Map([['x', adapter]]), metadata: { checkpoint: '{' } });
    const nowhere = { ...checkpoint, path: '/dev/null/run.safetensors' };
    const whole = await train(engine);
    for (const other of [{ ...checkpoint, run: 'another' }, damaged, zeroed, garbled, nowhere]) {
      const again = await train(engine, { checkpoint: other });
      expect(again.seen).toHaveLength(STEPS);
      expect(again.result).toEqual(whole.result);
    }
    engine.dispose();
  });
});
