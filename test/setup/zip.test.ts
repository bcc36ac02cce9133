import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readEntry, unpackEntry, withZip } from '../../src/setup/zip.ts';
import { zip } from './zip-writer.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-zip-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const FILES = {
  'a/deflated.txt': 'x'.repeat(100_000),
  'a/b/stored.txt': 'hello',
  'empty-deflated': '',
  'empty-stored': '',
};

test('every file of an archive comes out as it went in, with its SHA-256', async () => {
  const path = join(folder, 'files.zip');
  await writeFile(path, zip(FILES));
  await withZip(path, async (archive) => {
    expect(archive.entries.map(({ name, bytes }) => [name, bytes])).toEqual(
      Object.entries(FILES).map(([name, text]) => [name, text.length]),
    );
    for (const entry of archive.entries) {
      const text = FILES[entry.name as keyof typeof FILES];
      expect(await unpackEntry(archive, entry, folder)).toBe(createHash('sha256').update(text).digest('base64url'));
      expect(await readFile(join(folder, entry.name), 'utf8')).toBe(text);
      expect(await readEntry(archive, entry)).toBe(text);
    }
  });
});

test('an archive with a comment at its end is read', async () => {
  const path = join(folder, 'comment.zip');
  const archive = zip(FILES);
  archive.writeUInt16LE(5, archive.length - 2);
  await writeFile(path, Buffer.concat([archive, Buffer.from('words')]));
  expect(await withZip(path, async ({ entries }) => entries.length)).toBe(4);
});

test('an archive written by another program is read', async ({ skip }) => {
  const path = join(folder, 'python.zip');
  await writeFile(join(folder, 'row.txt'), 'row\n'.repeat(500));
  try {
    execFileSync('python3', ['-m', 'zipfile', '-c', path, join(folder, 'row.txt')]);
  } catch {
    skip('python3 is not here');
  }
  const text = await withZip(path, (archive) => readEntry(archive, archive.entries[0]!));
  expect(text).toBe('row\n'.repeat(500));
});

test.each([
  ['no archive at all', Buffer.from('hello'), 'not a zip archive'],
  ['an empty file', Buffer.alloc(0), 'not a zip archive'],
  ['an archive without its end', zip(FILES).subarray(0, -30), 'not a zip archive'],
])('%s is refused', async (_, content, message) => {
  const path = join(folder, 'bad.zip');
  await writeFile(path, content);
  await expect(withZip(path, async () => {})).rejects.toThrow(message);
});

test('an entry that would land outside the folder is refused', async () => {
  const path = join(folder, 'outside.zip');
  await writeFile(path, zip({ '../outside': 'x' }));
  await withZip(path, async (archive) => {
    await expect(unpackEntry(archive, archive.entries[0]!, folder)).rejects.toThrow('outside its folder');
  });
});
