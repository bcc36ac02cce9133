import { expect, it } from 'vitest';
import { MersenneTwister } from '../../src/shared/random.ts';
import { dropoutMask } from '../../src/trainer/tfjs-engine.ts';

it('dropout drops the asked share of inputs and scales up the rest, so that the mean stays', () => {
  const mask = dropoutMask(0.1, new MersenneTwister(1))('any', [200, 300])!;
  const dropped = mask.filter((value) => value === 0).length / mask.length;
  expect(dropped).toBeCloseTo(0.1, 2);
  expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / 0.9)]));
});

it('every mask of a run is another, and without dropout there is none', () => {
  const draw = dropoutMask(0.5, new MersenneTwister(1));
  expect(draw('q', [4, 64])).not.toEqual(draw('k', [4, 64]));
  expect(dropoutMask(0, new MersenneTwister(1))('q', [4, 64])).toBeNull();
});
