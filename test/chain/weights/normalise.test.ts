import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normaliseWeights } from '../../../src/chain/weights/normalise.ts';

interface Vector {
  weights: number[];
  uids: number[];
  values: number[];
}
const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/chain/normalise-weights.json', import.meta.url), 'utf8'),
) as Vector[];

const entries = (weights: number[]) => weights.map((weight, uid) => ({ uid, weight }));

test.each(vectors.map((vector, i) => [i, vector] as const))(
  'is bit-equal to the Python SDK, vector %i',
  (_, vector) => {
    expect(normaliseWeights(entries(vector.weights))).toEqual({ uids: vector.uids, values: vector.values });
  },
);

test('keeps the given order and drops what becomes 0', () => {
  const weights = [
    { uid: 9, weight: 1e-9 },
    { uid: 4, weight: 2 },
    { uid: 1, weight: 1 },
  ];
  expect(normaliseWeights(weights)).toEqual({ uids: [4, 1], values: [65535, 32768] });
});

test.each([
  ['negative', [{ uid: 0, weight: -1 }], 'weights must be finite and not negative, saw -1 for uid 0'],
  ['NaN', [{ uid: 0, weight: Number.NaN }], 'saw NaN'],
  ['infinite in float32', [{ uid: 0, weight: 1e39 }], 'saw 1e+39'],
  ['fractional uid', [{ uid: 0.5, weight: 1 }], 'uids must be whole numbers of 0..65535, saw 0.5'],
  ['too large uid', [{ uid: 65536, weight: 1 }], 'saw 65536'],
  [
    'repeated uid',
    [
      { uid: 3, weight: 1 },
      { uid: 3, weight: 2 },
    ],
    'saw uid 3 twice',
  ],
])('refuses a %s', (_, weights, message) => {
  expect(() => normaliseWeights(weights)).toThrow(
    expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining(message) }),
  );
});

test('takes the largest uid there is', () => {
  expect(normaliseWeights([{ uid: 65_535, weight: 1 }])).toEqual({ uids: [65_535], values: [65_535] });
});

test('says which entry is wrong', () => {
  expect(() => normaliseWeights([{ uid: 7, weight: -1 }])).toThrow(
    expect.objectContaining({ facts: { name: 'weights[7]', value: -1 } }),
  );
});

test('values are u16, the largest is 65535, order of size is kept, and normalising again changes nothing', () => {
  const weight = fc.float({ min: 0, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(fc.array(weight, { minLength: 1, maxLength: 64 }), (weights) => {
      const { uids, values } = normaliseWeights(entries(weights));
      expect(values.length > 0).toBe(Math.max(...weights) > 0);
      if (values.length === 0) return;
      expect(Math.max(...values)).toBe(65535);
      for (const [i, value] of values.entries()) {
        expect(Number.isInteger(value) && value > 0 && value <= 65535).toBe(true);
        for (const [j, other] of values.entries())
          if (weights[uids[i]!]! > weights[uids[j]!]!) expect(value).toBeGreaterThanOrEqual(other);
      }
      expect(normaliseWeights(values.map((value, i) => ({ uid: uids[i]!, weight: value })))).toEqual({ uids, values });
    }),
  );
});
