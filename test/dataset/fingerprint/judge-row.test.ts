import { expect, it } from 'vitest';
import { type Fingerprint, limitOf } from '../../../src/dataset/fingerprint/format.ts';
import { judgeRow } from '../../../src/dataset/fingerprint/judge-row.ts';
import { HELD, type Likeness } from '../../../src/dataset/fingerprint/likeness.ts';
import { chats } from './chats.ts';

/** A row of one long answer, whose grams say the same number of symbols each, of which the first are common. */
const rowOf = (grams: number, symbols: number, common = 0): Fingerprint =>
  chats([
    {
      ...{ isLong: true, grams: Array.from({ length: grams }, (_, i) => 2 * i + 2), symbols },
      common: Array.from({ length: grams }, (_, i) => i < common),
    },
  ]);

const judge = (print: Fingerprint, ...likenesses: Partial<Likeness>[]) =>
  judgeRow(
    { print, row: 0, isEvaluation: false },
    likenesses.map((some) => ({
      ...{ held: new Uint8Array(print.words.length), heldPairs: new Uint8Array(1), heldNumbers: new Uint16Array(1) },
      ...{ sameQuestions: new Uint8Array(1), level: 0, firstHeld: -1, wholeShare: 0, wholeSymbols: 0, ...some },
    })),
  );

/** The grams of {@link rowOf} from a first to an end. */
const held = (print: Fingerprint, first: number, end: number) =>
  new Uint8Array(print.words.length).fill(HELD, first, end);

it('more of a row has to be held where it says less than 64 symbols beside what is common', () => {
  const [longer, shorter] = [rowOf(12, 96, 5), rowOf(12, 95, 5)];
  // 5.4 of 8: 64 symbols of 96, and 63.3 of 95.
  expect(judge(longer, { held: held(longer, 3, 10) })).toMatchObject({ sources: [0], isWhole: false });
  expect(judge(shorter, { held: held(shorter, 3, 10) })).toBeNull();
});

it('an answer of which four fifths are held needs to add less to what others hold', () => {
  const print = rowOf(100, 200);
  const others = { held: held(print, 0, 35) };
  const together = (wholeShare: number) => judge(print, others, { held: held(print, 35, 55), wholeShare });
  expect(together(0.8)).toMatchObject({ sources: [0, 1] });
  expect(together(0.79)).toBeNull();
});

it('parts of three make a row theirs, those of four do not', () => {
  const print = rowOf(100, 400);
  const parts = (count: number, grams: number) =>
    Array.from({ length: count }, (_, i) => ({ held: held(print, grams * i, grams * (i + 1)) }));
  expect(judge(print, ...parts(3, 21))).toMatchObject({ sources: [0, 1, 2] });
  expect(judge(print, ...parts(4, 17))).toBeNull();
  // Whole answers are no parts, and of more than three the first are named.
  const wholes = parts(4, 13).map((part) => ({ ...part, wholeShare: 0.8 }));
  expect(judge(print, ...wholes)).toMatchObject({ sources: [0, 1, 2] });
});

it('parts count less where fewer grams tell of them: of many short runs some have many by chance', () => {
  const parts = (print: Fingerprint, ...ends: number[]) =>
    judge(print, ...ends.map((end, i) => ({ held: held(print, ends[i - 1] ?? 0, end) })));
  const [sparse, dense] = [rowOf(40, 800), rowOf(800, 800)];
  // Three fifths of each.
  expect(parts(sparse, 8, 16, 24)).toBeNull();
  expect(parts(dense, 160, 320, 480)?.sources).toHaveLength(3);
  expect(parts(sparse, 8, 16, 25)?.sources).toHaveLength(3);
  // Of two it is less likely.
  expect(parts(sparse, 12, 24)?.sources).toHaveLength(2);
});

it('a phrase beside those that many rows have is not most of a row, unless it is much of an answer', () => {
  const print = rowOf(20, 400, 14);
  // 6 of 8.8 as they are weighed, 120 symbols of 400.
  expect(judge(print, { held: held(print, 14, 20) })).toBeNull();
  expect(judge(print, { held: held(print, 14, 20), wholeShare: 0.24 })).toBeNull();
  expect(judge(print, { held: held(print, 14, 20), wholeShare: 0.25 })).toMatchObject({ sources: [0] });
  // 150 symbols; two fifths of a shorter row.
  expect(judge(print, { held: held(print, 12, 20) })).toMatchObject({ sources: [0] });
  expect(judge(print, { held: held(print, 13, 20) })).toBeNull();
  const shorter = rowOf(20, 300, 14);
  expect(judge(shorter, { held: held(shorter, 12, 20) })).toMatchObject({ sources: [0] });
  expect(judge(shorter, { held: held(shorter, 13, 20) })).toBeNull();
  const longer = rowOf(20, 700, 14);
  expect(judge(longer, { held: held(longer, 14, 20) })).toMatchObject({ sources: [0] });
});

it.each([
  ['200 symbols of a long row', 1_000, 200],
  ['a third of a row', 300, 100],
])('a whole answer makes a row its owner`s from %s on', (_, symbols, wholeSymbols) => {
  const print = rowOf(20, symbols);
  expect(judge(print, { wholeShare: 1, wholeSymbols })).toEqual({ sources: [0], alike: 1, isWhole: true });
  expect(judge(print, { wholeShare: 1, wholeSymbols: wholeSymbols - 1 })).toBeNull();
});

it('an answer is whole from 85 % of a short one on', () => {
  const print = rowOf(20, 100);
  expect(judge(print, { wholeShare: 0.85, wholeSymbols: 60 })).toEqual({ sources: [0], alike: 0.85, isWhole: true });
  expect(judge(print, { wholeShare: 0.84, wholeSymbols: 60 })).toBeNull();
});

it('under the same question less of an answer is enough', () => {
  const sameQuestions = Uint8Array.of(1);
  const print = rowOf(20, 20);
  expect(judge(print, { sameQuestions, wholeShare: 0.5 })).toEqual({ sources: [0], alike: 0.5, isWhole: false });
  expect(judge(print, { sameQuestions, wholeShare: 0.49 })).toBeNull();
  expect(judge(print, { sameQuestions, held: held(print, 0, 10) })).toMatchObject({ sources: [0] });
  expect(judge(print, { sameQuestions, held: held(print, 0, 9) })).toBeNull();
  const longer = rowOf(100, 390);
  expect(judge(longer, { sameQuestions, held: held(longer, 0, 46) })).toMatchObject({ sources: [0], alike: 1 });
});

it('beside a much longer row only grams tell that are taken there, too', () => {
  const level = 38;
  // Of 44 grams six are taken there.
  const grams = Array.from({ length: 44 }, (_, i) => 2 * i + (i < 6 ? 2 : limitOf(level)));
  const print = chats([{ isLong: true, grams, symbols: 140 }]);
  expect(judge(print, { level, held: held(print, 0, 6) })).toMatchObject({ sources: [0] });
  expect(judge(print, { level, held: held(print, 1, 6) })).toMatchObject({ sources: [0] });
  expect(judge(print, { level, held: held(print, 2, 6) })).toBeNull();
  // Three are soon held by chance, though nothing else is.
  const few = chats([{ isLong: true, grams: grams.slice(3), symbols: 140 }]);
  expect(judge(few, { level, held: held(few, 0, 3) })).toBeNull();
  expect(judge(few, { level, held: held(few, 0, 4) })).toMatchObject({ sources: [0] });
  // Beside a row as long as itself it lacks most of them.
  expect(judge(print, { held: held(print, 0, 6) })).toBeNull();
});

it('three answers of others with 400 symbols are enough of a row, however long, and what two have counts once', () => {
  const print = rowOf(200, 6_000, 0);
  const whole = (firstHeld: number, wholeSymbols: number) => ({ firstHeld, wholeSymbols, wholeShare: 0.9 });
  expect(judge(print, whole(1, 150), whole(30, 150), whole(60, 100))).toMatchObject({ isWhole: true, alike: 0.9 });
  expect(judge(print, whole(1, 150), whole(30, 150), whole(60, 99))).toBeNull();
  expect(judge(print, whole(1, 199), whole(30, 199))).toBeNull();
  expect(judge(print, whole(1, 199), whole(1, 199), whole(30, 199), whole(30, 199))).toBeNull();
});

it('halves of answers are enough of a row from 2,000 symbols on, however long it is', () => {
  const print = rowOf(200, 60_000, 0);
  const half = (firstHeld: number, wholeSymbols: number, wholeShare = 0.5) => ({ firstHeld, wholeSymbols, wholeShare });
  expect(judge(print, half(1, 2_000), half(50, 2_000))).toMatchObject({ isWhole: true, alike: 0.5, sources: [0, 1] });
  expect(judge(print, half(1, 2_000), half(50, 1_998))).toBeNull();
  expect(judge(print, half(1, 2_000), half(50, 2_000, 0.49))).toBeNull();
  expect(judge(print, half(1, 2_000), half(1, 2_000))).toBeNull();
  // Who has less of it than half hides nobody who has more.
  expect(judge(print, half(1, 2_000, 0.4), half(1, 2_000), half(50, 2_000))).toMatchObject({ sources: [1, 2] });
});

it('pairs that another has word for word are enough of a row from three with 400 symbols on, each once', () => {
  const print = rowOf(200, 6_000, 0);
  const pairs = 4;
  const chat = {
    ...print,
    ...{ pairEnd: Uint32Array.of(pairs), wordEnd: new Uint32Array(pairs).fill(200), kindOfPair: new Uint8Array(pairs) },
    ...{ symbolsOfPair: Uint16Array.of(150, 150, 100, 9_000), levelOfPair: new Uint8Array(pairs) },
    ...{ echoOfPair: new Uint8Array(pairs), questionHashes: new Uint32Array(pairs) },
  };
  const holds = (...heldPairs: number[]) => ({
    ...{ heldPairs: Uint8Array.from(heldPairs), heldNumbers: new Uint16Array(pairs) },
    sameQuestions: new Uint8Array(pairs),
  });
  expect(judge(chat, holds(1, 0, 0, 0), holds(0, 1, 1, 0))).toMatchObject({ isWhole: true, alike: 1 });
  expect(judge(chat, holds(1, 0, 0, 0), holds(0, 1, 0, 0))).toBeNull();
  expect(judge(chat, holds(1, 1, 0, 0), holds(1, 1, 0, 0), holds(1, 0, 0, 0))).toBeNull();
});
