import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FingerprintBuilder, fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { readFingerprint } from '../../../src/dataset/fingerprint/format.ts';
import { addGrams, GUARANTEED_RUN } from '../../../src/dataset/fingerprint/grams.ts';
import { GrowingList } from '../../../src/dataset/fingerprint/growing-list.ts';
import { chat, letters } from './rows.ts';

const gramsOf = (symbols: Uint32Array, limit: number) => {
  const grams = new GrowingList();
  addGrams(grams, symbols, limit);
  return [...grams.view()];
};

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

describe('a fingerprint', () => {
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
    for (let i = 0; i < 16; i++) {
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
    expect(fingerprintRows(all).length / all.length).toBeLessThan(155);
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
