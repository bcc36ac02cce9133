import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from '../../src/shared/make-folder.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flock-off-folder-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('makes every folder that is missing, and finds those that are there', async () => {
  const deep = join(root, 'a', 'b', 'c');
  await Promise.all([makeFolder(deep), makeFolder(deep), makeFolder(join(root, 'a', 'd'))]);
  await makeFolder(deep);
  expect(existsSync(deep)).toBe(true);
});

test('a file in the way is an error', async () => {
  await writeFile(join(root, 'file'), '');
  await expect(makeFolder(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(root, 'file', 'a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.runIf(process.platform === 'linux')(
  'a system that makes no folder there is an error, not a wait for ever',
  async () => {
    await expect(makeFolder('/proc/flock-off/state')).rejects.toMatchObject({ code: 'ENOENT' });
  },
);

test("no other file of the package makes folders with Node's own `recursive`", () => {
  const source = fileURLToPath(new URL('../../src/', import.meta.url));
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|mjs)$/.test(name));
  const own = files.filter((name) => /mkdir(Sync)?\([^;]*recursive/.test(readFileSync(join(source, name), 'utf8')));
  expect(files.length).toBeGreaterThan(100);
  expect(own).toEqual([]);
});
