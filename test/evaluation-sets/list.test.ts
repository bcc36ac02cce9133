import { beforeAll, expect, test } from 'vitest';
import type { BytesSigner } from '../../src/chain/wallet/signed-bytes.ts';
import { announcedIn, announcementText, listFault, parseAnnouncement } from '../../src/evaluation-sets/announcement.ts';
import {
  entryFault,
  lineHash,
  linesOf,
  MOST_AHEAD,
  makeLine,
  parseLine,
  readList,
} from '../../src/evaluation-sets/list.ts';
import type { LockedPart } from '../../src/evaluation-sets/locked-file.ts';
import { candidates } from '../../src/evaluation-sets/used-sets.ts';
import type { EvaluationSetsRule } from '../../src/schema/evaluation-sets.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { ruleOf } from './locked-world.ts';

const COMMIT = 'c'.repeat(40);
const part = (i: number): LockedPart => ({
  ...{ sha256: String(i).padStart(64, '0'), bytes: 1_500, by: null },
  plain: { saltedSha256: String(i).padStart(64, 'a'), bytes: 900, rows: 8 },
});
let signer: BytesSigner;
let other: BytesSigner;
let rule: EvaluationSetsRule;

beforeAll(async () => {
  [signer, other] = [await devHotkey('//Alice'), await devHotkey('//Bob')];
  rule = ruleOf({ signer: signer.address });
});

async function listOf(indexes: number[], by = signer): Promise<string[]> {
  const lines: string[] = [];
  for (const index of indexes)
    lines.push(await makeLine({ rule, index, parts: [part(index)], before: lines.at(-1) ?? null, signer: by }));
  return lines;
}

const read = (lines: string[], from: number, named = lines) => {
  const last = named.at(-1)!;
  const announcement = { index: parseLine(last)!.index, commit: COMMIT, head: lineHash(last) };
  return readList({ lines, rule, announcement, from });
};

test('the chain names a list in a text that it has room for', () => {
  const announcement = { index: 9_999_999, commit: COMMIT, head: 'ab'.repeat(32) };
  const text = announcementText(announcement);
  expect(text.length).toBeLessThanOrEqual(128);
  expect(parseAnnouncement(text)).toEqual(announcement);
  for (const bad of [null, '', `${text} `, text.replace('9999999', '99999999'), `u/data:1:${COMMIT}`])
    expect(parseAnnouncement(bad)).toBeNull();
});

test('only the text of the hotkey that the competition names counts', () => {
  const text = announcementText({ index: 3, commit: COMMIT, head: 'ab'.repeat(32) });
  expect(announcedIn(rule, [{ hotkey: other.address, text, block: 7 }])).toBeNull();
  const announced = announcedIn(rule, [{ hotkey: signer.address, text, block: 7 }]);
  expect(announced).toMatchObject({ index: 3, block: 7 });
  expect([
    listFault(null, { block: 9 }),
    listFault(announced, { block: 7 }),
    listFault(announced, { block: 6 }),
  ]).toEqual(['not-announced', null, 'late']);
});

test('an epoch sees the sets from its own on, and the line before them, which shows that none was left out', async () => {
  const lines = await listOf([0, 1, 2, 4, 5]);
  const found = await read(lines, 3);
  if ('problem' in found) throw new Error(found.problem);
  expect(found.lines).toEqual(lines.slice(2));
  expect([...found.entries.keys()]).toEqual([4, 5]);
  // Whoever has a report has those lines only, and comes to the same.
  const again = await read(found.lines, 3);
  expect(again).toEqual(found);
});

test.each<[string, (lines: string[]) => string[], RegExp]>([
  ['a line left out in between', (lines) => [lines[0]!, lines[2]!], /does not go on from the line before/],
  ['the line before left out', (lines) => lines.slice(1), /names one before it/],
  ['the last line left out', (lines) => lines.slice(0, -1), /the line that the chain names/],
  ['two lines swapped', ([a, b, c]) => [b!, a!, c!], /does not go on|names one before/],
  ['a space more', ([a, b, c]) => [a!, `${b!} `, c!], /is no entry/],
  ['a number changed', ([a, b, c]) => [a!, b!.replace('"rows":8', '"rows":9'), c!], /does not go on|not signed/],
  ['no line', () => [], /has no line/],
])('a list with %s is not the one that the chain names', async (_, change, why) => {
  const lines = await listOf([0, 1, 2]);
  expect(await read(change(lines), 0, lines)).toEqual({ problem: expect.stringMatching(why) });
});

test('an epoch tries the first four sets that are listed, however far apart, of those that open within a day', async () => {
  const hourly = { ...rule, roundsBetween: 1_200 };
  const tried = (indexes: number[]) => candidates(hourly, 7, new Map(indexes.map((index) => [index, null])));
  expect(tried([6, 7, 12, 18, 24, 30])).toEqual([7, 12, 18, 24]);
  expect(tried([30, 31, 32])).toEqual([30]);
  expect(tried([])).toEqual([]);
  // A schedule of a set a week has one for each epoch.
  const weekly = { ...rule, roundsBetween: 7 * 28_800 };
  expect(candidates(weekly, 7, new Map([7, 8].map((index) => [index, null])))).toEqual([7]);
});

test("entries of another hotkey are nobody's, also where the chain names them", async () => {
  expect(await read(await listOf([0, 1], other), 0)).toEqual({ problem: expect.stringMatching(/is not signed by/) });
});

test('an entry that was replaced gives another head: both cannot be named at once', async () => {
  const before = await listOf([0, 1]);
  const replaced = await makeLine({ rule, index: 1, parts: [part(7)], before: before[0]!, signer });
  expect(lineHash(replaced)).not.toBe(lineHash(before[1]!));
  expect(await read([before[0]!, replaced], 0, before)).toEqual({ problem: expect.stringMatching(/the chain names/) });
  expect(await read([...before, replaced], 0)).toEqual({ problem: expect.stringMatching(/does not go on/) });
});

test('no more sets are listed ahead than a report has room for', async () => {
  const lines = await listOf(Array.from({ length: MOST_AHEAD + 2 }, (_, i) => i));
  expect(await read(lines, 0)).toEqual({ problem: expect.stringMatching(/more than 64 sets/) });
  expect(await read(lines, 3)).toMatchObject({ entries: expect.any(Map) });
});

test('an entry of another round than its number has, or of more than the competition allows, is void by itself', async () => {
  const [line] = await listOf([2]);
  const entry = parseLine(line!)!;
  expect(entryFault(rule, entry)).toBeNull();
  expect(entryFault(rule, undefined)).toBe('not-listed');
  expect(entryFault(rule, { ...entry, round: entry.round + 1 })).toBe('wrong-round');
  const with_ = (changed: Partial<LockedPart>, plain = {}) =>
    entryFault(rule, { ...entry, parts: [{ ...part(2), ...changed, plain: { ...part(2).plain, ...plain } }] });
  expect(with_({}, { rows: rule.maxRows + 1 })).toBe('too-large');
  expect(with_({ bytes: rule.maxBytes + 100 }, { bytes: rule.maxBytes + 1 })).toBe('too-large');
  expect(with_({ bytes: 100_000 })).toBe('too-large');
});

test('lines are what stands between line breaks', () => {
  expect(linesOf('a\nb\n')).toEqual(['a', 'b']);
  expect(linesOf('a\nb')).toEqual(['a', 'b']);
  expect(linesOf('')).toEqual([]);
});
