import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Clock } from './clock.ts';
import { retry } from './retry.ts';

/** What is waited for, before each new attempt. */
export interface OutageWait {
  /** What the last attempt failed with. */
  error: FlockOffError;
  /** Until the next one. */
  delayMs: number;
}

export interface WaitUntilAvailableParameters<T> {
  /** What the chain or the hub is needed for. */
  attempt: () => Promise<T>;
  onWait?: (wait: OutageWait) => void;
  /** Ends the wait at once. */
  signal?: AbortSignal;
  clock?: Clock;
}

const BASE_DELAY_MS = 1_000;
const MAX_DELAY_MS = 300_000;

/**
 * Repeats what a chain or a hub is needed for until it is there again, for as long as that lasts, with waits of one
 * second to five minutes; what a server asks to wait is obeyed.
 * @throws whatever does not pass by itself, such as a host name that nobody has; the signal's reason when aborted.
 * @example
 * await waitUntilAvailable({
 *   attempt: () => datasets.upload({ repo, path }),
 *   onWait: ({ error }) => console.log(error.message),
 * });
 */
export function waitUntilAvailable<T>({ attempt, onWait, signal, clock }: WaitUntilAvailableParameters<T>): Promise<T> {
  return retry(attempt, {
    attempts: Number.POSITIVE_INFINITY,
    baseDelayMs: BASE_DELAY_MS,
    maxDelayMs: MAX_DELAY_MS,
    isTransient: isOutage,
    onRetry: (error, _, delayMs) => onWait?.({ error: error as FlockOffError, delayMs }),
    signal,
    clock,
  });
}

function isOutage(error: unknown): boolean {
  if (!(error instanceof FlockOffError) || !error.transient) return false;
  if (error.code === 'hub-unreachable') return !isUnknownHost(error);
  return error.code === 'chain-unreachable' || error.code === 'timeout';
}

/** A misspelt address: waiting for it would be waiting for ever. */
function isUnknownHost(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ((cause as NodeJS.ErrnoException).code === 'ENOTFOUND') return true;
  return false;
}
