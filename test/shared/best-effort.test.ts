import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FlockOffError } from '../../src/errors/flock-off-error.ts';
import { BestEffort } from '../../src/shared/best-effort.ts';
import { safeLogger, silentLogger } from '../../src/shared/logger.ts';
import { onDisk } from '../../src/shared/on-disk.ts';

test('a disk that refuses is warned of once, with the file, and again only after it has worked', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-effort-'));
  const said: string[] = [];
  const effort = new BestEffort((message) => said.push(message));
  const [bad, good] = [join(folder, 'none', 'file'), join(folder, 'file')];
  const write = (path: string) => effort.attempt('the report', path, () => writeFile(path, ''));
  expect([await write(bad), await write(bad), await write(good), await write(bad)]).toEqual([
    false,
    false,
    true,
    false,
  ]);
  expect(said).toHaveLength(2);
  expect(said[0]).toMatch(
    /^the report cannot be stored in .+none\/file \(ENOENT.+\); the work goes on without\. To have them/,
  );
  await rm(folder, { recursive: true });
});

test('what is no fault of the disk is thrown', async () => {
  const effort = new BestEffort(() => {});
  const work = effort.attempt('the report', null, async () => {
    throw new TypeError('a mistake in the program');
  });
  await expect(work).rejects.toThrow(TypeError);
});

test.runIf(existsSync('/dev/full'))(
  'a full disk is named with the file, what is free there and what is needed',
  async () => {
    const writing = onDisk({ path: '/dev/full', bytes: 3.1e9 }, () => appendFile('/dev/full', 'x'));
    await expect(writing).rejects.toMatchObject({
      code: 'disk',
      message: expect.stringMatching(
        /^\/dev\/full cannot be read or written \(ENOSPC.+; [\d.]+ [MG]B are free there, 3\.1 GB are needed\)\. Make room for 3\.1 GB/,
      ),
      facts: { path: '/dev/full', bytes: 3.1e9, freeBytes: expect.any(Number) },
    });
  },
);

test('an error of ours, and the reason of an abort, pass through onDisk as they are', async () => {
  const ours = new FlockOffError({ code: 'hub-unreachable', what: 'the hub is down', facts: { url: '/' } });
  await expect(onDisk('x', () => Promise.reject(ours))).rejects.toBe(ours);
  const reason = new Error('stopped');
  const signal = AbortSignal.abort(reason);
  await expect(onDisk({ path: 'x', signal }, () => Promise.reject(reason))).rejects.toBe(reason);
});

test('a logger that cannot write, at once or later, stops nothing', async () => {
  const full = () => {
    throw new Error('ENOSPC');
  };
  const later = (async () => {
    throw new Error('ENOSPC');
  }) as unknown as () => void;
  const logger = safeLogger({ ...silentLogger, warn: full, info: later });
  logger.warn('a line');
  logger.info('a line');
  await new Promise((resolve) => setImmediate(resolve));
});
