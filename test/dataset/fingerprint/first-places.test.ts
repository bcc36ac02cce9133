import { expect, it } from 'vitest';
import { FirstPlaces } from '../../../src/dataset/fingerprint/first-places.ts';
import { limitOf } from '../../../src/dataset/fingerprint/format.ts';
import { PairWeights } from '../../../src/dataset/fingerprint/pair-weights.ts';
import { chats } from './chats.ts';

/** Some twice, 0 among them. */
const HASHES = Array.from({ length: 5_000 }, (_, i) => Math.imul(i % 4_000, 0x85ebca6b) >>> 0);

it.each<[string, (places: FirstPlaces) => void]>([
  ['was never cleared', () => {}],
  ['was cleared for none', (places) => places.clear(0)],
  ['was cleared for few', (places) => places.clear(3)],
  ['was cleared for all', (places) => places.clear(5_000)],
  [
    'was full of others',
    (places) => {
      for (let i = 0; i < 9_000; i++) places.add(i, i + 1, 7);
      places.clear(2);
    },
  ],
])('knows where each hash was first when it %s, however many there are', (_, prepare) => {
  const places = new FirstPlaces();
  prepare(places);
  for (const [i, hash] of HASHES.entries()) {
    expect(places.add(i, hash)).toBe(i < 4_000);
    expect(places.add(i + 1, hash, 9)).toBe(i < 4_000);
  }
  for (const [i, hash] of HASHES.entries()) {
    expect([places.of(hash), places.of(hash, 9), places.of(hash, 7)]).toEqual([i % 4_000, (i % 4_000) + 1, -1]);
    expect([places.has(hash), places.has(hash, 8)]).toEqual([true, false]);
  }
});

it('weighs what is taken of each pair at each level, however often it is asked', () => {
  const gramsOf = (pair: number) => Array.from({ length: 1 + (pair % 9) }, (_, i) => ((pair * 77 + i) << 22) >>> 0);
  const rows = [0, 1].map((row) =>
    Array.from({ length: 300 }, (_, pair) => ({ grams: gramsOf(pair + row), numbers: [3], common: [pair % 2 === 0] })),
  );
  const weights = new PairWeights();
  for (const row of [0, 1]) {
    // Another print, in which the same pairs are others.
    const print = chats(rows[row]!);
    weights.load(print);
    for (let time = 0; time < 2; time++)
      for (let pair = 0; pair < 300; pair++)
        for (const level of [0, 1, 2, 5, 9, 41]) {
          const taken = gramsOf(pair + row).map((gram, i) => [gram + (i === 0 && pair % 2 === 0 ? 1 : 0), i] as const);
          const expected = taken
            .filter(([word]) => word < limitOf(level))
            .reduce((sum, [, i]) => sum + (i === 0 && pair % 2 === 0 ? 0.2 : 1), 0);
          expect(weights.of(pair, level)).toBeCloseTo(expected, 9);
        }
  }
});
