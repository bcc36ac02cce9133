import { expect, it } from 'vitest';
import { Runner } from './run-here.ts';

const FURTHER = [33, 47, 40];

it('XLA compiles the graph once for all rows of a bucket, and losses are the same within 1e-6', {
  timeout: 300_000,
}, async () => {
  const here = new Runner();
  const plain = await here.measure(
    { xla: 'off', further: FURTHER },
    { TF_XLA_FLAGS: '--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit' },
  );
  const verbose = { TF_CPP_MIN_LOG_LEVEL: '0' };
  const compiled = await here.measure({ xla: 'on', further: FURTHER }, verbose);
  expect(clustersOf(plain.log)).toBe(0);
  expect(compiled.losses).toHaveLength(3 + FURTHER.length);
  for (const [step, loss] of plain.losses.entries()) expect(Math.abs(compiled.losses[step]! - loss)).toBeLessThan(1e-6);
  // Rows of 33, 47 and 40 tokens are all computed as rows of 48.
  const one = await here.measure({ xla: 'on', further: FURTHER.slice(0, 1) }, verbose);
  expect(clustersOf(one.log)).toBeGreaterThan(0);
  expect(clustersOf(compiled.log)).toBe(clustersOf(one.log));
  const [first = 0, second = 0] = compiled.accumulateMs;
  console.log(`XLA compiled a micro batch of the tiny shape in ${((first - second) / 1000).toFixed(1)} s`);
});

const clustersOf = (log: string) => log.match(/Compiled cluster using XLA/g)?.length ?? 0;
