import { chmod, writeFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { freeMemoryBytes } from '../../../src/trainer/process/free-memory.ts';
import { temporaryFolder } from '../golden/golden.ts';

it('is nine tenths of what is free, and never more than there is', async () => {
  const bytes = await freeMemoryBytes({ cuda: false });
  expect(bytes).toBeGreaterThan(0.3 * freemem());
  expect(bytes).toBeLessThanOrEqual(0.9 * totalmem());
});

it("is what a container's limit leaves", async () => {
  const limit = 64e6 + process.memoryUsage.rss();
  vi.spyOn(process, 'constrainedMemory').mockReturnValue(limit);
  expect(await freeMemoryBytes({ cuda: false })).toBeLessThan(0.9 * limit);
});

it("is the GPU's, as the driver's tool says it, and without a limit where there is none", async () => {
  const folder = temporaryFolder();
  const tool = join(folder, 'nvidia-smi');
  await writeFile(tool, '#!/bin/sh\necho 81000\n');
  await chmod(tool, 0o755);
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
  expect(await freeMemoryBytes({ cuda: true })).toBe(0.9 * 81_000 * 2 ** 20);
  vi.stubEnv('PATH', '');
  expect(await freeMemoryBytes({ cuda: true })).toBe(Number.POSITIVE_INFINITY);
});
