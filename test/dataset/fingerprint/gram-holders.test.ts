import { expect, it } from 'vitest';
import { gramOf, writeFingerprint } from '../../../src/dataset/fingerprint/format.ts';
import { GramHolders, NONE } from '../../../src/dataset/fingerprint/gram-holders.ts';
import { hashOf } from '../../../src/dataset/fingerprint/gram-table.ts';
import { ShowingsBuilder } from '../../../src/dataset/fingerprint/showings.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { chats } from './chats.ts';

/** Together more grams than are looked up in one part. */
const [SHOWINGS, ROWS, WORDS] = [28, 500, 30];

/** Showings by a few owners, with words of which few are many rows', or all with hashes that begin alike. */
function showingsOf({ alike }: { alike: boolean }) {
  const random = new MersenneTwister(1);
  const below = (n: number) => Math.floor(random.nextUniform() * n);
  const begins = Array.from({ length: SHOWINGS }, () => below(8));
  const owners = Array.from({ length: SHOWINGS }, () => `${below(5)}`);
  const wordOf = (gram: number) => (alike ? 2 * Math.imul(gram, INVERSE) : Math.imul(gram, 0x01000193) & ~1) >>> 0;
  const row = () => [
    {
      isLong: true,
      grams: Array.from({ length: WORDS }, () => wordOf(below(below(4) === 0 ? 2_000 : 1_000_000))),
      question: below(2 ** 32),
      whole: [below(2 ** 32), below(2 ** 32)] as const,
    },
  ];
  const prints = begins.map(() => chats(...Array.from({ length: ROWS }, row)));
  const builder = new ShowingsBuilder();
  for (const [i, owner] of owners.entries())
    builder.add({
      owner,
      shownAt: Float64Array.from({ length: ROWS }, (_, row) => begins[i]! + (row % 7 === 3 ? below(6) : 0)),
      claimedUntil: Number.POSITIVE_INFINITY,
      judged: true,
    });
  return { prints, all: builder.finish(async (index) => writeFingerprint(prints[index]!)) };
}

/** Times it, small numbers are the hashes of words: {@link hashOf} multiplies by a number whose inverse this is. */
const INVERSE = (() => {
  let inverse = 1;
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(hashOf(2), inverse));
  return inverse;
})();

it.each([
  ['spread over all parts', false],
  ['of one part', true],
])('the first rows of two owners are noted of each of many grams, %s', (_, alike) => {
  const { prints, all } = showingsOf({ alike });
  const { numbers } = all;
  const holders = new GramHolders({ prints, rows: numbers.rows });
  const known = new Map<number, number[]>();
  const ended = all.order.length - 4;
  for (const [i, index] of all.order.entries()) {
    if (i === ended) holders.endStanding();
    const { words, pairHashes, questionHashes } = prints[index]!;
    for (let row = 0; row < ROWS; row++) {
      const number = all.numberOf(index, row);
      const grams = words.subarray(row * WORDS, (row + 1) * WORDS);
      holders.add(words, row * WORDS, (row + 1) * WORDS, number);
      holders.add(pairHashes, 2 * row, 2 * row + 1, number);
      holders.add(questionHashes, row, row + 1, number);
      for (const gram of [pairHashes[2 * row]!, questionHashes[row]!, ...grams].map(gramOf)) {
        const noted = known.get(gram) ?? [];
        if (noted.length === 0) known.set(gram, noted);
        const same = noted.findIndex((other) => numbers.ownerOf(other) === numbers.ownerOf(number));
        if (same < 0) noted.push(number);
        else if (i < ended && numbers.shownAt(number) < numbers.shownAt(noted[same]!)) noted[same] = number;
        if (i < ended) noted.sort((a, b) => numbers.shownAt(a) - numbers.shownAt(b));
        noted.length = Math.min(2, noted.length);
      }
    }
    holders.endShowing(all.begins[index]!);
  }
  let place = 0;
  for (const { ofWords, ofPairs, ofQuestions } of holders.find()) {
    const { words, pairHashes, questionHashes } = prints[place++]!;
    const wrong = (grams: Uint32Array, found: Uint32Array, step: number) =>
      Array.from(grams, (gram, i) => {
        const [first = NONE, second = NONE] = known.get(gramOf(gram)) ?? [];
        return i % step === 0 && (found[2 * i] !== first || found[2 * i + 1] !== second) ? i : -1;
      }).filter((i) => i >= 0);
    expect(wrong(words, ofWords, 1)).toEqual([]);
    expect(wrong(pairHashes, ofPairs, 2)).toEqual([]);
    expect(wrong(questionHashes, ofQuestions, 1)).toEqual([]);
  }
  expect(place).toBe(SHOWINGS);
});
