import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pickDailyWinner } from '../../src/scoring/daily-winner.ts';
import { movingAverage } from '../../src/scoring/moving-average.ts';
import { blend, normalised } from '../../src/scoring/shares.ts';
import { stepWeights } from '../../src/scoring/step-weights.ts';
import { type Contestant, winRates } from '../../src/scoring/win-rates.ts';

const contestant = (hotkey: string, lossNatsPerToken: number, commitBlock: number): Contestant => ({
  hotkey,
  lossNatsPerToken,
  commitBlock,
});
const rates = (...contestants: Contestant[]) => Object.fromEntries(winRates({ contestants }));

describe('winRates', () => {
  it('gives the earlier block an advantage of 4 %', () => {
    // The earlier loss of 1 counts as 0.96.
    expect(rates(contestant('early', 1, 10), contestant('late', 0.97, 20))).toEqual({ early: 1, late: 0 });
    expect(rates(contestant('early', 1, 10), contestant('late', 0.95, 20))).toEqual({ early: 0, late: 1 });
    expect(rates(contestant('early', 1, 10), contestant('late', 0.96, 20))).toEqual({ early: 0, late: 0 });
  });

  it('gives nobody an advantage in the same block', () => {
    expect(rates(contestant('a', 1, 10), contestant('b', 0.99, 10))).toEqual({ a: 0, b: 1 });
    expect(rates(contestant('a', 1, 10), contestant('b', 1, 10))).toEqual({ a: 0, b: 0 });
  });

  it('is wins over comparisons', () => {
    // c (0.96 as the earliest) beats b, and loses to a; a beats both; b beats nobody.
    const three = [contestant('a', 0.5, 30), contestant('b', 1.1, 20), contestant('c', 1, 10)];
    expect(rates(...three)).toEqual({ a: 1, b: 0, c: 0.5 });
    expect(rates(...three.toReversed())).toEqual({ a: 1, b: 0, c: 0.5 });
  });

  it('is 0 for a single contestant and empty for none', () => {
    expect(rates(contestant('a', 1, 10))).toEqual({ a: 0 });
    expect(rates()).toEqual({});
  });

  it('defect 1: never lets a dreadful loss win against a good one', () => {
    expect(rates(contestant('bad', 999, 1), contestant('good', 2, 9999))).toEqual({ bad: 0, good: 1 });
  });

  it('hands out at most one win a comparison, and all rates are within 0..1', () => {
    const arbitrary = fc.record({ loss: fc.double({ min: 0, max: 20, noNaN: true }), block: fc.nat({ max: 5 }) });
    fc.assert(
      fc.property(fc.array(arbitrary, { minLength: 2, maxLength: 20 }), (all) => {
        const found = [
          ...winRates({ contestants: all.map(({ loss, block }, i) => contestant(`m${i}`, loss, block)) }).values(),
        ];
        for (const rate of found) expect(rate >= 0 && rate <= 1).toBe(true);
        const sum = found.reduce((total, rate) => total + rate, 0);
        expect(sum).toBeLessThanOrEqual(all.length / 2 + 1e-9);
      }),
    );
  });
});

describe('stepWeights', () => {
  it('is the softmax of win rate / 0.08', () => {
    const weights = stepWeights(
      new Map([
        ['a', 1],
        ['b', 0.5],
        ['c', 0],
      ]),
    );
    // exp(0) = 1, exp(-6.25) = 0.001930454136, exp(-12.5) = 0.000003726653: sum 1.001934180789.
    expect(weights.get('a')).toBeCloseTo(1 / 1.001934180789, 9);
    expect(weights.get('b')).toBeCloseTo(0.001930454136 / 1.001934180789, 9);
    expect(weights.get('c')).toBeCloseTo(0.000003726653 / 1.001934180789, 9);
  });

  it('is even for equal win rates, all for a single one, and empty for none', () => {
    expect([
      ...stepWeights(
        new Map([
          ['a', 0.3],
          ['b', 0.3],
        ]),
      ).values(),
    ]).toEqual([0.5, 0.5]);
    expect([...stepWeights(new Map([['a', 0]])).values()]).toEqual([1]);
    expect(stepWeights(new Map()).size).toBe(0);
  });
});

describe('movingAverage', () => {
  const average = (old: Record<string, number>, step: Record<string, number>) =>
    Object.fromEntries(movingAverage(new Map(Object.entries(old)), new Map(Object.entries(step))));

  it('is 0.8 of the old and 0.2 of the step', () => {
    const next = average({ a: 0.6, b: 0.4 }, { a: 0, b: 1 });
    expect(next.a).toBeCloseTo(0.48, 12);
    expect(next.b).toBeCloseTo(0.52, 12);
  });

  it('defect 6: keeps the share of who is not evaluated, however often, and lets the others compete for the rest', () => {
    let next = { a: 0.9, b: 0.07, c: 0.03 };
    for (let outage = 0; outage < 5; outage++) next = average(next, { b: 0, c: 1 }) as typeof next;
    expect(next.a).toBeCloseTo(0.9, 12);
    expect(next.b).toBeCloseTo(0.1 * 0.7 * 0.8 ** 5, 12);
    expect(next.a + next.b + next.c).toBeCloseTo(1, 12);
  });

  it('starts a newcomer at 0.2 of the step', () => {
    const next = average({ a: 1 }, { a: 0.5, new: 0.5 });
    expect(next.a).toBeCloseTo(0.9, 12);
    expect(next.new).toBeCloseTo(0.1, 12);
  });

  it('makes room for newcomers evaluated without the others: as much as these have on average', () => {
    const next = average({ a: 0.5, b: 0.25, c: 0.25 }, { new: 0.75, newer: 0.25 });
    expect(next.a).toBeCloseTo(0.5 * 0.6, 12);
    expect(next.b).toBeCloseTo(0.25 * 0.6, 12);
    expect(next.new).toBeCloseTo(0.75 * 0.4, 12);
    expect(next.newer).toBeCloseTo(0.25 * 0.4, 12);
  });

  it('makes no room for who had 0 before: only the first evaluation brings any', () => {
    const next = average({ a: 1, refused: 0 }, { refused: 1 });
    expect(next).toEqual({ a: 1, refused: 0 });
  });

  it('takes the first step as it is', () => {
    expect(average({}, { a: 0.7, b: 0.3 })).toEqual({ a: 0.7, b: 0.3 });
    expect(average({ a: 0 }, { a: 0.7, b: 0.3 })).toEqual({ a: 0.7, b: 0.3 });
  });
});

describe('shares', () => {
  it('blends over the names of both', () => {
    const mixed = blend(new Map([['a', 1]]), new Map([['b', 1]]), 0.2);
    expect(Object.fromEntries(mixed)).toEqual({ a: 0.8, b: 0.2 });
  });

  it('normalises to 1 and leaves zeros alone', () => {
    expect(
      Object.fromEntries(
        normalised(
          new Map([
            ['a', 3],
            ['b', 1],
          ]),
        ),
      ),
    ).toEqual({ a: 0.75, b: 0.25 });
    expect(Object.fromEntries(normalised(new Map([['a', 0]])))).toEqual({ a: 0 });
  });
});

describe('pickDailyWinner', () => {
  it('is the earliest among the best 5 %', () => {
    // 40 miners: the best 2 are m0 (loss 1.00, block 140) and m1 (loss 1.01, block 139).
    const forty = Array.from({ length: 40 }, (_, i) => contestant(`m${i}`, 1 + i / 100, 140 - i));
    expect(pickDailyWinner(forty)?.hotkey).toBe('m1');
    expect(pickDailyWinner(forty.toReversed())?.hotkey).toBe('m1');
  });

  it('is the best when 5 % are less than one or not yet two', () => {
    for (const count of [1, 19, 20, 39]) {
      const miners = Array.from({ length: count }, (_, i) => contestant(`m${i}`, 1 + i / 100, 140 - i));
      expect(pickDailyWinner(miners)?.hotkey).toBe('m0');
    }
  });

  it('defect 12: does not let an old commit win outside the best 5 %', () => {
    expect(pickDailyWinner([contestant('old', 2.5, 1), contestant('good', 2.4, 500)])?.hotkey).toBe('good');
  });

  it('goes by the lower loss in equal blocks', () => {
    const forty = Array.from({ length: 40 }, (_, i) => contestant(`m${i}`, 2 - i / 100, 7));
    expect(pickDailyWinner(forty)?.hotkey).toBe('m39');
  });

  it('is nobody when nobody has a loss', () => {
    expect(pickDailyWinner([])).toBeNull();
  });
});
