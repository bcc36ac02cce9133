import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { trainingBytes } from '../../src/trainer/engine/graph/memory.ts';
import { SHAPES } from '../bench/shapes.ts';

const BATCHES = [
  [1, 256],
  [2, 256],
  [8, 256],
  [1, 4096],
] as const;

test('docs/backends.md names the memory that the trainer would ask of a GPU', () => {
  const expected = ['1.5b', '0.5b'].flatMap((shape) =>
    BATCHES.map(([rows, length]) => {
      const gibibytes = (['none', 'layer'] as const).map((checkpointing) => {
        const matmul = 'bfloat16';
        const batch = {
          config: SHAPES[shape]!,
          rank: 16,
          lengths: Array<number>(rows).fill(length),
          checkpointing,
          device: 'gpu' as const,
        };
        return (trainingBytes({ ...batch, matmul, storage: matmul }) / 2 ** 30).toFixed(1);
      });
      return `| ${shape.toUpperCase()} | ${rows} x ${length} | ${gibibytes.join(' | ')} |`;
    }),
  );
  const document = readFileSync(new URL('../../docs/backends.md', import.meta.url), 'utf8');
  const written = document.split('\n').filter((line) => /^\| \d\.\dB \| \d+ x \d+ \|/.test(line));
  expect(written).toEqual(expected);
});
