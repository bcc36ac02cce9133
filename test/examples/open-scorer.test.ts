import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openScorer } from '../../examples/open-scorer.ts';
import { runCommand } from '../../src/setup/run-command.ts';

test('--queue with --dry_run is refused in one sentence: jobs of the validator that runs would be cancelled', async () => {
  const command = { opts: () => ({ queue: 'redis://127.0.0.1:9', dry_run: true }) };
  await expect(openScorer({ command } as never)).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringContaining('--queue and --dry_run contradict each other'),
  });
});

test.runIf(process.platform === 'linux')(
  '--devices starts a training process for each, which sees that one only',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flock-off-devices-'));
    // UUIDs that no card has, so that they train on the processor wherever this runs.
    const devices = ['GPU-00000000-0000-0000-0000-000000000001', 'GPU-00000000-0000-0000-0000-000000000002'];
    const program = fileURLToPath(new URL('on-devices.ts', import.meta.url));
    const args = ['--import', 'tsx', program, folder, devices.join()];
    const { code, stdout, stderr } = await runCommand({ command: process.execPath, args, timeoutMs: 90_000 });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ places: 2, devices });
    await rm(folder, { recursive: true, force: true });
  },
  120_000,
);
