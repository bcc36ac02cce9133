import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { beforeAll, expect, test } from 'vitest';
import { encryptTimelocked } from '../../src/chain/timelock/encrypt.ts';
import type { SetEntry } from '../../src/evaluation-sets/list.ts';
import {
  type LockedPart,
  type LockSetReturnType,
  lockSet,
  openPart,
  readLockedFile,
  saltedHash,
} from '../../src/evaluation-sets/locked-file.ts';
import { openSet } from '../../src/evaluation-sets/open-set.ts';
import { canonicalJson } from '../../src/shared/canonical-json.ts';
import { BEACON, fileOf, rowsOf, ruleOf, signRound } from './locked-world.ts';

const ROUND = 1_200;
const DATA = fileOf(rowsOf('moons'));
const rule = ruleOf();
let locked: LockSetReturnType;
let signature: Uint8Array;

beforeAll(async () => {
  locked = await lockSet({ data: DATA, rows: 8, round: ROUND, beacon: BEACON, by: 'ann' });
  signature = signRound(ROUND);
});

const open = (file: Uint8Array, part: LockedPart, changed: object = {}) =>
  openPart({ file, part, round: ROUND, beacon: BEACON, signature, ...changed });

/** What the list would say of a file, whatever is in it. */
const listed = (file: Uint8Array, part: LockedPart): LockedPart => ({
  ...part,
  bytes: file.length,
  sha256: createHash('sha256').update(file).digest('hex'),
});

const entryOf = (...parts: LockedPart[]): SetEntry => ({
  ...{ format: 'flock-off evaluation set', version: 1, index: 2, round: ROUND, previous: null, parts },
  signature: '0'.repeat(128),
});

test('a set opens with the signature of its round, to the very bytes that were pinned', async () => {
  const opened = await open(locked.file, locked.part);
  const sha256 = createHash('sha256').update(DATA).digest('hex');
  expect(opened).toEqual({ data: DATA, sha256, salt: expect.stringMatching(/^[0-9a-f]{64}$/) });
  if ('fault' in opened) throw new Error(opened.fault);
  expect(saltedHash(Buffer.from(opened.salt, 'hex'), sha256)).toBe(locked.part.plain.saltedSha256);
});

test('what can be seen before tells size and number of the rows, and lets nobody try which they are', async () => {
  const again = await lockSet({ data: DATA, rows: 8, round: ROUND, beacon: BEACON });
  expect(again.part.plain.saltedSha256).not.toBe(locked.part.plain.saltedSha256);
  expect(Buffer.from(locked.file).includes('moons')).toBe(false);
  expect(readLockedFile(locked.file)).toMatchObject({ round: ROUND, part: { plain: { bytes: DATA.length, rows: 8 } } });
  expect(locked.file.length - DATA.length).toBeLessThan(1_500);
});

test('no other round opens it, and none of another beacon', async () => {
  expect(await open(locked.file, locked.part, { signature: signRound(ROUND + 1) })).toEqual({ fault: 'key' });
  expect(await open(locked.file, locked.part, { round: ROUND + 1 })).toEqual({ fault: 'round' });
  const other = { publicKey: Buffer.alloc(96, 1) };
  expect(await open(locked.file, locked.part, { beacon: other })).toEqual({ fault: 'round' });
});

test('another file than the list names is never opened', async () => {
  const file = Buffer.from(locked.file);
  file[file.length - 1]! ^= 1;
  expect(await open(file, locked.part)).toEqual({ fault: 'changed' });
  expect(await open(file.subarray(0, -1), locked.part)).toEqual({ fault: 'changed' });
  // A founder who lists the changed one gains nothing either.
  expect(await open(file, listed(file, locked.part))).toEqual({ fault: 'cipher' });
});

test('what a file says of itself is what the list says of it', async () => {
  const part = { ...locked.part, plain: { ...locked.part.plain, rows: 9 } };
  expect(await open(locked.file, part)).toEqual({ fault: 'header' });
  const noise = Buffer.alloc(400, 0xc3);
  expect(await open(noise, listed(noise, locked.part))).toEqual({ fault: 'header' });
  expect(readLockedFile(noise)).toBeNull();
});

/** A file as a founder may make it who means to show other rows than he has pinned. */
function forge(data: Uint8Array, pinned: LockedPart['plain'], bytes: Uint8Array = data): LockSetReturnType {
  const [key, nonce, salt] = [Buffer.alloc(32, 1), Buffer.alloc(24, 2), Buffer.alloc(32, 3)];
  const sealed = encryptTimelocked({ message: key, round: ROUND, publicKey: BEACON.publicKey });
  const beacon = Buffer.from(BEACON.publicKey).toString('hex');
  const said = { format: 'flock-off locked set', version: 1, round: ROUND, beacon, plain: pinned, by: null };
  const hexes = { key: Buffer.from(sealed).toString('hex'), nonce: nonce.toString('hex') };
  const header = Buffer.from(`${canonicalJson({ ...said, ...hexes })}\n`);
  const file = Buffer.concat([header, xchacha20poly1305(key, nonce, header).encrypt(Buffer.concat([salt, bytes]))]);
  return { file, part: listed(file, { ...locked.part, plain: pinned, by: null }) };
}

test('rows that do not fit the salted hash, or the size, are refused', async () => {
  const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
  const plain = { bytes: DATA.length, rows: 8, saltedSha256: saltedHash(Buffer.alloc(32, 3), hash(DATA)) };
  const sound = forge(DATA, plain);
  expect(await open(sound.file, sound.part)).toMatchObject({ sha256: hash(DATA) });
  const swapped = forge(DATA, plain, fileOf(rowsOf('stars')));
  expect(await open(swapped.file, swapped.part)).toEqual({ fault: 'pinned' });
  const longer = forge(DATA, { ...plain, bytes: DATA.length + 1 });
  expect(await open(longer.file, longer.part)).toEqual({ fault: 'pinned' });
});

const setOf = async (...made: LockSetReturnType[]) =>
  openSet({ rule, entry: entryOf(...made.map(({ part }) => part)), files: made.map(({ file }) => file), signature });
const lock = (data: Uint8Array, rows = 8) => lockSet({ data, rows, round: ROUND, beacon: BEACON });

test('parts of several contributors are one set, in the order of the list', async () => {
  const [one, two] = [fileOf(rowsOf('stars')), fileOf(rowsOf('tides', 5))];
  const { set, parts } = await setOf(await lock(one), await lock(two, 5));
  expect(parts.map(({ fault }) => fault)).toEqual([null, null]);
  expect(set?.evaluation.rows).toEqual([...rowsOf('stars'), ...rowsOf('tides', 5)]);
  expect(set?.evaluation.sha256).toBe(createHash('sha256').update(one).update(two).digest('hex'));
});

test('a part that is garbage is left out, and the others make the set', async () => {
  const parts = [await lock(Buffer.from('{"not": "a row"}\n'), 1), locked, await lock(fileOf(rowsOf('tides')), 7)];
  const opened = await setOf(...parts);
  expect(opened.parts.map(({ fault }) => fault)).toEqual(['rows', null, 'rows']);
  expect(opened.set?.evaluation.rows).toHaveLength(8);
});

test("a contributor who locks another's rows anew, or hands in his file, adds nothing", async () => {
  const { set, parts } = await setOf(locked, await lock(DATA), locked);
  expect(parts.map(({ fault }) => fault)).toEqual([null, 'repeated', 'repeated']);
  expect(set?.evaluation.rows).toHaveLength(8);
});

test('a compressed file is no rows: nothing is ever unpacked, so nothing can grow', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const { set, parts } = await setOf(await lock(bomb, 5_000));
  expect(set).toBeNull();
  expect(parts[0]!.fault).toBe('rows');
});

test('files that are withheld are said to be, and a set without any sound part is none', async () => {
  const entry = entryOf(locked.part);
  const { set, parts } = await openSet({ rule, entry, files: ['withheld'], signature });
  expect(set).toBeNull();
  expect(parts).toEqual([{ fault: 'withheld', sha256: null, salt: null }]);
});

test('a last line without its line break, to which the next part would be glued, is refused', async () => {
  const { parts } = await setOf(await lock(DATA.subarray(0, -1)));
  expect(parts[0]!.fault).toBe('rows');
});
