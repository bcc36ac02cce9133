import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FingerprintReader } from '../../../src/dataset/fingerprint/fingerprint-reader.ts';
import { sealFingerprint } from '../../../src/dataset/fingerprint/sealed-fingerprint.ts';

let folder = '';
const pathOf = (name: string) => join(folder, name);
const contentOf = (name: string, length: number) => new Uint8Array(length).fill(name.charCodeAt(0));
const LENGTHS: Record<string, number> = { a: 100, b: 300_000, c: 40, d: 1_000_000 };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fingerprint-reader-'));
  for (const [name, length] of Object.entries(LENGTHS))
    await writeFile(pathOf(name), sealFingerprint(contentOf(name, length)));
  await writeFile(pathOf('damaged'), sealFingerprint(contentOf('x', 50)).fill(1, 60));
  await writeFile(pathOf('short'), 'x');
});
afterAll(() => rm(folder, { recursive: true }));

it.each([
  ['one after another, the next one ahead', ['a', 'b', 'c', 'd', 'a', 'd', 'd', 'b']],
  ['others than were announced', ['a', 'c', 'b', 'c'], ['b', 'd', 'a', 'missing']],
])('reads files %s', async (_, names, next = names.slice(1)) => {
  const reader = new FingerprintReader();
  for (const [i, name] of names.entries()) {
    const bytes = await reader.read(pathOf(name), next[i] === undefined ? null : pathOf(next[i]));
    const before = bytes.slice();
    // What is read ahead is written elsewhere.
    await new Promise((resolve) => setImmediate(resolve));
    expect(Buffer.compare(bytes, before)).toBe(0);
    expect(Buffer.compare(bytes, contentOf(name, LENGTHS[name]!))).toBe(0);
  }
});

it('has nothing of a file that is missing, too short or not what was stored, ahead or not', async () => {
  const reader = new FingerprintReader();
  for (const name of ['missing', 'damaged', 'short', 'damaged', 'missing'])
    expect((await reader.read(pathOf(name))).length).toBe(0);
  await reader.read(pathOf('a'), pathOf('damaged'));
  expect((await reader.read(pathOf('damaged'), pathOf('missing'))).length).toBe(0);
  expect((await reader.read(pathOf('missing'), pathOf('c'))).length).toBe(0);
  expect(await reader.read(pathOf('c'))).toEqual(contentOf('c', 40));
});

it('says of a file that it cannot read when it is asked for, not before', async () => {
  const reader = new FingerprintReader();
  expect((await reader.read(pathOf('a'), folder)).length).toBe(100);
  await new Promise((resolve) => setImmediate(resolve));
  await expect(reader.read(folder)).rejects.toMatchObject({ code: 'disk' });
  expect((await reader.read(pathOf('a'))).length).toBe(100);
});
