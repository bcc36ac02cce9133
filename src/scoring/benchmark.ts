import { requireNumber, requireNumbers } from '../shared/require-number.ts';

/** Constants of the benchmark curve (era B). Losses in nats per token. */
export interface BenchmarkCurve {
  /** Loss of the benchmark dataset: scores `bheight`. */
  bench: number;
  /** Below this loss the score is 1. */
  minb: number;
  /** Above this loss the score is 0. */
  maxb: number;
  bheight: number;
  pow: number;
}

export const ERA_B_CURVE: BenchmarkCurve = { bench: 0.16, minb: 0.138, maxb: 0.165, bheight: 0.05, pow: 2 };

export interface ScoreBenchmarkParameters {
  lossNatsPerToken: number;
  /** Default {@link ERA_B_CURVE}. */
  curve?: BenchmarkCurve;
}

/**
 * Score 0..1 of a loss on the benchmark curve: 1 under `minb`, 0 over `maxb`, `bheight` at `bench`, a power curve between.
 * Curves that make no sense (bench or pow not positive, minb not under maxb) score 0.
 * @throws FlockOffError `bad-argument` for a loss that is negative or not finite, and a curve with such numbers.
 * @example
 * scoreBenchmark({ lossNatsPerToken: 0.16, curve: ERA_B_CURVE });
 */
export function scoreBenchmark({ lossNatsPerToken, curve = ERA_B_CURVE }: ScoreBenchmarkParameters): number {
  requireNumber('lossNatsPerToken', lossNatsPerToken);
  requireNumbers('curve', Object.entries(curve), { least: Number.NEGATIVE_INFINITY });
  const { bench, minb, maxb, bheight, pow } = curve;
  if (!(bench > 0 && pow > 0 && minb < maxb)) return 0;
  if (lossNatsPerToken < minb) return 1;
  if (lossNatsPerToken > maxb) return 0;
  if (lossNatsPerToken === bench) return bheight; // also where bench is minb or maxb: no 0 / 0
  if (lossNatsPerToken < bench) return (1 - bheight) * ((lossNatsPerToken - bench) / (minb - bench)) ** pow + bheight;
  return bheight - bheight * ((lossNatsPerToken - bench) / (maxb - bench)) ** pow;
}
