import { expect, test } from 'vitest';
import type { FlockOffErrorCode } from '../../src/errors/flock-off-error.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { hubFetch } from '../../src/shared/hub-fetch.ts';
import { type OutageWait, waitUntilAvailable } from '../../src/shared/wait-until-available.ts';
import { anyError } from '../errors/any-error.ts';

/** A clock that notes every wait and waits for nothing. */
function notingClock() {
  const waits: number[] = [];
  const sleep: Clock['sleep'] = async ({ durationMs, signal }) => {
    signal?.throwIfAborted();
    waits.push(durationMs);
  };
  return { clock: { nowMs: () => 0, sleep }, waits };
}

const fault = (code: FlockOffErrorCode, transient = true, retryAfterMs?: number) =>
  anyError(code, { what: `a fault of the kind ${code}`, transient, retryAfterMs });

/** Fails so often, then succeeds. */
function failing(times: number, error: unknown): () => Promise<string> {
  let left = times;
  return async () => {
    if (left-- > 0) throw error;
    return 'there';
  };
}

test('an outage is waited for as long as it lasts, each wait is told of, and none is longer than five minutes', async () => {
  const { clock, waits } = notingClock();
  const told: OutageWait[] = [];
  const error = fault('hub-unreachable');
  expect(await waitUntilAvailable({ attempt: failing(100, error), clock, onWait: (wait) => told.push(wait) })).toBe(
    'there',
  );
  expect(told).toEqual(waits.map((delayMs) => ({ error, delayMs })));
  expect(waits).toHaveLength(100);
  expect(waits[0]).toBeLessThanOrEqual(1_000);
  expect(Math.max(...waits)).toBe(300_000);
});

test('what a server asks to wait is obeyed', async () => {
  const { clock, waits } = notingClock();
  await waitUntilAvailable({ attempt: failing(1, fault('chain-unreachable', true, 120_000)), clock });
  expect(waits).toEqual([120_000]);
});

test.each<[FlockOffErrorCode, boolean, boolean]>([
  ['chain-unreachable', true, true],
  ['hub-unreachable', true, true],
  ['timeout', true, true],
  ['chain-unreachable', false, false],
  ['hub-denied', false, false],
  ['trainer-failed', true, false],
  ['chain-rejected', true, false],
])('%s that passes by itself (%s) is waited for: %s', async (code, transient, isWaitedFor) => {
  const { clock } = notingClock();
  const error = fault(code, transient);
  const waiting = waitUntilAvailable({ attempt: failing(1, error), clock });
  if (isWaitedFor) expect(await waiting).toBe('there');
  else await expect(waiting).rejects.toBe(error);
});

test.each([
  ['ENOTFOUND', false],
  ['EAI_AGAIN', true],
  ['ECONNREFUSED', true],
])('a hub whose address fails with %s is waited for: %s', async (code, isWaitedFor) => {
  const { clock } = notingClock();
  let calls = 0;
  const broken = hubFetch({
    // As Node's fetch fails.
    fetch: async () => {
      if (++calls > 1) return new Response('there');
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(`getaddrinfo ${code}`), { code }) });
    },
    stallTimeoutMs: 1_000,
    uploadTimeoutMs: 1_000,
  });
  const asking = waitUntilAvailable({ attempt: () => broken('http://hub.example/api'), clock });
  if (isWaitedFor) expect((await asking).ok).toBe(true);
  else
    await expect(asking).rejects.toMatchObject({
      code: 'hub-unreachable',
      message: expect.stringContaining('ENOTFOUND'),
    });
});

test('an abort ends the wait at once, with its own reason', async () => {
  const stop = new AbortController();
  const onWait = () => stop.abort(new Error('Stopped.'));
  const waiting = waitUntilAvailable({ attempt: failing(1, fault('hub-unreachable')), onWait, signal: stop.signal });
  await expect(waiting).rejects.toThrow('Stopped.');
});
