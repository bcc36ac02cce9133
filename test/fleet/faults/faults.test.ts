import { expect, test } from 'vitest';
import { runCommand } from '../../../src/setup/run-command.ts';
import { sayIfSkipped } from '../redis-server.ts';

// A sample of `npm run fleet:faults`: a worker that is killed, and a Redis that forgets.

test.skipIf(sayIfSkipped('fleets that break') || process.platform !== 'linux').each([0, 4])(
  'whatever breaks, an epoch ends with the weights of one machine, and nothing is left (episode %i)',
  async (seed) => {
    const args = ['--import', 'tsx', 'test/fleet/faults/run.ts', '1', `${seed}`];
    const { code, stdout } = await runCommand({ command: process.execPath, args, timeoutMs: 480_000 });
    expect(stdout).toMatch(/1 of 1 ended with the weights of one machine/);
    expect(code).toBe(0);
  },
  500_000,
);
