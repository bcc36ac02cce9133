import { describe, expect, it } from 'vitest';
import { MersenneTwister, randomPermutation } from '../../src/shared/random.ts';
import { goldenJson } from '../trainer/golden/golden.ts';

describe('MersenneTwister', () => {
  it('is MT19937: its 10,000th number for the seed 5489 is the one the C++ standard demands', () => {
    const random = new MersenneTwister(5489);
    expect(random.nextUint32()).toBe(3499211612);
    for (let i = 2; i < 10_000; i++) random.nextUint32();
    expect(random.nextUint32()).toBe(4123659995);
  });

  it('gives uniform numbers in [0, 1) and normal numbers of mean 0 and variance 1', () => {
    const random = new MersenneTwister(1);
    const uniform = Array.from({ length: 20_000 }, () => random.nextUniform());
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform)).toBeLessThan(1);
    const normal = Array.from({ length: 20_000 }, () => random.nextNormal());
    const mean = normal.reduce((sum, x) => sum + x, 0) / normal.length;
    const variance = normal.reduce((sum, x) => sum + (x - mean) ** 2, 0) / normal.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });
});

describe('randomPermutation', () => {
  const { cases } = goldenJson('shuffle', 'randperm.json');

  it.each(cases as { n: number; seed: number; permutation: number[] }[])(
    'is torch.randperm($n) for seed $seed',
    ({ n, seed, permutation }) => {
      expect(randomPermutation(n, seed)).toEqual(permutation);
    },
  );

  it('holds every index once and is settled by the seed', () => {
    const order = randomPermutation(1000, 7);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(randomPermutation(1000, 7)).toEqual(order);
    expect(randomPermutation(1000, 8)).not.toEqual(order);
    expect(randomPermutation(0, 7)).toEqual([]);
    expect(randomPermutation(1, 7)).toEqual([0]);
  });
});
