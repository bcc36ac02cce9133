import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runExample } from '../examples/run-example.ts';
import { sayIfSkipped } from './redis-server.ts';

test.skipIf(sayIfSkipped('npm start -- --workers'))(
  'npm start -- --workers 2 ends with the weights of npm start, and leaves nothing',
  async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'flock-off-local-fleet-'));
    const env = { TMPDIR: temporary, FLOCK_OFF_QUEUE_URL: 'redis://127.0.0.1:9' };
    const { code, stdout, stderr } = await runExample('subnet.ts', ['--workers', '2'], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('Stopped') });
    expect(stdout).toContain('2 workers train them, on jobs of a Redis at redis://127.0.0.1:');
    // The seed is of the chain of that day, so that shares differ.
    expect(stdout).toMatch(/Weights read back from the chain: uid 1 /);
    expect((await readdir(temporary)).filter((name) => name.startsWith('flock-off-'))).toEqual([]);
    await rm(temporary, { recursive: true, force: true });
  },
  150_000,
);

test('where there is no Redis, one sentence says how to get it', async () => {
  const env = { PATH: '/nonexistent' };
  const { code, stderr } = await runExample('subnet.ts', ['--workers', '2'], env);
  expect(code).toBe(1);
  expect(stderr).toContain(
    '--workers needs a Redis, and there is none here (redis-server, valkey-server). Run "apt-get install',
  );
}, 150_000);
