import { describe, expect, it } from 'vitest';
import { fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { FirstPlaces } from '../../../src/dataset/fingerprint/first-places.ts';
import { COMMON, type Fingerprint } from '../../../src/dataset/fingerprint/format.ts';
import { type Likeness, SourceRow } from '../../../src/dataset/fingerprint/likeness.ts';
import type { DatasetRow } from '../../../src/schema/dataset-row.ts';
import { AnyFingerprints } from './any-fingerprints.ts';
import { type ChatPair, chats } from './chats.ts';
import { plainLikeness } from './plain-likeness.ts';
import { chat, letters } from './rows.ts';
import { searchHere } from './search-here.ts';

const range = <T>(length: number, make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i));
/** Other hashes for each seed, spread as those of texts are. */
const hash = (i: number, seed = 0) => (Math.imul(i + 1 + 1_000_003 * seed, 0x85ebca6b) & ~COMMON) >>> 0;
const hashes = (count: number, seed: number) => range(count, (i) => hash(i, seed));

/** Two rows of up to 40 pairs, of whose questions some share grams with several of the other row. */
function twoChats(seed: number): [source: Fingerprint, judged: Fingerprint] {
  const make = new AnyFingerprints(seed);
  const numbers = range(5, (i) => hash(i, 9));
  const level = make.oneOf([0, 3, 41]);
  const pairs = range(make.oneOf([1, 3, 10, 40]), (pair): ChatPair => {
    const grams = range(
      make.oneOf([0, 4, 6, 8, 16, 40]),
      (i) => hash(64 * pair + i, seed) >>> make.oneOf([0, 0, 4, 6]),
    );
    return {
      ...{ isLong: make.chance(0.3), grams: [...new Set(grams.map((gram) => (gram & ~COMMON) >>> 0))] },
      ...{ numbers: range(make.oneOf([0, 0, 1, 3]), () => make.oneOf(numbers)), question: make.below(40) },
      ...{ whole: [make.below(20), make.below(2)], level: make.oneOf([level, level, 0, 28]) },
      ...{ symbols: make.oneOf([20, 60, 300]), common: range(40, () => make.chance(0.2)) },
    };
  });
  const seen = new Set<number>();
  const unseen = (grams: readonly number[]) => grams.filter((gram) => !seen.has(gram) && seen.add(gram));
  const theirs = pairs.map((pair) => ({ ...pair, grams: unseen(pair.grams) }));
  seen.clear();
  const ours = range(make.oneOf([1, 5, 40]), (): ChatPair => {
    const [pair, other] = [make.oneOf(theirs), make.oneOf(theirs)];
    const most = pair.grams.filter(() => make.chance(0.9));
    const more = make.chance(0.3) ? other.grams : range(make.below(5), () => hash(make.below(1e6), seed + 1));
    return {
      ...pair,
      ...{ isLong: make.chance(0.1) ? !pair.isLong : pair.isLong!, grams: unseen([...new Set([...most, ...more])]) },
      ...{ numbers: [...pair.numbers!, ...(make.chance(0.3) ? [make.oneOf(numbers)] : [])].slice(make.below(2)) },
      ...{ whole: [make.below(200), 1], common: range(80, () => make.chance(0.2)) },
    };
  });
  return [chats([], theirs), chats(ours)];
}

/** The last digits of a share depend on the order in which it is summed. */
const rounded = (one: Likeness) => ({ ...one, wholeShare: Number(one.wholeShare.toFixed(12)) });

describe('comparing two rows', () => {
  it('finds just what comparing every pair with every pair finds', () => {
    const source = new SourceRow();
    const seen = { heldPairs: 0, notHeld: 0, sameQuestions: 0, whole: 0 };
    for (let seed = 1; seed <= 400; seed++) {
      const [theirs, judged] = twoChats(seed);
      const isTheirs = (word: number, pair: number) => (word + pair) % 7 < seed % 8;
      source.load(theirs, 1);
      const found = source.compare(judged, 0, isTheirs);
      expect(rounded(found), `seed ${seed}`).toEqual(rounded(plainLikeness(theirs, 1, judged, 0, isTheirs)));
      for (const isHeld of found.heldPairs) seen[isHeld ? 'heldPairs' : 'notHeld']++;
      seen.sameQuestions += found.sameQuestions.filter((is) => is === 1).length;
      seen.whole += found.wholeShare > 0 ? 1 : 0;
    }
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100);
  });

  it('finds the same in whatever fingerprints there may be', () => {
    const source = new SourceRow();
    for (let seed = 1; seed <= 40; seed++) {
      const make = new AnyFingerprints(seed);
      const [theirs, judged] = [make.print(30, 0.1), make.print(3, 0.1)];
      for (let row = 0; row < 30; row++) {
        source.load(theirs, row);
        const found = source.compare(judged, row % 3, () => true);
        expect(rounded(found), `seed ${seed}`).toEqual(
          rounded(plainLikeness(theirs, row, judged, row % 3, () => true)),
        );
      }
    }
  });
});

/** Least time of a processor of some runs, in milliseconds. */
function timeOf(run: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 4; time++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}

const TIMES = 4;
const source = new SourceRow();

function compareAll(theirs: Fingerprint, judged: Fingerprint): void {
  for (let time = 0; time < TIMES; time++)
    for (let row = 0; row < theirs.rowCount; row++) {
      source.load(theirs, row);
      source.compare(judged, row, () => true);
    }
}

/** As many words in rows of one pair, of which the judged one has nine in ten grams. */
function ordinary(words: number): [source: Fingerprint, judged: Fingerprint] {
  const row = (i: number, first: number) => [
    { isLong: true, grams: range(50, (k) => hash(64 * i + first + k)), numbers: [hash(i, 7)], question: hash(i, 8) },
  ];
  const rows = Math.ceil(words / 51);
  return [chats(...range(rows, (i) => row(i, 0))), chats(...range(rows, (i) => row(i, 5)))];
}

/** Grams that the same part of a product picks out. */
function inOneSlot(count: number, bits: number): number[] {
  const found: number[] = [];
  for (let gram = 2; found.length < count; gram += 2)
    if (((Math.imul(gram, 0x9e3779b1) >>> 8) & (2 ** bits - 1)) === 1) found.push(gram);
  return found;
}

const manyPairs = (seed: number, pair: (i: number) => Partial<ChatPair>) =>
  chats(
    range(512, (i) => ({
      ...{ grams: range(4, (k) => hash(4 * i + k, seed)), question: hash(i, seed + 10), whole: [hash(i, seed), seed] },
      ...pair(i),
    })),
  );
const oneQuestion = (...grams: number[][]) => chats(grams.map((list) => ({ grams: list, level: 41, symbols: 65_535 })));
/** Grams so small that they are taken at every level. */
const taken = (count: number, seed: number) => hashes(count, seed).map((gram) => ((gram >>> 5) & ~COMMON) >>> 0);
/** Of a megabyte, nearly. */
const ASKED = taken(30_000, 30);
/** Of others. */
const NOT_ASKED = taken(8 * 512, 31);
/** Grams of a question of which half are in that one: too few to be the same. */
const halfOf = (i: number) => [...ASKED.slice(50 * i, 50 * i + 8), ...NOT_ASKED.slice(8 * i, 8 * i + 8)];

it.each<[string, () => [source: Fingerprint, judged: Fingerprint]]>([
  [
    '512 pairs of 16 numbers that the other lacks',
    () => {
      const numbers = (seed: number) => (i: number) => ({ isLong: true, numbers: hashes(16, 1_000 * seed + i) });
      return [manyPairs(1, numbers(1)), manyPairs(2, numbers(2))];
    },
  ],
  [
    '512 short answers to questions of whose grams the other has all, of several pairs',
    () => [
      manyPairs(1, (i) => ({ grams: range(16, (k) => hash(16 * i + k)) })),
      manyPairs(2, (i) => ({ grams: range(16, (k) => hash(16 * (4 * i + (k >> 2)) + (k & 3))) })),
    ],
  ],
  [
    'a short answer to a question of a megabyte, of which each of 512 short pairs has a part',
    () => [manyPairs(1, (i) => ({ grams: halfOf(i) })), oneQuestion(ASKED)],
  ],
  [
    'questions of a megabyte, of which each of 512 short pairs has a part',
    () => [
      oneQuestion(ASKED.slice(0, 15_000), ASKED.slice(15_000)),
      manyPairs(1, (i) => ({ grams: halfOf(i), level: 41 })),
    ],
  ],
  [
    'grams chosen to fall together',
    () => {
      const row = [{ isLong: true, grams: inOneSlot(4_000, 14), level: 41 }];
      return [chats(row), chats(row)];
    },
  ],
])('takes time linear in %s', (_, make) => {
  const [theirs, judged] = make();
  const words = theirs.words.length + judged.words.length;
  const [plainTheirs, plainJudged] = ordinary(words / 2);
  const plain = timeOf(() => compareAll(plainTheirs, plainJudged));
  const heavy = timeOf(() => compareAll(theirs, judged));
  expect(heavy).toBeLessThan(6 * plain + 5);
});

it('comparing rows with one of a megabyte takes no longer than with one of a kilobyte', () => {
  const both = ASKED.slice(0, 6);
  const judged = chats(...range(3_000, (row) => [{ grams: [...both, ...hashes(44, row)], isLong: true }]));
  const timeWith = (grams: number[]) => {
    source.load(chats([{ grams, isLong: true, level: 41 }]), 0);
    return timeOf(() => {
      for (let row = 0; row < judged.rowCount; row++) source.compare(judged, row, () => true);
    });
  };
  const short = timeWith([...both, ...hashes(44, 1e6)]);
  expect(timeWith(ASKED)).toBeLessThan(3 * short + 5);
});

it.each<[string, (i: number) => number]>([
  ['in order', (i) => 2 * i],
  ['with the same last bits', (i) => (i << 17) >>> 0],
  ['with the same middle bits', (i) => ((i >> 7) << 25) | ((i & 127) << 1)],
  ['of one slot of a product', (i) => ONE_SLOT[i % ONE_SLOT.length]! ^ (i >= ONE_SLOT.length ? 0x40000000 : 0)],
])('finds hashes %s as soon as any', (_, of) => {
  const places = new FirstPlaces();
  const fill = (hashOf: (i: number) => number) => () => {
    places.clear(20_000);
    for (let i = 0; i < 20_000; i++) places.add(i, hashOf(i));
    for (let i = 0; i < 20_000; i++) if (!places.has(hashOf(i))) throw new Error('lost');
  };
  const [any, chosen] = [timeOf(fill((i) => hash(i, 3))), timeOf(fill((i) => of(i) >>> 0))];
  expect(chosen).toBeLessThan(5 * any + 5);
});

const ONE_SLOT = inOneSlot(4_000, 14);

describe('a search takes no longer than for others of the same size where', () => {
  const turnsOf = (seed: number) => (row: number) =>
    chat(
      ...range(512, (pair) => {
        const numbers = range(16, (i) => 10_000_000 * seed + 10_000 * row + 17 * pair + i).join(' or ');
        return [
          `What is ${letters(14, 512 * row + pair)}?`,
          `${letters(40, 1e6 * seed + 512 * row + pair)} ${numbers}`,
        ];
      }).flat(),
    );
  const ASKED_TEXT = letters(400_000, 5);
  const sizeOf = (rows: DatasetRow[]) => JSON.stringify(rows).length;
  const search = async (theirs: DatasetRow[], judged: DatasetRow[]) => {
    const showings = [theirs, judged].map((rows, i) => ({
      ...{ owner: `${i}`, fingerprint: fingerprintRows(rows), shownAt: new Float64Array(rows.length).fill(i) },
      ...{ claimedUntil: Number.POSITIVE_INFINITY, judged: i === 1 },
    }));
    const before = process.cpuUsage();
    await searchHere({ showings, evaluation: null, evaluationRows: 'allow' });
    return process.cpuUsage(before).user / 1_000;
  };

  it.each<[string, () => [theirs: DatasetRow[], judged: DatasetRow[]]]>([
    ['rows of 1024 turns ask the same, and have other numbers', () => [range(5, turnsOf(1)), range(5, turnsOf(2))]],
    [
      'rows ask for most of a megabyte, of which others have parts with the same short answer',
      () => [
        range(6, () =>
          chat(
            ...range(512, (i) => [
              `${ASKED_TEXT.slice(700 * i, 700 * i + 100)} ${letters(150, 9_000 + i)}`,
              'Yes.',
            ]).flat(),
          ),
        ),
        range(2, (row) => chat(`${ASKED_TEXT} ${letters(30, row)}`, 'Yes.')),
      ],
    ],
  ])('%s', async (_, make) => {
    const [theirs, judged] = make();
    const rows = (size: number, seed: number) =>
      range(Math.ceil(size / 1_000), (i) => chat(letters(60, i), `${letters(450, i)} ${letters(400, 1e6 * seed + i)}`));
    const plain = await search(rows(sizeOf(theirs), 1), rows(sizeOf(judged), 2));
    expect(await search(theirs, judged)).toBeLessThan(3 * plain + 100);
  });
});
