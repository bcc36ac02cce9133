import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalised } from '../../src/scoring/shares.ts';
import { expectedTrustLoss, restoreValidatorTrust } from '../../src/scoring/validator-trust.ts';

const restored = (weights: Record<string, number>, consensus: Record<string, number>) =>
  Object.fromEntries(restoreValidatorTrust(new Map(Object.entries(weights)), new Map(Object.entries(consensus))));

describe('expectedTrustLoss', () => {
  it('adds up what lies over the consensus', () => {
    const weights = new Map([
      ['a', 0.7],
      ['b', 0.2],
      ['c', 0.1],
    ]);
    expect(
      expectedTrustLoss(
        weights,
        new Map([
          ['a', 0.4],
          ['b', 0.5],
        ]),
      ),
    ).toBeCloseTo(0.3 + 0.1, 12);
  });
});

describe('restoreValidatorTrust', () => {
  it('moves by the smallest step that reaches a trust of 0.5', () => {
    // a = 1 - 0.8 x lies 0.8 - 0.8 x over its consensus: 0.5 at x = 0.375.
    const { a, b } = restored({ a: 1 }, { a: 0.2, b: 0.8 });
    expect(a).toBeCloseTo(0.7, 9);
    expect(b).toBeCloseTo(0.3, 9);
  });

  it('aims for 1.05 of the least loss where 0.5 cannot be reached', () => {
    // Consensus sums to 0.2, so at least 0.8 is lost; allowed 0.84. a = 1 - 0.5 x loses 0.9 - 0.5 x: x = 0.12.
    const { a, b } = restored({ a: 1 }, { a: 0.1, b: 0.1 });
    expect(a).toBeCloseTo(0.94, 9);
    expect(b).toBeCloseTo(0.06, 9);
  });

  it('aims for a trust of 0.5 where that is just what can be reached', () => {
    const { a, b } = restored({ a: 1 }, { a: 0.25, b: 0.25 });
    expect(a).toBeCloseTo(0.75, 9);
    expect(b).toBeCloseTo(0.25, 9);
  });

  it('changes nothing where trust is 0.5 or more', () => {
    expect(restored({ a: 0.7, b: 0.3 }, { a: 0.2, b: 0.8 })).toEqual({ a: 0.7, b: 0.3 });
    expect(restored({ a: 0.75, b: 0.25 }, { a: 0.25, b: 0.75 })).toEqual({ a: 0.75, b: 0.25 });
  });

  it('changes nothing without a consensus', () => {
    expect(restored({ a: 1 }, {})).toEqual({ a: 1 });
    expect(restored({ a: 1 }, { a: 0, b: 0 })).toEqual({ a: 1 });
  });

  it('always reaches its aim with weights that sum to 1', () => {
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
    const named = (values: number[]) => new Map(values.map((value, i) => [`m${i}`, value]));
    fc.assert(
      fc.property(shares, shares, fc.double({ min: 0.01, max: 1, noNaN: true }), (own, others, scale) => {
        fc.pre(own.some((w) => w > 1e-6) && others.some((c) => c > 1e-6));
        const weights = normalised(named(own));
        const consensus = new Map([...normalised(named(others))].map(([name, c]) => [name, c * scale]));
        const moved = restoreValidatorTrust(weights, consensus);
        expect([...moved.values()].reduce((total, weight) => total + weight, 0)).toBeCloseTo(1, 9);
        const least = 1 - scale;
        const allowed = least <= 0.5 ? 0.5 : 1.05 * least;
        expect(expectedTrustLoss(moved, consensus)).toBeLessThanOrEqual(allowed + 1e-9);
      }),
    );
  });
});
