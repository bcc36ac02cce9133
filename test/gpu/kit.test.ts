import { expect, it } from 'vitest';
import { Runner } from './run-here.ts';
import { buildStandIn } from './stand-in/build.ts';

const { reason } = await buildStandIn();

it('is refused in one sentence where TensorFlow finds no GPU', { timeout: 120_000 }, async () => {
  const withoutCard = new Runner(undefined, { CUDA_VISIBLE_DEVICES: '-1' });
  await expect(withoutCard.tool('tsx', ['test/gpu/kit.ts'])).rejects.toThrow(/There is no GPU to measure: .+/);
});

it('golden tests that are named otherwise by now are a failure, not a silence', { timeout: 120_000 }, async () => {
  await expect(new Runner().goldens('forward.test.ts', 'no such words')).rejects.toThrow('no golden test');
});

it.skipIf(reason !== null)('the kit for a machine with a card runs through', { timeout: 600_000 }, async () => {
  const { stdout } = await new Runner().tool('tsx', ['test/gpu/kit.ts', '--stand-in']);
  expect(stdout).toContain('Everything holds.');
  expect(stdout).toMatch(/\| bfloat16 \| \d{4} \| Const, Enter \|/);
  expect(stdout.match(/Tests .*\d+ passed/g)).toHaveLength(2);
  expect(stdout).toMatch(/\| shape tiny tokens 64 steps 3 \| [\d.]+ \| \d+ \|/);
});
