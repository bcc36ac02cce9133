import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeEquipment, type Equipment } from './arena.ts';
import { CASES } from './cases.ts';
import { openArenas, play } from './play.ts';

// A few of each kind; `npm run attacks` plays them all.
const SOME = [
  'one synonym a row',
  '30 % copied with a row number beside own rows',
  'the evaluation set eight times: with row numbers',
  'a tripwire of near copies beside own rows',
  "a rival's own pointer first, his repository names him",
  'the same rows in one block, the copier later in it and with the lower uid',
  'two samples of one public set, 43 % overlap',
  'sums that differ in digits and operators',
];

/** A real epoch with training takes seconds, and minutes on a machine that does much else. */
const LIMIT_MS = 300_000;

let folder: string;
let equipment: Equipment;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-attacks-'));
  equipment = await openArenas(folder);
}, LIMIT_MS);
afterAll(async () => {
  closeEquipment(equipment);
  await rm(folder, { recursive: true, force: true });
});

test.each(SOME)('%s: every loss is that of the rows that are his', { timeout: LIMIT_MS }, async (name) => {
  const one = CASES.find((known) => known.name === name)!;
  const lines = await play(equipment, one);
  expect(lines.flatMap(({ problems }) => problems)).toEqual([]);
});

test('the cases have names of their own', () => {
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});
