import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningRateAt } from '../../../src/trainer/run/schedule.ts';
import { collate, planEpoch } from '../../../src/trainer/tokens/batches.ts';

describe('collate', () => {
  it('pads on the right and lists the positions before each label', () => {
    const batch = collate([
      { inputIds: [5, 6, 7], labels: [-100, -100, 7] },
      { inputIds: [8, 9], labels: [-100, 9] },
    ]);
    expect(batch).toEqual({
      rows: 2,
      length: 3,
      inputIds: Int32Array.of(5, 6, 7, 8, 9, 0),
      targetPositions: Int32Array.of(1, 3),
      targetIds: Int32Array.of(7, 9),
      tokens: 5,
    });
  });

  it('takes a row without tokens', () => {
    expect(collate([{ inputIds: [], labels: [] }])).toMatchObject({ rows: 1, length: 1, tokens: 0 });
  });
});

it('planEpoch visits every row once, in micro batches and steps of at most the asked size', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 65535 }),
      (rows, batchSize, gradientAccumulation, seed) => {
        const steps = planEpoch({ rows, batchSize, gradientAccumulation, seed, epoch: 1 });
        expect(steps.flat(2).sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
        expect(steps).toHaveLength(Math.ceil(Math.ceil(rows / batchSize) / gradientAccumulation));
        for (const step of steps.slice(0, -1)) expect(step).toHaveLength(gradientAccumulation);
        for (const micro of steps.flat().slice(0, -1)) expect(micro).toHaveLength(batchSize);
      },
    ),
  );
});

it('planEpoch shuffles epoch e of a seed as epoch 0 of seed + e', () => {
  const plan = { rows: 50, batchSize: 2, gradientAccumulation: 3 };
  expect(planEpoch({ ...plan, seed: 7, epoch: 2 })).toEqual(planEpoch({ ...plan, seed: 9, epoch: 0 }));
  expect(planEpoch({ ...plan, seed: 7, epoch: 2 })).not.toEqual(planEpoch({ ...plan, seed: 7, epoch: 1 }));
});

describe('learningRateAt', () => {
  const rate = (step: number, steps = 20) => learningRateAt({ step, steps, warmupSteps: 5, peakLearningRate: 2e-4 });

  it('starts at 0, peaks after the warm-up, and falls towards 0', () => {
    expect([0, 1, 5, 19].map((step) => rate(step))).toEqual([0, 2e-4 / 5, 2e-4, 2e-4 / 15]);
  });

  it('starts at the peak without a warm-up', () => {
    expect(learningRateAt({ step: 0, steps: 10, warmupSteps: 0, peakLearningRate: 2e-4 })).toBe(2e-4);
  });

  it('of a run shorter than the warm-up only rises', () => {
    expect([0, 1, 2].map((step) => rate(step, 3))).toEqual([0, 4e-5, 8e-5]);
  });
});
