import { setImmediate } from 'node:timers/promises';

/** Lets sockets and timers run between two pieces of heavy work. @throws the signal's reason once it is aborted. */
export async function breathe(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await setImmediate();
  signal?.throwIfAborted();
}
