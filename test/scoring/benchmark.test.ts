import { expect, it } from 'vitest';
import { ERA_B_CURVE, scoreBenchmark } from '../../src/scoring/benchmark.ts';

it.each([
  // 0.95 * ((0.149 - 0.16) / (0.138 - 0.16))^2 + 0.05 = 0.95 * 0.25 + 0.05
  ['half-way from the benchmark to the best', 0.149, 0.2875],
  // 0.05 - 0.05 * ((0.1625 - 0.16) / (0.165 - 0.16))^2 = 0.05 - 0.05 * 0.25
  ['half-way from the benchmark to the worst', 0.1625, 0.0375],
  ['at the benchmark', 0.16, 0.05],
  ['at the lower bound', 0.138, 1],
  ['under the lower bound', 0.1379, 1],
  ['at the upper bound', 0.165, 0],
  ['over the upper bound', 0.1651, 0],
  ['defect 1: at the fallback of the reference', 999, 0],
])('scores a loss %s', (_, loss, score) => {
  expect(scoreBenchmark({ lossNatsPerToken: loss })).toBeCloseTo(score, 9);
});

it('never rises with the loss', () => {
  let last = 1;
  for (let loss = 0.13; loss < 0.17; loss += 0.0001) {
    const score = scoreBenchmark({ lossNatsPerToken: loss });
    expect(score).toBeLessThanOrEqual(last);
    last = score;
  }
});

it('scores 0 on a curve that makes no sense', () => {
  for (const wrong of [{ bench: 0 }, { bench: -1 }, { pow: 0 }, { minb: 0.165 }, { minb: 0.2 }])
    expect(scoreBenchmark({ lossNatsPerToken: 0.15, curve: { ...ERA_B_CURVE, ...wrong } })).toBe(0);
});

it('has a number for every loss where the benchmark lies on a bound', () => {
  expect(scoreBenchmark({ lossNatsPerToken: 0.138, curve: { ...ERA_B_CURVE, bench: 0.138 } })).toBeCloseTo(0.05, 9);
  expect(scoreBenchmark({ lossNatsPerToken: 0.165, curve: { ...ERA_B_CURVE, bench: 0.165 } })).toBeCloseTo(0.05, 9);
});
