import { expect, it } from 'vitest';
import { fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { readFingerprint } from '../../../src/dataset/fingerprint/format.ts';
import { addGrams } from '../../../src/dataset/fingerprint/grams.ts';
import { GrowingList } from '../../../src/dataset/fingerprint/growing-list.ts';
import { normalForm } from '../../../src/dataset/fingerprint/normal-form.ts';
import { chat } from './rows.ts';

/** Symbols of a gram, and what they are multiplied by for the first 32 bits of its hash (grams.ts). */
const [SYMBOLS, BASE] = [12, 0x01000193];
/** Letters that mean themselves. */
const LETTERS = Array.from({ length: 0xa800 }, (_, i) => i).filter(
  (letter) => normalForm(String.fromCodePoint(letter)).join() === `${letter}`,
);

/** What V8 hashes a small integer to in a Set or Map, in every process. */
function setHash(number: number): number {
  let hash = ~number + (number << 15);
  hash ^= hash >>> 12;
  hash += hash << 2;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  return (hash ^ (hash >>> 16)) & 0x3fffffff;
}

const mixed = (symbol: number) => {
  const a = Math.imul(symbol ^ (symbol >>> 15), 0x2c1b3c6d);
  return a ^ (a >>> 12);
};

function inverseOf(odd: number): number {
  let inverse = 1;
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse;
}

let state = 1;
const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
const anyPlace = () => (next() >>> 8) % LETTERS.length;

/** What the hash of a gram was made of. */
function unfinished(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, inverseOf(0xc2b2ae35));
  h ^= (h >>> 13) ^ (h >>> 26);
  h = Math.imul(h, inverseOf(0x85ebca6b));
  return (h ^ (h >>> 16)) >>> 0;
}

const gramOf = (text: string) => {
  const grams = new GrowingList();
  addGrams(grams, normalForm(text), 2 ** 32);
  return grams.last;
};

/**
 * Texts of one gram each, one of those. Their last two letters are looked up by what is left for them of the first bits of its
 * hash; the last three bits of the gram are of others, and come by trying.
 * @param grams small ones, whose hashes begin with seven zeros
 */
function textsOf(grams: readonly number[]): string[] {
  const [slots, mask] = [new Uint32Array(2 ** 24), 2 ** 23 - 1];
  const slotOf = (sum: number) => {
    let slot = Math.imul(sum, 0x9e3779b1) >>> 9;
    while (slots[2 * slot + 1] !== 0 && slots[2 * slot] !== sum) slot = (slot + 1) & mask;
    return 2 * slot;
  };
  const values = LETTERS.map(mixed);
  for (let first = 0; first < 700; first++) {
    for (const [second, value] of values.entries()) {
      const sum = (Math.imul(values[first]!, BASE) + value) >>> 0;
      const slot = slotOf(sum);
      slots[slot] = sum;
      slots[slot + 1] = 1 + first * values.length + second;
    }
  }
  return grams.map((gram) => {
    for (;;) {
      const places = Array.from({ length: SYMBOLS - 3 }, anyPlace);
      const before = places.reduce((sum, place) => Math.imul(sum, BASE) + values[place]!, 0);
      const sought = unfinished(gram >>> 4) - Math.imul(before, Math.imul(BASE, Math.imul(BASE, BASE)));
      for (const [third, value] of values.entries()) {
        const last = slots[slotOf((sought - Math.imul(value, Math.imul(BASE, BASE))) >>> 0) + 1]! - 1;
        if (last < 0) continue;
        const text = lettersAt([...places, third, Math.floor(last / values.length), last % values.length]);
        if (gramOf(text) === gram) return text;
        break;
      }
    }
  });
}

const lettersAt = (places: number[]) => String.fromCodePoint(...places.map((place) => LETTERS[place]!));

/** Of a processor, in milliseconds: the least of some runs. */
function timeOf(run: () => void): number {
  const times = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage();
    run();
    return process.cpuUsage(before).user / 1_000;
  });
  return Math.min(...times);
}

it('takes no longer for a text whose grams were chosen to share a slot of a Set', () => {
  const chosen: number[] = [];
  for (let gram = 2; gram < 2 ** 26; gram += 2) if ((setHash(gram) & 8191) === 5) chosen.push(gram);
  const texts = textsOf(chosen);
  const known = new Set(readFingerprint(fingerprintRows([chat('Say so.', texts.join(''))]))!.words);
  expect(chosen.filter((gram) => known.has(gram)).length).toBeGreaterThan(0.9 * chosen.length);
  const any = lettersAt(Array.from({ length: SYMBOLS * chosen.length }, anyPlace));
  const plain = timeOf(() => fingerprintRows([chat('Say so.', any)]));
  const heavy = timeOf(() => fingerprintRows([chat('Say so.', texts.join(''))]));
  expect(heavy).toBeLessThan(3 * plain + 10);
});
