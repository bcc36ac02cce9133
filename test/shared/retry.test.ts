import { describe, expect, it } from 'vitest';
import { FlockOffError } from '../../src/errors/flock-off-error.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { type RetryParameters, retry } from '../../src/shared/retry.ts';

const passing = (retryAfterMs?: number) =>
  new FlockOffError({
    code: 'hub-unreachable',
    what: 'the hub is busy',
    facts: { url: '/' },
    transient: true,
    retryAfterMs,
  });

/** A clock that notes every wait and waits for nothing. */
function notingClock() {
  const waits: number[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    async sleep({ durationMs, signal }) {
      signal?.throwIfAborted();
      waits.push(durationMs);
    },
  };
  return { clock, waits };
}

function failing(errors: unknown[]) {
  let calls = 0;
  const attempt = async (number: number) => {
    calls++;
    if (errors.length > 0) throw errors.shift();
    return number;
  };
  return { attempt, calls: () => calls };
}

const options = (more: Partial<RetryParameters> = {}): RetryParameters => ({
  attempts: 5,
  baseDelayMs: 100,
  maxDelayMs: 10_000,
  jitter: () => 1,
  ...more,
});

describe('retry', () => {
  it('returns the first success with the number of the attempt, and waits for nothing more', async () => {
    const { clock, waits } = notingClock();
    const { attempt, calls } = failing([passing(), passing()]);
    expect(await retry(attempt, options({ clock }))).toBe(3);
    expect(calls()).toBe(3);
    expect(waits).toEqual([100, 200]);
  });

  it('throws the last error when the attempts are used up, without a wait after it', async () => {
    const { clock, waits } = notingClock();
    const errors = [passing(), passing(), passing()];
    const last = errors[2];
    await expect(retry(failing(errors).attempt, options({ clock, attempts: 3 }))).rejects.toBe(last);
    expect(waits).toEqual([100, 200]);
  });

  it('doubles the wait up to the bound and spreads it over 50-100 %', async () => {
    const bounded = notingClock();
    const errors = () => [passing(), passing(), passing(), passing()];
    await retry(failing(errors()).attempt, options({ clock: bounded.clock, maxDelayMs: 350 }));
    expect(bounded.waits).toEqual([100, 200, 350, 350]);
    const spread = notingClock();
    await retry(failing(errors()).attempt, options({ clock: spread.clock, jitter: () => 0 }));
    expect(spread.waits).toEqual([50, 100, 200, 400]);
  });

  it('waits as long as the other side asks, but never beyond the bound', async () => {
    const { clock, waits } = notingClock();
    await retry(failing([passing(5000), passing(60_000)]).attempt, options({ clock }));
    expect(waits).toEqual([5000, 10_000]);
  });

  it('throws at once what will not pass by itself', async () => {
    for (const error of [
      new FlockOffError({ code: 'hub-denied', what: 'no access', facts: { status: 403 } }),
      new TypeError('a defect'),
    ]) {
      const { clock, waits } = notingClock();
      const { attempt, calls } = failing([error]);
      await expect(retry(attempt, options({ clock }))).rejects.toBe(error);
      expect(calls()).toBe(1);
      expect(waits).toEqual([]);
    }
  });

  it('lets the caller decide what passes, and tells about each retry', async () => {
    const { clock } = notingClock();
    const error = new RangeError('odd');
    const told: unknown[] = [];
    await retry(
      failing([error]).attempt,
      options({ clock, isTransient: () => true, onRetry: (...args) => told.push(args) }),
    );
    expect(told).toEqual([[error, 1, 100]]);
  });

  it('starts no attempt once aborted', async () => {
    const { attempt, calls } = failing([]);
    await expect(retry(attempt, options({ signal: AbortSignal.abort('stop') }))).rejects.toBe('stop');
    expect(calls()).toBe(0);
  });

  it('ends a real wait as soon as it is aborted', async () => {
    const controller = new AbortController();
    const startMs = Date.now();
    const running = retry(
      failing([passing()]).attempt,
      options({ baseDelayMs: 60_000, maxDelayMs: 60_000, signal: controller.signal }),
    );
    setTimeout(() => controller.abort('stop'), 20);
    await expect(running).rejects.toBe('stop');
    expect(Date.now() - startMs).toBeLessThan(10_000);
  });
});
