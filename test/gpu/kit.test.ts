import { expect, it } from 'vitest';
import { Runner } from './run-here.ts';
import { buildStandIn } from './stand-in/build.ts';

const { reason } = await buildStandIn();

it.skipIf(reason !== null)('the kit for a machine with a card runs through', { timeout: 600_000 }, async () => {
  const { stdout } = await new Runner().tool('tsx', ['test/gpu/kit.ts', '--stand-in']);
  expect(stdout).toContain('Everything holds.');
  expect(stdout).toMatch(/\| bfloat16 \| \d{4} \| Const, Enter \|/);
  expect(stdout).toMatch(/\| shape tiny tokens 64 steps 3 \| [\d.]+ \| \d+ \|/);
});
