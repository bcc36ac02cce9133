import { expect, test } from 'vitest';
import { runCommand } from '../../../src/setup/run-command.ts';
import { sayIfSkipped } from '../redis-server.ts';

// A sample of `npm run fleet:faults`: seeds 0 and 4, a worker that is killed and a Redis that forgets.

test.skipIf(sayIfSkipped('fleets that break') || process.platform !== 'linux')(
  'whatever breaks, an epoch ends with the weights of one machine, and nothing is left',
  async () => {
    const args = ['--import', 'tsx', 'test/fleet/faults/run.ts', '2', '0', '4'];
    const { code, stdout } = await runCommand({ command: process.execPath, args, timeoutMs: 880_000 });
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^0: a worker is killed .*: the same weights$/),
        expect.stringMatching(/^4: Redis is killed and forgets .*: the same weights$/),
      ]),
    );
    expect(code).toBe(0);
  },
  900_000,
);
