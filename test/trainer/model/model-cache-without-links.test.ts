import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { ModelCache } from '../../../src/trainer/model/model-cache.ts';
import { temporaryFolder } from '../golden/golden.ts';

// As on Windows without developer mode, and on file systems without links.
const disk = vi.hoisted(() => ({
  canLink: true,
  refuse: () => Promise.reject(Object.assign(new Error('EPERM: operation not permitted'), { code: 'EPERM' })),
}));
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  const link: typeof fs.link = (...paths) => (disk.canLink ? fs.link(...paths) : disk.refuse());
  return { ...fs, symlink: disk.refuse, link };
});

/** Of "xxxx". */
const gitBlobId = '5ee608e743f368a1289aefa158f8ededf62313df';

it.each([true, false])('files that cannot be linked to are there as files (hard links: %s)', async (can) => {
  disk.canLink = can;
  const root = temporaryFolder();
  const commit = 'c'.repeat(40);
  const cache = new ModelCache(root, 'ann/tiny');
  mkdirSync(join(root, 'models--ann--tiny', 'blobs'), { recursive: true });
  writeFileSync(cache.blob(gitBlobId), 'x'.repeat(4));
  await cache.show(commit, 'config.json', gitBlobId);
  const shown = join(cache.snapshot(commit), 'config.json');
  expect(await readFile(shown, 'utf8')).toBe('xxxx');
  expect((await stat(shown)).ino === (await stat(cache.blob(gitBlobId))).ino).toBe(can);
  expect(await cache.holds(commit, 'config.json')).toBe('unnamed');
  expect(await cache.holds(commit, 'config.json', gitBlobId)).toBe('whole');
  expect(await cache.holds(commit, 'config.json', 'f'.repeat(40))).toBe('absent');
});
