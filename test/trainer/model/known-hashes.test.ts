import { appendFile, readdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sha256OfFile } from '../../../src/shared/sha256-of-file.ts';
import { KnownHashes } from '../../../src/trainer/model/known-hashes.ts';
import { temporaryFolder } from '../golden/golden.ts';

/** A file, and a folder for notes. */
async function setUp() {
  const [folder, notes] = [temporaryFolder(), join(temporaryFolder(), 'notes')];
  const path = join(folder, 'weights');
  await writeFile(path, 'weights');
  return { folder, notes, path, sha256: await sha256OfFile(path) };
}

it('reads a file once, whoever asks and by whatever link', async () => {
  const { folder, notes, path, sha256 } = await setUp();
  await symlink('weights', join(folder, 'link'));
  expect(await new KnownHashes(notes).of(path)).toBe(sha256);
  // A note that says something else is believed: nothing is read.
  await new KnownHashes(notes).learn(path, 'f'.repeat(64));
  expect(await new KnownHashes(notes).of(join(folder, 'link'))).toBe('f'.repeat(64));
  expect(await new KnownHashes(notes, { recheck: true }).of(path)).toBe(sha256);
  expect(await new KnownHashes(notes).of(path)).toBe(sha256);
});

it.each<[string, (path: string) => Promise<void>]>([
  ['more is written to it', (path) => appendFile(path, '!')],
  [
    'another of its size and date takes its place',
    async (path) => {
      await writeFile(`${path}.new`, 'WEIGHTS');
      await rename(`${path}.new`, path);
      await utimes(path, 1, 1);
    },
  ],
])('reads it again where %s', async (_what, change) => {
  const { notes, path } = await setUp();
  await utimes(path, 1, 1);
  const hashes = new KnownHashes(notes);
  await hashes.learn(path, 'f'.repeat(64));
  await change(path);
  expect(await hashes.of(path)).toBe(await sha256OfFile(path));
});

it('forgets all, and does without notes where they cannot be written', async () => {
  const { notes, path, sha256 } = await setUp();
  const hashes = new KnownHashes(notes);
  await hashes.learn(path, 'f'.repeat(64));
  await hashes.forget();
  expect(await hashes.of(path)).toBe(sha256);
  expect((await readdir(notes)).length).toBe(1);
  const nowhere = new KnownHashes(join(path, 'no', 'folder'));
  expect(await nowhere.of(path)).toBe(sha256);
  expect(await nowhere.of(join(notes, 'absent'))).toBeNull();
});
