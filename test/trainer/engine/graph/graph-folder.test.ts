import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { makeGraphFolder, removeGraphFoldersOf } from '../../../../src/trainer/engine/graph/graph-folder.ts';

let temporary: string;
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'flock-off-test-'));
  vi.stubEnv('TMPDIR', temporary);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true, force: true });
});

test('what a killed training process left is removed by its parent, else by the next one', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  const left = join(temporary, `flock-off-graph-${child.pid}-aBcDeF`);
  const running = await makeGraphFolder();
  await mkdir(left);
  removeGraphFoldersOf(child.pid!);
  expect(await readdir(temporary)).toEqual([basename(running)]);
  await mkdir(left);
  const next = await makeGraphFolder();
  expect((await readdir(temporary)).sort()).toEqual([running, next].map((path) => basename(path)).sort());
});

test('where the folder for temporary files is gone there is nothing to remove', async () => {
  await rm(temporary, { recursive: true });
  expect(() => removeGraphFoldersOf(process.pid)).not.toThrow();
  await expect(makeGraphFolder()).rejects.toMatchObject({ code: 'ENOENT', syscall: 'mkdtemp' });
});
