import { describe, expect, it } from 'vitest';
import { benchmarkCurvePolicy } from '../../src/policy/benchmark-curve.ts';
import { type ComputeWeightsParameters, computeWeights } from '../../src/policy/compute-weights.ts';

const loss = (hotkey: string, lossNatsPerToken: number) => ({ hotkey, lossNatsPerToken, commitBlock: 10 });
const neurons = ['zero', 'a', 'b', 'c'].map((hotkey, uid) => ({ uid, hotkey, consensus: 0 }));
const compute = (parameters: Partial<ComputeWeightsParameters>) => {
  const policy = benchmarkCurvePolicy();
  return computeWeights({ policy, scored: [], rejected: new Set(), previous: {}, neurons, ...parameters });
};

it('scores each loss by itself, and weighs in proportion to the scores', () => {
  // 0.95 * ((0.149 - 0.16) / (0.138 - 0.16))^2 + 0.05 = 0.2875; under minb 1.
  const { scores, weights } = compute({ scored: [loss('a', 0.149), loss('b', 0.13)] });
  expect(scores.get('a')).toBeCloseTo(0.2875, 9);
  expect(scores.get('b')).toBe(1);
  expect(weights.map(({ uid }) => uid)).toEqual([1, 2]);
  expect(weights[0]!.weight).toBeCloseTo(0.2875 / 1.2875, 9);
});

it('averages over the epochs: one that was not drawn keeps its share', () => {
  const { averages } = compute({ scored: [loss('a', 0.13), loss('b', 0.16)], previous: { a: 0.25, b: 0.25, c: 0.5 } });
  expect(averages.c).toBeCloseTo(0.5, 12);
  expect(averages.a).toBeCloseTo(0.5 * (0.8 * 0.5 + 0.2 * (1 / 1.05)), 9);
});

it('takes a single loss for what it is: nothing has to be compared with it', () => {
  expect(compute({ scored: [loss('a', 0.13)], previous: { b: 1 } }).averages.a).toBeCloseTo(0.5, 9);
});

describe('has none of the defects of the reference', () => {
  it('1: what is over the curve, such as a fallback of 999, has weight 0', () => {
    const { weights, worthless } = compute({ scored: [loss('a', 999), loss('b', 0.15)], previous: { a: 0.9, b: 0.1 } });
    expect(weights.map(({ hotkey }) => hotkey)).toEqual(['b']);
    expect([...worthless]).toEqual(['a']);
  });

  it('3: a miner that left has no weight, and the step goes on', () => {
    expect(compute({ scored: [loss('gone', 0.1), loss('b', 0.15)] }).weights).toMatchObject([
      { hotkey: 'b', weight: 1 },
    ]);
  });

  it('4: uid 0 can win', () => {
    expect(compute({ scored: [loss('zero', 0.1)] }).weights).toEqual([{ uid: 0, hotkey: 'zero', weight: 1 }]);
  });

  it('6: an epoch without any loss, such as an outage, changes nobody’s average', () => {
    expect(compute({ previous: { a: 0.7, b: 0.3 } })).toMatchObject({ averages: { a: 0.7, b: 0.3 }, action: 'set' });
  });

  it('9, 11: the benchmark’s own loss is an ordinary loss that was measured, never what a failure gets', () => {
    const { scores } = compute({ scored: [loss('a', 0.16)], unjudged: new Set(['b']) });
    expect(Object.fromEntries(scores)).toEqual({ a: 0.05 });
  });
});

it('changes nobody else’s average in an epoch in which all that were evaluated are off the curve', () => {
  const previous = { a: 0.2, b: 0.3, c: 0.5 };
  expect(compute({ scored: [loss('a', 999)], previous }).averages).toEqual({ a: 0, b: 0.3, c: 0.5 });
});

it('calls a dataset a duplicate that has more than 100 rows of an earlier one', () => {
  expect(benchmarkCurvePolicy().intake).toEqual({ mostCommonRows: 100, excluded: [] });
});

it('leaves out who does not beat the base model', () => {
  const { worthless } = compute({ scored: [loss('a', 0.15), loss('b', 0.14)], baselineLossNatsPerToken: 0.15 });
  expect([...worthless]).toEqual(['a']);
});

it('takes back what was set before when everybody is off the curve', () => {
  expect(compute({ scored: [loss('a', 1)], previous: { a: 1 } })).toMatchObject({ weights: [], action: 'take-back' });
});

it('says what each loss is worth', () => {
  const { explain } = benchmarkCurvePolicy();
  const of = { rivals: 3, baselineLossNatsPerToken: 0.2 };
  expect(explain({ ...of, lossNatsPerToken: 0.16, score: 0.05 })).toBe(
    'loss 0.1600 has score 0.0500 on the benchmark curve',
  );
  expect(explain({ ...of, lossNatsPerToken: 0.17, score: null })).toContain(
    'score 0 on the benchmark curve, which ends at 0.165',
  );
  for (const lossNatsPerToken of [0.2, 0.3])
    expect(explain({ ...of, lossNatsPerToken, score: null })).toContain('does not beat the base model');
  expect(explain({ ...of, baselineLossNatsPerToken: null, lossNatsPerToken: 0.3, score: null })).toContain(
    'loss 0.3000 has score 0 on the benchmark curve',
  );
});

it('refuses a curve that makes no sense', () => {
  for (const wrong of [{ bench: 0 }, { pow: 0 }, { minb: 0.2 }]) expect(() => benchmarkCurvePolicy(wrong)).toThrow();
});
