import { describe, expect, it } from 'vitest';
import { MersenneTwister, randomPermutation } from '../../src/shared/random.ts';
import { goldenJson } from './golden.ts';

describe('randomPermutation', () => {
  const { cases } = goldenJson('shuffle', 'randperm.json');

  it.each(cases as { n: number; seed: number; permutation: number[] }[])(
    'is torch.randperm($n) for seed $seed',
    ({ n, seed, permutation }) => {
      expect(randomPermutation(n, seed)).toEqual(permutation);
    },
  );

  it('of nothing is empty', () => {
    expect(randomPermutation(0, 1)).toEqual([]);
  });
});

describe('MersenneTwister', () => {
  it('gives the first numbers of the published mt19937ar for seed 5489', () => {
    const random = new MersenneTwister(5489);
    expect([random.nextUint32(), random.nextUint32(), random.nextUint32()]).toEqual([
      3499211612, 581869302, 3890346734,
    ]);
  });

  it('draws uniform and normal numbers with the right moments', () => {
    const random = new MersenneTwister(1);
    const uniform = Array.from({ length: 20_000 }, () => random.nextUniform());
    const normal = Array.from({ length: 20_000 }, () => random.nextNormal());
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(uniform)).toBeCloseTo(0.5, 1);
    expect(uniform.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(Math.abs(mean(normal))).toBeLessThan(0.03);
    expect(mean(normal.map((value) => value ** 2))).toBeCloseTo(1, 1);
  });
});
