import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { abortable } from '../../src/shared/abortable.ts';
import { systemClock } from '../../src/shared/clock.ts';

const never = () => new Promise<never>(() => {});

describe('abortable', () => {
  it('settles as the work does and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    expect(await abortable(Promise.resolve(7), signal)).toBe(7);
    await expect(abortable(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('rejects with the reason as soon as the signal aborts, though the work never ends', async () => {
    const controller = new AbortController();
    const waiting = abortable(never(), controller.signal);
    controller.abort('stop');
    await expect(waiting).rejects.toBe('stop');
  });

  it('rejects when aborted before, and the failure of the work then disturbs nobody', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      await expect(abortable(Promise.reject(new Error('late')), AbortSignal.abort('stop'))).rejects.toBe('stop');
      await new Promise((resolve) => setTimeout(resolve, 10));
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
  });
});

describe('systemClock.sleep', () => {
  it('waits at least the time and removes its listener', async () => {
    const { signal } = new AbortController();
    const startMs = performance.now();
    await systemClock.sleep({ durationMs: 30, signal });
    expect(performance.now() - startMs).toBeGreaterThan(25);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('rejects with the reason when aborted before or during the wait', async () => {
    await expect(systemClock.sleep({ durationMs: 60_000, signal: AbortSignal.abort('stop') })).rejects.toBe('stop');
    const controller = new AbortController();
    const waiting = systemClock.sleep({ durationMs: 60_000, signal: controller.signal });
    controller.abort('later');
    await expect(waiting).rejects.toBe('later');
  });
});
