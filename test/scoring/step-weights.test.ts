import { expect, test } from 'vitest';
import { stepWeights } from '../../src/scoring/step-weights.ts';

test('weights are the softmax of the win rates at temperature 0.08', () => {
  const weights = stepWeights(
    new Map([
      ['ann', 1],
      ['ben', 0.5],
      ['cid', 0],
    ]),
  );
  const parts = [1, 0.5, 0].map((rate) => Math.exp(rate / 0.08));
  const sum = parts.reduce((total, part) => total + part, 0);
  expect([...weights.keys()]).toEqual(['ann', 'ben', 'cid']);
  for (const [i, weight] of [...weights.values()].entries()) expect(weight).toBeCloseTo(parts[i]! / sum, 12);
});

test('rates too large for an exponential still give shares', () => {
  const far = stepWeights(
    new Map([
      ['ann', 1_000],
      ['ben', 900],
    ]),
  );
  expect(far.get('ann')).toBe(1);
  expect(far.get('ben')).toBe(0);
});

test('a rate that is none is named', () => {
  expect(() => stepWeights(new Map([['ann', Number.NaN]]))).toThrow(/winRates/);
});
