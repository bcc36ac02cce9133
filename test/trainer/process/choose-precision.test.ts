import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { LoadedTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { choosePrecision } from '../../../src/trainer/process/choose-precision.ts';
import { loadQuietly, temporaryFolder } from '../golden/golden.ts';

let loaded: LoadedTensorFlow;
beforeAll(async () => {
  loaded = await loadQuietly();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** A driver's tool that says this of the GPU. */
async function stubCapability(capability: string): Promise<void> {
  const folder = temporaryFolder();
  const tool = join(folder, 'nvidia-smi');
  await writeFile(tool, `#!/bin/sh\necho ${capability}\n`);
  await chmod(tool, 0o755);
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
}

it('is what is asked for, and float32 for small models', async () => {
  const { tf, backend } = loaded;
  expect(await choosePrecision({ tf, backend, matmul: 'bfloat16', large: false })).toEqual({
    matmul: 'bfloat16',
    reason: 'as asked for',
  });
  expect((await choosePrecision({ tf, backend, large: false })).matmul).toBe('float32');
});

it('is decided by time on a CPU', async () => {
  const { tf } = loaded;
  const { matmul, reason } = await choosePrecision({ tf, backend: { cuda: false }, large: true });
  const [, ratio] = /is ([\d.]+) times as fast as float32 here/.exec(reason) ?? [];
  expect(matmul !== 'float32').toBe(Number(ratio) >= 1.2);
});

it('is tf32 only on a GPU that has it', async () => {
  const { tf } = loaded;
  const choose = (cuda: boolean) => choosePrecision({ tf, backend: { cuda }, matmul: 'tf32', large: true });
  await stubCapability('7.5');
  expect((await choose(true)).matmul).toBe('float32');
  await stubCapability('8.6');
  expect((await choose(true)).matmul).toBe('tf32');
  expect((await choose(false)).matmul).toBe('float32');
});
