import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { Candidates } from '../../../src/dataset/fingerprint/candidates.ts';
import { type Fingerprint, writeFingerprint } from '../../../src/dataset/fingerprint/format.ts';
import { hashOf } from '../../../src/dataset/fingerprint/gram-table.ts';
import { JudgedShowing } from '../../../src/dataset/fingerprint/judged-showing.ts';
import { OwnTimes } from '../../../src/dataset/fingerprint/own-times.ts';
import { NEVER } from '../../../src/dataset/fingerprint/row-numbers.ts';
import { firstGramOf, firstPairOf, firstWordOfRow, isShort } from '../../../src/dataset/fingerprint/rows-of.ts';
import { ShowingsBuilder } from '../../../src/dataset/fingerprint/showings.ts';
import { AnyFingerprints } from './any-fingerprints.ts';

/** Showings of whatever fingerprints there may be, some of them judged. */
async function anyShowings(seed: number) {
  const make = new AnyFingerprints(seed);
  const prints = Array.from({ length: 6 }, () => make.print(1 + make.below(12), 0.08));
  const builder = new ShowingsBuilder();
  for (const { rowCount } of prints) {
    const begin = make.below(6);
    builder.add({
      owner: `${make.below(4)}`,
      shownAt: Float64Array.from({ length: rowCount }, () => (make.chance(0.2) ? make.below(8) : begin)),
      claimedUntil: make.chance(0.7) ? Number.POSITIVE_INFINITY : make.below(8),
      own: make.chance(0.3) ? Uint8Array.of(make.below(256), make.below(256)) : undefined,
      judged: true,
    });
  }
  const showings = builder.finish(async (index) => writeFingerprint(prints[index]!));
  const judged: JudgedShowing[] = [];
  for (const index of [0, 1, 2].map(() => make.below(6))) {
    if (judged.some((one) => one.index === index)) continue;
    const print = (await showings.load(index, { isKept: true }))!;
    const one = new JudgedShowing({ index, print, owner: showings.owners[index]!, times: showings.timesOf(index) });
    for (let row = 0; row < print.rowCount; row++) one.done[row] = make.chance(0.1) ? 1 : 0;
    judged.push(one);
  }
  return { make, prints, showings, judged };
}

it.each([
  [1, 'cfdc33787d3a4e33'],
  [2, '45cfa7efc4673116'],
  [3, '846dc57c390c9ba8'],
  [4, 'a0a61b894a040c6b'],
  [5, '00d79711bd6eced2'],
  [6, '3e9b0a76374bdde6'],
  [7, '49bb0d44100c7fc9'],
  [8, '9dde15fa70af1e22'],
])('version 2 compares the same rows of whatever fingerprints there may be, of seed %i', async (seed, expected) => {
  const seen = createHash('sha256');
  for (let time = 0; time < 12; time++) {
    const { make, prints, showings, judged } = await anyShowings(1_000 * seed + time);
    const candidates = new Candidates({ judged, showings });
    const last = make.oneOf([3, 5, NEVER]);
    const endAt = make.below(7);
    for (const [i, index] of showings.order.entries()) {
      if (i === endAt) candidates.endStanding();
      candidates.add(index, prints[index]!, last);
    }
    const { rows, keys, total, firstPlace } = candidates.find();
    seen.update(JSON.stringify([rows, [...keys], total, firstPlace]));
  }
  expect(seen.digest('hex').slice(0, 16)).toBe(expected);
});

/** When a gram, or a short pair, was first shown by any of some rows that are looked for. */
function plainTimes(print: Fingerprint, sought: readonly number[], shown: [Fingerprint, Uint32Array][]) {
  const known = new Map<number, number>();
  for (const row of sought) for (const hash of hashesIn(print, row)) known.set(hash, NEVER);
  for (const [other, times] of shown)
    for (let row = 0; row < other.rowCount; row++)
      for (const hash of hashesIn(other, row))
        if (known.has(hash)) known.set(hash, Math.min(known.get(hash)!, times[row]!));
  return (word: number) => known.get(hashOf(word)) ?? NEVER;
}

function hashesIn(print: Fingerprint, row: number): number[] {
  const words = [...print.words.subarray(firstWordOfRow(print, row), firstWordOfRow(print, row + 1))];
  for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++)
    if (isShort(print, pair)) words.push(print.pairHashes[2 * pair]!);
  return words.map(hashOf);
}

it('when an owner first showed what some rows say is when the first of his rows has that', () => {
  for (let seed = 0; seed < 150; seed++) {
    const make = new AnyFingerprints(seed);
    const timesOf = ({ rowCount }: Fingerprint) => Uint32Array.from({ length: rowCount }, () => make.below(9));
    const print = make.print(6);
    const times = timesOf(print);
    const sought = [0, 1, 2, 3, 4, 5].filter(() => make.chance(0.6));
    const others = Array.from({ length: 1 + make.below(3) }, () => make.print(1 + make.below(5)));
    const shown = others.map((other): [Fingerprint, Uint32Array] => [other, timesOf(other)]);
    const own = new OwnTimes(print, times, sought);
    for (const [other, at] of shown) own.add(other, at);
    const first = plainTimes(print, sought, shown);
    for (const row of sought) {
      for (let word = firstWordOfRow(print, row); word < firstWordOfRow(print, row + 1); word++)
        expect(own.of(row, word)).toBe(Math.min(times[row]!, first(print.words[word]!)));
      for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++) {
        if (!isShort(print, pair)) continue;
        const grams = [...print.words.subarray(firstGramOf(print, pair), print.wordEnd[pair])].map(first);
        // Most of what is asked: the time by which seven in ten of its grams were shown.
        const asked = grams.toSorted((a, b) => a - b)[Math.floor(0.7 * grams.length)] ?? NEVER;
        expect(own.ofPair(row, pair)).toBe(Math.min(times[row]!, first(print.pairHashes[2 * pair]!), asked));
      }
    }
  }
});
