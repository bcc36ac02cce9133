import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningRateAt } from '../../../src/trainer/run/schedule.ts';
import { collate, pad, partition, planEpoch, takeRows } from '../../../src/trainer/tokens/batches.ts';

const [first, second] = [
  { inputIds: [5, 6, 7], labels: [-100, -100, 7] },
  { inputIds: [8, 9], labels: [-100, 9] },
];

describe('collate', () => {
  it('lays rows one after the other and lists the positions before each label', () => {
    expect(collate([first, second])).toEqual({
      lengths: [3, 2],
      inputIds: Int32Array.of(5, 6, 7, 8, 9),
      targetPositions: Int32Array.of(1, 3),
      targetIds: Int32Array.of(7, 9),
    });
  });

  it('takes a row without tokens', () => {
    expect(collate([{ inputIds: [], labels: [] }])).toMatchObject({ lengths: [0], inputIds: new Int32Array(0) });
  });
});

it('takeRows gives what collate gives of these rows alone', () => {
  const rows = [first, second, { inputIds: [], labels: [] }, first];
  for (let from = 0; from < rows.length; from++)
    for (let end = from + 1; end <= rows.length; end++)
      expect(takeRows(collate(rows), from, end)).toEqual(collate(rows.slice(from, end)));
});

describe('pad', () => {
  it('pads on the right to the longest row', () => {
    expect(pad(collate([second, first]))).toEqual({
      rows: 2,
      length: 3,
      inputIds: Int32Array.of(8, 9, 0, 5, 6, 7),
      targetPositions: Int32Array.of(0, 4),
      targetIds: Int32Array.of(9, 7),
    });
  });

  it('leaves room for a token where there is none', () => {
    expect(pad(collate([{ inputIds: [], labels: [] }]))).toMatchObject({ rows: 1, length: 1 });
  });
});

it('partition keeps the order, and starts another part only where a row has no room in the one before', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 50 })), fc.integer({ min: 1, max: 60 }), (lengths, most) => {
      const parts = partition(lengths, (length) => length, most);
      expect(parts.flat()).toEqual(lengths);
      const sum = (part: number[]) => part.reduce((total, length) => total + length, 0);
      for (const [i, part] of parts.entries()) {
        if (part.length > 1) expect(sum(part)).toBeLessThanOrEqual(most);
        if (i > 0) expect(sum(parts[i - 1]!) + part[0]!).toBeGreaterThan(most);
      }
    }),
  );
});

it('planEpoch visits every row once, in steps of at most the asked size', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 65535 }),
      (rows, batchSize, gradientAccumulation, seed) => {
        const steps = planEpoch({ rows, batchSize, gradientAccumulation, seed, epoch: 1 });
        expect(steps.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
        expect(steps).toHaveLength(Math.ceil(Math.ceil(rows / batchSize) / gradientAccumulation));
        for (const step of steps.slice(0, -1)) expect(step).toHaveLength(batchSize * gradientAccumulation);
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
