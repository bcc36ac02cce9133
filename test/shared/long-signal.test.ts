import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { LongSignal } from '../../src/shared/long-signal.ts';

const reasonOf = (signal: AbortSignal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener('abort', () => resolve(signal.reason));
  });

test('work ends when the long signal aborts, or one of the others, now or before', async () => {
  const [long, other, over] = [new AbortController(), new AbortController(), new Error('over')];
  const one = new LongSignal(long.signal);
  const [ended, endedByOther] = [one.during([undefined], reasonOf), one.during([undefined, other.signal], reasonOf)];
  other.abort('given up');
  expect(await endedByOther).toBe('given up');
  expect(await one.during([other.signal], reasonOf)).toBe('given up');
  long.abort(over);
  expect(await ended).toBe(over);
  expect(await one.during([], reasonOf)).toBe(over);
});

test('what is done leaves nothing on any signal, however it ended', async () => {
  const [long, other] = [new AbortController(), new AbortController()];
  const one = new LongSignal(long.signal);
  const count = () => [long, other].map(({ signal }) => getEventListeners(signal, 'abort').length);
  const before = count();
  const during: AbortSignal[] = [];
  for (let times = 0; times < 100; times++) {
    await one.during([other.signal], async (signal) => void during.push(signal));
    await one.during([other.signal], () => Promise.reject(new Error('no'))).catch(() => {});
  }
  expect(count()).toEqual(before);
  long.abort();
  expect(during.filter(({ aborted }) => aborted)).toEqual([]);
});
