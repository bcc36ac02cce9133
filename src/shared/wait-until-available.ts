import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Clock } from './clock.ts';
import { retry } from './retry.ts';

/** A wait before the next attempt. */
export interface OutageWait {
  /** The error of the last attempt. */
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
 * Waits out an outage of the chain or the hub: repeats an attempt, without limit, with exponential back-off from one
 * second to five minutes; Retry-After is obeyed.
 * @throws permanent failures, such as an unknown host; the signal's reason when aborted.
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

/** An unknown host is a misspelt address, which waiting does not fix. */
function isUnknownHost(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ((cause as NodeJS.ErrnoException).code === 'ENOTFOUND') return true;
  return false;
}
