import { setImmediate } from 'node:timers/promises';

/**
 * Yields to the event loop, so that sockets and timers run between two pieces of heavy work.
 * @throws the signal's reason once it is aborted.
 */
export async function yieldToEventLoop(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await setImmediate();
  signal?.throwIfAborted();
}
