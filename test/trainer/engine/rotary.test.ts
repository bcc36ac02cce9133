import { expect, it } from 'vitest';
import { rotaryTables } from '../../../src/trainer/engine/rotary.ts';
import { goldenJson } from '../golden/golden.ts';

interface GoldenTable {
  theta: number;
  head_dim: number;
  positions: number[];
  inv_freq_exact: number[];
  /** Recorded for the smaller heads only. */
  cos_hf_fp32: number[][] | null;
  sin_hf_fp32: number[][] | null;
  max_abs_difference_to_exact_per_position: number[];
}

it.each(goldenJson('rope', 'rope.json').tables as GoldenTable[])(
  'tables for head dimension $head_dim are exact to a float32, and as far from transformers’ as those are from exact',
  (golden) => {
    const positions = golden.positions.at(-1)! + 1;
    const { cos, sin } = rotaryTables(positions, golden.head_dim, golden.theta);
    golden.positions.forEach((position, row) => {
      const allowed = golden.max_abs_difference_to_exact_per_position[row]! + 1.2e-7;
      golden.inv_freq_exact.forEach((frequency, i) => {
        for (const at of [i, i + golden.head_dim / 2]) {
          const index = position * golden.head_dim + at;
          expect(Math.abs(cos[index]! - Math.cos(position * frequency))).toBeLessThan(1e-7);
          expect(Math.abs(sin[index]! - Math.sin(position * frequency))).toBeLessThan(1e-7);
          expect(Math.abs(cos[index]! - (golden.cos_hf_fp32?.[row]?.[i] ?? cos[index]!))).toBeLessThan(allowed);
          expect(Math.abs(sin[index]! - (golden.sin_hf_fp32?.[row]?.[i] ?? sin[index]!))).toBeLessThan(allowed);
        }
      });
    });
  },
);
