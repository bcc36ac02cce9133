import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FingerprintBuilder, fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import {
  gramOf,
  gramWith,
  isCommon,
  LEVELS,
  LONG_ANSWER,
  limitOf,
  readFingerprint,
  shareOf,
  writeFingerprint,
} from '../../../src/dataset/fingerprint/format.ts';
import { addGrams, GRAM_SYMBOLS, GUARANTEED_RUN } from '../../../src/dataset/fingerprint/grams.ts';
import { GrowingList } from '../../../src/dataset/fingerprint/growing-list.ts';
import { normalForm } from '../../../src/dataset/fingerprint/normal-form.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { chat, letters } from './rows.ts';

const gramsOf = (symbols: Uint32Array, limit: number) => {
  const grams = new GrowingList();
  addGrams(grams, symbols, limit);
  return [...grams.view()];
};

describe('a gram', () => {
  const word = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 31 }).map((bit) => 2 ** bit),
    fc.constantFrom(0, 2 ** 25 - 1, 2 ** 32 - 1),
  );
  const bitsOf = (high: number, low: number) => high.toString(2).padStart(32, '0') + low.toString(2).padStart(32, '0');

  it('has the first bit that is set of seven, and the 28 bits behind it', () => {
    fc.assert(
      fc.property(word, word, (high, low) => {
        const bits = bitsOf(high, low);
        const zeros = Math.min(7, bits.indexOf('1') < 0 ? 7 : bits.indexOf('1'));
        const behind = bits.slice(Math.min(7, zeros + 1)).slice(0, 28);
        expect(gramWith(high, low).toString(2).padStart(32, '0')).toBe(
          `${(7 - zeros).toString(2).padStart(3, '0')}${behind}0`,
        );
      }),
    );
  });

  it('of a smaller hash is none that is larger', () => {
    fc.assert(
      fc.property(word, word, word, word, (a, b, c, d) => {
        const isSmaller = a < c || (a === c && b < d);
        const [smaller, larger] = isSmaller ? [gramWith(a, b), gramWith(c, d)] : [gramWith(c, d), gramWith(a, b)];
        expect(smaller).toBeLessThanOrEqual(larger);
      }),
    );
  });

  it('is taken at a level as often as that says', () => {
    const random = new MersenneTwister(5);
    const any = () => Math.floor(2 ** 32 * random.nextUniform());
    const grams = Array.from({ length: 20_000 }, () => gramWith(any(), any()));
    for (const level of [0, 1, 7, 8, 20, 37, 41]) {
      const taken = grams.filter((gram) => gram < limitOf(level)).length / grams.length;
      expect(Math.abs(taken - shareOf(level))).toBeLessThan(0.012);
    }
    expect(shareOf(8)).toBe(0.5);
  });

  it('of a long row is another than those of hundreds of thousands of others', () => {
    const random = new MersenneTwister(6);
    const text = Uint32Array.from({ length: 6_000_000 }, () => 97 + Math.floor(26 * random.nextUniform()));
    const grams = gramsOf(text, limitOf(41)).filter((gram) => gram < limitOf(41));
    expect(grams.length).toBeGreaterThan(150_000);
    // 18 here; were their first bits kept, which are all 0, it would be about 240.
    expect(grams.length - new Set(grams).size).toBeLessThan(60);
  });
});

describe('grams of a text', () => {
  const symbol = fc.integer({ min: 97, max: 122 });
  const textOf = (length: number) => fc.array(symbol, { minLength: length, maxLength: length });

  it('have one in common of each run that is long enough, whatever stands around it and however thin they are', () => {
    const around = fc.array(symbol, { maxLength: 200 });
    fc.assert(
      fc.property(textOf(GUARANTEED_RUN), around, around, around, around, (run, a, b, c, d) => {
        const first = gramsOf(Uint32Array.from([...a, ...run, ...b]), 0);
        const second = new Set(gramsOf(Uint32Array.from([...c, ...run, ...d]), 0));
        expect(first.some((gram) => second.has(gram))).toBe(true);
      }),
    );
  });

  it('below a limit are taken wherever they stand', () => {
    fc.assert(
      fc.property(textOf(100), textOf(40), (text, before) => {
        const all = new Set(gramsOf(Uint32Array.from([...before, ...text]), 2 ** 29));
        for (const gram of gramsOf(Uint32Array.from(text), 2 ** 29)) if (gram < 2 ** 29) expect(all).toContain(gram);
      }),
    );
  });
});

describe('grams of any text', () => {
  const random = new MersenneTwister(7);
  const symbolsOf = (length: number) => Uint32Array.from({ length }, () => 97 + Math.floor(26 * random.nextUniform()));
  const window = GUARANTEED_RUN - GRAM_SYMBOLS + 1;

  it('are those below the limit, and else the smallest of every window', () => {
    for (const length of [12, 13, 20, 63, 64, 65, 66, 100, 200, 400])
      for (const limit of [0, 2 ** 26]) {
        const symbols = symbolsOf(length);
        const all = gramsOf(symbols, 2 ** 32);
        expect(all).toHaveLength(length - GRAM_SYMBOLS + 1);
        const windows = Math.max(1, all.length - window + 1);
        const smallest = Array.from({ length: windows }, (_, i) => Math.min(...all.slice(i, i + window)));
        const taken = gramsOf(symbols, limit);
        expect(new Set(taken)).toEqual(new Set([...smallest, ...all.filter((gram) => gram < limit)]));
        if (limit === 0) expect(taken).toEqual([...new Set(smallest)]);
      }
  });

  it('are none that is at the limit', () => {
    const symbols = symbolsOf(40);
    const all = gramsOf(symbols, 2 ** 32);
    const most = Math.max(...all);
    expect(gramsOf(symbols, most)).toEqual(all.filter((gram) => gram !== most));
  });

  it('begin with the smallest of the first window, though it be the first', () => {
    let symbols = symbolsOf(100);
    const all = () => gramsOf(symbols, 2 ** 32);
    while (Math.min(...all().slice(0, window)) !== all()[0]) symbols = symbolsOf(100);
    expect(gramsOf(symbols, 0)[0]).toBe(all()[0]);
  });

  it('are one of each window, though all be equal', () => {
    expect(gramsOf(new Uint32Array(100).fill(97), 0)).toHaveLength(100 - GUARANTEED_RUN + 1);
  });

  it('are none of a text that is shorter than a gram', () => {
    expect(gramsOf(symbolsOf(GRAM_SYMBOLS - 1), 2 ** 32)).toEqual([]);
  });

  it('are as few at any level beyond the last as at the last', () => {
    expect(limitOf(LEVELS + 20)).toBe(limitOf(LEVELS - 1));
  });
});

it('a list grows from no room at all', () => {
  const list = new GrowingList(0);
  for (let i = 0; i < 40; i++) list.add(i);
  expect([...list.view()]).toEqual(Array.from({ length: 40 }, (_, i) => i));
});

describe('the pairs of a row', () => {
  const asked = 'And what would you say of that?';
  const [a, b] = [letters(20, 1), letters(20, 2)];
  const print = (...turns: string[]) => fingerprintRows([chat(...turns)]);
  const pairsOf = (...turns: string[]) => readFingerprint(print(...turns))!.wordEnd.length;

  it('are one where an answer comes in pieces with next to nothing asked between them', () => {
    expect(print(asked, a, 'Go on.', b)).toEqual(print(asked, `${a} ${b}`));
    expect(print(asked, a, 'Go on.', b, '', a)).toEqual(print(asked, `${a} ${b} ${a}`));
    expect(print('Hm?', a, 'Go on.', b)).toEqual(print('Hm?', `${a} ${b}`));
    expect(print(asked, 'so 1', 'Go on.', '2 so')).toEqual(print(asked, 'so 1 2 so'));
    expect(print(asked, 'so 1', 'Go on.', '2 so')).not.toEqual(print(asked, 'so 12 so'));
  });

  it('are several where something is asked between, such as a number, or the next answer is long', () => {
    expect(pairsOf(asked, a, 'And why is it so?', b)).toBe(2);
    expect(pairsOf(asked, a, '7?', b)).toBe(2);
    expect(pairsOf(asked, a, 'Go on.', letters(40, 3))).toBe(2);
    expect(pairsOf(asked, a, 'Go on.', b, 'And why is it so?', a, 'Go on.', b)).toBe(2);
  });

  it('have a question that says which answer is meant from ten letters on', () => {
    const questions = (text: string) => readFingerprint(print(text, 'Yes'))!.questionHashes[0]!;
    expect(questions('abcdefghj')).toBe(0);
    expect(questions('abcdefghjk')).not.toBe(0);
    expect(pairsOf(asked, a, 'abcdefghj', b)).toBe(1);
    expect(pairsOf(asked, a, 'abcdefghjk', b)).toBe(2);
  });

  it('leave out a question that nobody answers', () => {
    expect(print(asked, a, 'And why is it so?')).toEqual(print(asked, a));
  });

  it('are compared by what is written where there is no letter, by so much of it', () => {
    expect(print(asked, ' \ud83d\ude00 ')).toEqual(print(asked, '\ud83d\ude00'));
    expect(print(asked, '\u2026'.repeat(100))).toEqual(print(asked, '\u2026'.repeat(64)));
    expect(print(asked, '\u2026'.repeat(63))).not.toEqual(print(asked, '\u2026'.repeat(64)));
  });

  it('have the same grams of a question whose short answer has numbers appended', () => {
    const grams = (answer: string) => {
      const { words, kindOfPair } = readFingerprint(print(asked, answer))!;
      return words.subarray(kindOfPair[0]!);
    };
    for (const answer of ['so 1', 'so 1 2']) expect(grams(answer)).toEqual(grams('so'));
    expect(grams('1 2')).toEqual(grams('1'));
    expect(grams('2')).not.toEqual(grams('1'));
  });

  it('have sixteen numbers at most, and operators alone are none', () => {
    const numbers = (...turns: string[]) => readFingerprint(print(...turns))!.kindOfPair[0]! & (LONG_ANSWER - 1);
    expect(numbers('Of 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22?', '1, 2, 3, 4, 5, 6')).toBe(16);
    expect(numbers('Of 11, 12 and 13?', '1, 2')).toBe(5);
    expect(numbers('Is x < y so?', 'x > y')).toBe(0);
    expect(numbers('Is x < y so?', 'Of 7, x > y')).toBe(1);
  });
});

describe('a fingerprint', () => {
  const parts = {
    pairEnd: Uint32Array.of(1, 1, 3),
    wordEnd: Uint32Array.of(2, 3, 5),
    pairHashes: Uint32Array.of(1, 2, 3, 4, 5, 6),
    questionHashes: Uint32Array.of(7, 0, 9),
    words: Uint32Array.of(11, 12, 13, 14, 0xffffffff),
    symbolsOfPair: Uint16Array.of(100, 65_535, 3),
    kindOfPair: Uint8Array.of(130, 2, 0),
    levelOfPair: Uint8Array.of(0, 41, 7),
    echoOfPair: Uint8Array.of(255, 0, 9),
  };

  it('has every part that was written, wherever in a buffer it lies', () => {
    const bytes = writeFingerprint(parts);
    for (const offset of [0, 1, 2, 3, 4, 8]) {
      const around = new Uint8Array(bytes.length + 16);
      around.set(bytes, offset);
      expect(readFingerprint(around.subarray(offset, offset + bytes.length))).toEqual({ rowCount: 3, ...parts });
    }
    expect(readFingerprint(fingerprintRows([]))?.rowCount).toBe(0);
  });

  it.each([
    [254, 254],
    [255, 1],
    [3, 256],
    [70_000, 300],
  ])('has rows of %i pairs and pairs of %i words', (pairs, words) => {
    const count = pairs + 1;
    const print = {
      pairEnd: Uint32Array.of(pairs, pairs, count),
      wordEnd: Uint32Array.from({ length: count }, (_, i) => (i + 1 < count ? Math.min(i, 1) * words : words + 1)),
      ...{ pairHashes: new Uint32Array(2 * count).fill(5), questionHashes: new Uint32Array(count).fill(6) },
      ...{ words: new Uint32Array(words + 1).fill(8), symbolsOfPair: new Uint16Array(count).fill(9) },
      ...{ kindOfPair: new Uint8Array(count).fill(1), levelOfPair: new Uint8Array(count).fill(2) },
      echoOfPair: new Uint8Array(count).fill(3),
    };
    expect(readFingerprint(writeFingerprint(print))).toEqual({ rowCount: 3, ...print });
  });

  it.each<[string, Partial<typeof parts>]>([
    ['rows whose pairs end before they begin', { pairEnd: Uint32Array.of(2, 1, 3) }],
    ['rows with fewer pairs than there are', { pairEnd: Uint32Array.of(1, 1, 2) }],
    ['pairs whose words end before they begin', { wordEnd: Uint32Array.of(3, 2, 5) }],
    ['pairs with more words than there are', { wordEnd: Uint32Array.of(2, 3, 6) }],
  ])('is not read with %s', (_, wrong) => {
    expect(readFingerprint(writeFingerprint({ ...parts, ...wrong }))).toBeNull();
  });

  it('marks what half of a handful of rows have, and what four of more have', () => {
    const marked = (sharing: number, all: number) =>
      readFingerprint(
        fingerprintRows(
          Array.from({ length: all }, (_, i) =>
            chat(`What of ${letters(9, i)}?`, `${letters(60, i < sharing ? 0 : i)} ${letters(60, 50 + i)}`),
          ),
        ),
      )!.words.some(isCommon);
    expect([marked(2, 3), marked(2, 4), marked(2, 5), marked(3, 5)]).toEqual([true, true, false, true]);
    expect([marked(3, 8), marked(4, 8), marked(3, 20), marked(4, 20)]).toEqual([false, true, false, true]);
  });

  it.each([3, 8, 32])('of %i rows marks what they have in common, whichever of them take it', (count) => {
    let taken = 0;
    for (let seed = 0; seed < 20; seed++) {
      const phrase = letters(120, 900 + seed);
      const inPhrase = new Set(gramsOf(normalForm(phrase), 2 ** 32).map(gramOf));
      const row = (i: number) =>
        chat(`What of ${letters(9, i)}?`, `${letters(60, 50 + i)} ${phrase} ${letters(60, i)}`);
      const { words } = readFingerprint(fingerprintRows(Array.from({ length: count }, (_, i) => row(100 * seed + i))))!;
      const ofPhrase = words.filter((word) => inPhrase.has(gramOf(word)));
      taken += ofPhrase.length;
      expect(ofPhrase.filter((word) => !isCommon(word))).toEqual(new Uint32Array());
    }
    expect(taken).toBeGreaterThan(20 * count);
  });

  it.each([9, 40])('may be asked for before all of %i rows are added', (count) => {
    const rows = Array.from({ length: count }, (_, i) =>
      chat(`What of ${letters(8, i)}?`, `${letters(60, 1_000 + (i >> 2))} ${letters(60, 20 + i)}`),
    );
    const builder = new FingerprintBuilder();
    for (const [i, row] of rows.entries()) {
      builder.add(row);
      if (i % 3 === 0 || i + 1 === count) expect(builder.finish()).toEqual(fingerprintRows(rows.slice(0, i + 1)));
    }
  });

  const text = fc.string({ unit: 'binary' });
  const question = text.map((asked) => `And what would you say of ${asked}`);
  const rows = fc.array(fc.array(fc.tuple(question, text), { maxLength: 3 }));

  it('is read as it was written', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const bytes = fingerprintRows(all.map((pairs) => chat(...pairs.flat())));
        const print = readFingerprint(bytes)!;
        expect(print.rowCount).toBe(all.length);
        expect([...print.pairEnd]).toEqual(all.map((_, i) => all.slice(0, i + 1).flat().length));
        expect(print.wordEnd.at(-1) ?? 0).toBe(print.words.length);
        const moved = new Uint8Array(bytes.length + 1);
        moved.set(bytes, 1);
        expect(readFingerprint(moved.subarray(1))).toEqual(print);
      }),
    );
  });

  it('is the same made row by row', () => {
    const all = [
      chat('One?', letters(300)),
      chat('Two?', 'Yes'),
      chat('Three?', letters(80, 2), 'Four?', letters(50, 3)),
    ];
    const builder = new FingerprintBuilder();
    for (const row of all) builder.add(row);
    expect(builder.rowCount).toBe(3);
    expect(builder.finish()).toEqual(fingerprintRows(all));
  });

  it('does not mind the system prompt', () => {
    const row = chat('One?', letters(300));
    expect(fingerprintRows([{ ...row, system: letters(200, 2) }])).toEqual(fingerprintRows([row]));
  });

  it('of another version, cut or damaged is not read', () => {
    const bytes = fingerprintRows([chat('One?', letters(300))]);
    for (let i = 0; i < 28; i++) {
      const damaged = bytes.slice();
      damaged[i]! ^= 1;
      expect(readFingerprint(damaged)).toBeNull();
    }
    fc.assert(fc.property(fc.nat(bytes.length - 1), (length) => readFingerprint(bytes.subarray(0, length)) === null));
    expect(readFingerprint(new Uint8Array())).toBeNull();
    expect(readFingerprint(new TextEncoder().encode('{"version":1,"rows":["0123456789abcdef"]}'))).toBeNull();
  });

  it('of any bytes is read or not, without an error', () => {
    const bytes = fingerprintRows([chat('One?', letters(300))]);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255))), (changes) => {
        const changed = bytes.slice();
        for (const [at, byte] of changes) changed[at] = byte;
        readFingerprint(changed);
      }),
    );
  });

  it('of a kilobyte a row is at most 150 bytes', () => {
    const all = Array.from({ length: 200 }, (_, i) => chat(letters(100, 2 * i), letters(700, 2 * i + 1)));
    expect(fingerprintRows(all).length / all.length).toBeLessThan(150);
  });

  it('of a megabyte of anything takes about a second', () => {
    for (const text of ['a', '\u0301\u0316', '\ud800', 'ab ', '1 ', '中']) {
      const long = `x${text.repeat(1_000_000 / text.length)}`;
      const before = process.cpuUsage();
      expect(readFingerprint(fingerprintRows([chat(long, long)]))?.rowCount).toBe(1);
      expect(process.cpuUsage(before).user / 1e6).toBeLessThan(4);
    }
  });
});
