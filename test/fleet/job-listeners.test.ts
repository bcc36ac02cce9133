import { EventEmitter } from 'node:events';
import type { QueueEvents } from 'bullmq';
import { expect, test } from 'vitest';
import { JobListeners } from '../../src/fleet/job-listeners.ts';

const { signal } = new AbortController();
const isDone = async (work: Promise<unknown>) => Promise.race([work.then(() => true), Promise.resolve(false)]);

test('what woke a listener is taken once: it waits for what comes after that', async () => {
  const events = new EventEmitter();
  const listeners = new JobListeners(events as QueueEvents);
  const listener = listeners.listen('job');
  events.emit('completed', { jobId: 'job', returnvalue: 'a result' });
  expect(listener.take()).toBe('a result');
  const next = listener.next(null, signal);
  expect(await isDone(next)).toBe(false);
  events.emit('failed', { jobId: 'job' });
  await next;
  expect(listener.take()).toBeUndefined();
});

test('one that nobody listens to any more is forgotten, and ends who waits for it', async () => {
  const listeners = new JobListeners(new EventEmitter() as unknown as QueueEvents);
  const [one, other] = [listeners.listen('job'), listeners.listen('job')];
  const next = one.next(null, signal);
  one.end();
  await next;
  expect(listeners.ids).toEqual(['job']);
  other.end();
  expect(listeners.ids).toEqual([]);
});

test('a wait ends at its signal, with its reason', async () => {
  const listener = new JobListeners(new EventEmitter() as unknown as QueueEvents).listen('job');
  const stop = new AbortController();
  const next = listener.next(null, stop.signal);
  stop.abort(new Error('the epoch is over'));
  await expect(next).rejects.toThrow('the epoch is over');
});
