import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { alignWeights } from '../../../../src/trainer/engine/graph/aligned-weights.ts';
import { GraphEngine } from '../../../../src/trainer/engine/graph/graph-engine.ts';
import { LoraTrainer } from '../../../../src/trainer/lora-trainer.ts';
import { KnownHashes } from '../../../../src/trainer/model/known-hashes.ts';
import { openModelWeights, readModelConfig } from '../../../../src/trainer/model/model-files.ts';
import { collate } from '../../../../src/trainer/tokens/batches.ts';
import { golden, goldenRows, loadQuietly, temporaryFolder } from '../../golden/golden.ts';

const MODEL = golden('tiny-qwen2-bf16'); // in shards
const SHA = 'a'.repeat(64);

async function align(cacheDir: string, baseSha256 = SHA) {
  const config = await readModelConfig(MODEL);
  const weights = await openModelWeights(MODEL, config);
  let reads = 0;
  const counted = {
    readBfloat16: (name: string) => {
      reads++;
      return weights.readBfloat16(name);
    },
  };
  try {
    return {
      ...(await alignWeights({
        config,
        weights: counted,
        baseSha256,
        cacheDir,
        hashes: new KnownHashes(temporaryFolder()),
      })),
      reads,
      config,
    };
  } finally {
    await weights.close();
  }
}

it('holds every matrix as stored, each at a multiple of 64 bytes, and is written once', async () => {
  const cacheDir = join(temporaryFolder(), 'not', 'there');
  const { path, bytes, offsets, config } = await align(cacheDir);
  const file = await readFile(path);
  expect(file).toHaveLength(bytes);
  const weights = await openModelWeights(MODEL, config);
  for (const [name, offset] of offsets) {
    expect(offset % 64).toBe(0);
    const stored = await weights.readBfloat16(name);
    expect(file.subarray(offset, offset + 2 * stored.length).equals(Buffer.from(stored.buffer)), name).toBe(true);
  }
  await weights.close();
  expect((await align(cacheDir)).reads).toBe(0);
  expect((await readdir(cacheDir)).sort()).toEqual([`${SHA}.bf16`, `${SHA}.bf16.sha256`]);
});

it('is written again when a byte of it has changed, or a process was killed while it wrote', async () => {
  const cacheDir = temporaryFolder();
  const { path } = await align(cacheDir);
  const whole = await readFile(path);
  const damaged = Buffer.from(whole);
  damaged[100]! ^= 1;
  await writeFile(path, damaged);
  const [abandoned, others] = ['abandoned', 'of-another'].map((writer) => `${path}.incomplete-${writer}`);
  for (const half of [abandoned!, others!]) await writeFile(half, 'half');
  const yesterday = new Date(Date.now() - 86_400_000);
  await utimes(abandoned!, yesterday, yesterday);
  expect((await align(cacheDir)).reads).toBeGreaterThan(0);
  expect((await readFile(path)).equals(whole)).toBe(true);
  expect((await readdir(cacheDir)).filter((name) => name.includes('incomplete'))).toEqual([basename(others!)]);
});

it('is whole when two write it at once', async () => {
  const cacheDir = temporaryFolder();
  const truth = await readFile((await align(temporaryFolder())).path);
  const both = await Promise.all([align(cacheDir), align(cacheDir)]);
  for (const { path } of both) expect((await readFile(path)).equals(truth)).toBe(true);
});

it('gives the same losses, bit by bit, as weights that are loaded', async () => {
  const { tf } = await loadQuietly();
  const aligned = await align(temporaryFolder());
  const { config } = aligned;
  const batch = collate(goldenRows('eval').slice(0, 4));
  const losses: Float32Array[] = [];
  for (const mapped of [undefined, aligned]) {
    const weights = await openModelWeights(MODEL, config);
    const engine = await GraphEngine.create(tf, config, weights, { storage: 'bfloat16', mapped });
    await weights.close();
    losses.push(await engine.startEvaluation(null).tokenLosses(batch));
    engine.dispose();
  }
  expect(losses[1]).toEqual(losses[0]);
});

it('is used by the trainer where asked for, and done without where it cannot be written', async () => {
  const cacheDir = temporaryFolder();
  const load = (dir: string) =>
    LoraTrainer.open({ model: MODEL, inline: true, matmul: 'bfloat16', mapWeights: true, cacheDir: dir });
  const trainer = await load(cacheDir);
  expect(trainer.weightStorage).toMatchObject({ dtype: 'bfloat16', mapped: true });
  expect((await stat(join(cacheDir, 'aligned', `${trainer.baseSha256}.bf16`))).size).toBeGreaterThan(0);
  trainer.dispose();
  const without = await load('/dev/full');
  expect(without.weightStorage).toMatchObject({ mapped: false });
  expect(without.weightStorage.reason).toMatch(/^the weights cannot be cached in .* Make room for 0\.0 GB/);
  without.dispose();
});
