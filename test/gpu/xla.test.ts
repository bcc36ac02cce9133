import { expect, it } from 'vitest';
import { Runner } from './run-here.ts';

it('XLA compiles the graph, and losses are the same within 1e-6', { timeout: 300_000 }, async () => {
  const here = new Runner();
  const plain = await here.measure({ xla: 'off' }, { TF_XLA_FLAGS: '--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit' });
  const compiled = await here.measure({ xla: 'on' }, { TF_CPP_MIN_LOG_LEVEL: '0' });
  expect(compiled.log).toMatch(/Compiled cluster using XLA/);
  expect(plain.log).not.toMatch(/Compiled cluster using XLA/);
  for (const [step, loss] of plain.losses.entries()) expect(Math.abs(compiled.losses[step]! - loss)).toBeLessThan(1e-6);
  const [first = 0, second = 0] = compiled.accumulateMs;
  console.log(`XLA compiled a micro batch of the tiny shape in ${((first - second) / 1000).toFixed(1)} s`);
});
