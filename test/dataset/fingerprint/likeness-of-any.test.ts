import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { EvaluationRows } from '../../../src/dataset/fingerprint/evaluation-rows.ts';
import { type Fingerprint, LONG_ANSWER, limitOf } from '../../../src/dataset/fingerprint/format.ts';
import { type Judgement, judgeRow } from '../../../src/dataset/fingerprint/judge-row.ts';
import {
  HELD,
  HELD_AS_COMMON,
  heldSomething,
  type Likeness,
  SourceRow,
} from '../../../src/dataset/fingerprint/likeness.ts';
import { AnyFingerprints } from './any-fingerprints.ts';
import { chats } from './chats.ts';

const rounded = (value: number) => Number(value.toFixed(9));
const seenIn = (one: Likeness) => [
  ...[one.held, one.heldPairs, one.heldNumbers, one.sameQuestions].map((list) => [...list].join('')),
  ...[one.level, rounded(one.wholeShare), one.wholeSymbols, heldSomething(one)],
];
const shownJudgement = (one: Judgement | null) => one && [one.sources, rounded(one.alike), one.isWhole];

/** One row whose answers are short, each with a question of its own, but for a gram in five. */
function shortAnswers(count: number, first: number): Fingerprint {
  const each = 5;
  const word = (pair: number, i: number) => 2 * (1_000 * (i === 0 ? first : 1) + each * pair + i);
  return {
    rowCount: 1,
    ...{ pairEnd: Uint32Array.of(count), wordEnd: Uint32Array.from({ length: count }, (_, pair) => each * (pair + 1)) },
    pairHashes: Uint32Array.from({ length: 2 * count }, (_, i) => first * 10_000 + i),
    ...{ questionHashes: new Uint32Array(count), symbolsOfPair: new Uint16Array(count).fill(20) },
    ...{ kindOfPair: new Uint8Array(count), levelOfPair: new Uint8Array(count), echoOfPair: new Uint8Array(count) },
    words: Uint32Array.from({ length: each * count }, (_, i) => word(Math.floor(i / each), i % each)),
  };
}

it('version 4 compares the first 1024 pairs of short answers of two rows', () => {
  const [judged, theirs] = [shortAnswers(60, 5), shortAnswers(60, 6)];
  const source = new SourceRow();
  for (const _ of [1, 2]) {
    source.load(theirs, 0);
    const { heldPairs } = source.compare(judged, 0, () => true);
    // The n-th is the n-th of the other's: 1 + 2 + ... + 44 are no more than 1024, and one with 45 would be.
    expect([...heldPairs]).toEqual(Array.from({ length: 60 }, (_, pair) => (pair < 44 ? 1 : 0)));
  }
});

/** Grams that are taken at every level. */
const gramsOf = (pair: number, count: number) => Array.from({ length: count }, (_, i) => 2_000 * pair + 2 * i + 2);
const isLastHeld = (theirs: Fingerprint, judged: Fingerprint) => {
  const source = new SourceRow();
  source.load(theirs, 0);
  return source.compare(judged, 0, () => true).heldPairs.at(-1) === 1;
};

it('version 4 compares no pair after 1024, and those of one row only', () => {
  const pairs = (count: number, first: number) =>
    Array.from({ length: count }, (_, i) => ({ grams: gramsOf(first + i, 5) }));
  const theirs = chats(pairs(30, 0), pairs(1, 90));
  // 34 pairs that the other lacks leave four.
  const isHeld = (place: number) => isLastHeld(theirs, chats([...pairs(34, 40), ...pairs(1, place)]));
  expect([isHeld(3), isHeld(4)]).toEqual([true, false]);
});

it('version 4 takes no gram at a level that is just its limit', () => {
  const theirs = chats([{ grams: [...gramsOf(0, 6), ...gramsOf(1, 10)], level: 8 }]);
  // Six of eight that are taken.
  const isHeld = (gram: number) =>
    isLastHeld(theirs, chats([{ grams: [...gramsOf(0, 6), ...gramsOf(2, 2), gram], level: 8, whole: [7, 7] }]));
  expect([isHeld(limitOf(8)), isHeld(limitOf(8) - 2)]).toEqual([true, false]);
});

it('version 4 keeps what is two fifths of an answer, a short answer, or a twentieth of a row', () => {
  const none = {
    ...{ held: new Uint8Array(40), heldPairs: new Uint8Array(2), heldNumbers: new Uint16Array(2) },
    ...{ sameQuestions: Uint8Array.of(1, 1), level: 0, firstHeld: -1, wholeShare: 0.39, wholeSymbols: 60_000 },
  };
  expect(heldSomething(none)).toBe(false);
  expect(heldSomething({ ...none, wholeShare: 0.4 })).toBe(true);
  expect(heldSomething({ ...none, heldPairs: Uint8Array.of(0, 1) })).toBe(true);
  const holding = (...states: number[]) =>
    heldSomething({ ...none, held: Uint8Array.from(none.held, (_, i) => states[i] ?? 0) });
  expect([holding(HELD), holding(HELD, HELD_AS_COMMON), holding(HELD, HELD)]).toEqual([false, false, true]);
  expect(heldSomething({ ...none, held: new Uint8Array() })).toBe(false);
});

it('version 4 sees the same in rows of any length', () => {
  const long = (words: number): Fingerprint => ({
    ...{
      rowCount: 1,
      pairEnd: Uint32Array.of(1),
      wordEnd: Uint32Array.of(words),
      pairHashes: Uint32Array.of(words, 1),
    },
    ...{
      questionHashes: Uint32Array.of(7),
      symbolsOfPair: Uint16Array.of(60_000),
      kindOfPair: Uint8Array.of(LONG_ANSWER),
    },
    ...{ levelOfPair: Uint8Array.of(0), echoOfPair: Uint8Array.of(0) },
    words: Uint32Array.from({ length: words }, (_, i) => 2 * (i * 7_919 + 13)),
  });
  const source = new SourceRow();
  for (const words of [10, 4_095, 4_096, 4_097, 20_000, 10]) {
    source.load(long(words), 0);
    const { held, wholeShare, wholeSymbols } = source.compare(long(12_000), 0, () => true);
    expect(held.reduce((sum, state) => sum + state, 0)).toBe(Math.min(words, 12_000));
    expect(wholeShare).toBe(Math.min(1, 12_000 / words));
    expect(wholeSymbols).toBe(60_000);
  }
});

it.each([
  [1, 'aec9ac366b092a33'],
  [2, 'd0cf0dddb8567b54'],
  [3, 'e31b2174f01cddec'],
  [4, '9d64098801da4d36'],
  [5, 'd2c7575e187a6e66'],
  [6, '67c67cd0e54f1b28'],
  [7, '4f7f2fdc4f58c7f7'],
  [8, '3a70e4877c214081'],
  [9, 'f9e2f11e83af9576'],
  [10, 'b75d9593f0c228fb'],
  [11, 'dbd1ad2385d4cad9'],
  [12, '65681b173b986989'],
])('version 4 sees the same likeness in whatever fingerprints there may be, of seed %i', (seed, expected) => {
  const seen = createHash('sha256');
  const source = new SourceRow();
  for (let time = 0; time < 60; time++) {
    const make = new AnyFingerprints(1_000 * seed + time);
    const judged = make.print();
    const row = make.below(2);
    const firstWord = row === 0 ? 0 : judged.wordEnd[judged.pairEnd[0]! - 1]!;
    const wasTheirs = make.oneOf([1, 1, 3, 7]);
    const likenesses = Array.from({ length: 6 }, () => {
      source.load(make.print(), make.below(2));
      return source.compare(judged, row, (word, pair) => (word + pair) % wasTheirs === 0);
    });
    likenesses.push(likenesses[make.below(6)]!);
    const nobodys = make.chance(0.2)
      ? Uint8Array.from({ length: judged.words.length - firstWord }, () => make.below(2))
      : undefined;
    const evaluation = new EvaluationRows(make.print(30));
    for (const one of evaluation.likenesses(judged, row)) seen.update(JSON.stringify(seenIn(one)));
    for (const one of likenesses) seen.update(JSON.stringify(seenIn(one)));
    for (const isEvaluation of [false, true])
      for (const some of [likenesses, likenesses.slice(0, 2), ...likenesses.map((one) => [one])])
        seen.update(JSON.stringify(shownJudgement(judgeRow({ print: judged, row, nobodys, isEvaluation }, some))));
  }
  expect(seen.digest('hex').slice(0, 16)).toBe(expected);
});
