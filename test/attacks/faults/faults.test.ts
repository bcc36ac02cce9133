import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

// A sample; `npm run attacks:faults` injects every fault at every step.
const [COUNT, SEED] = ['8', '5'];
const PROGRAM = fileURLToPath(new URL('run.ts', import.meta.url));

test('a fault of ours costs no miner anything: the weights are the undisturbed ones, or those without him in the draw', {
  timeout: 600_000,
}, async () => {
  const run = promisify(execFile)(process.execPath, ['--import', 'tsx', PROGRAM, COUNT, SEED]);
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
  expect(stdout, stderr).toMatch(/^8 of \d+ faults injected, 0 of them cost somebody something\.$/m);
});
