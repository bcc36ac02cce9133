import { FlockOffError } from '../errors/flock-off-error.ts';
import { type Clock, systemClock } from './clock.ts';

export interface RetryParameters {
  /** Attempts in all, the first included. */
  attempts: number;
  /** Wait before the second attempt; doubles each time. */
  baseDelayMs: number;
  /** Longest wait between two attempts; also limits `retryAfterMs`. */
  maxDelayMs: number;
  /** Decides whether an error is worth another attempt. Default: transient {@link FlockOffError}s. */
  isTransient?: (error: unknown) => boolean;
  onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
  signal?: AbortSignal;
  clock?: Clock;
  /** In [0, 1): spreads waits over 50-100 % of their length. */
  jitter?: () => number;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or the attempts are used up; then the last error is thrown.
 * @throws whatever the last attempt threw, or the signal's reason.
 */
export async function retry<T>(attempt: (attemptNumber: number) => Promise<T>, options: RetryParameters): Promise<T> {
  const { attempts, baseDelayMs, maxDelayMs, isTransient = isTransientError, signal, clock = systemClock } = options;
  const jitter = options.jitter ?? Math.random;
  for (let number = 1; ; number++) {
    signal?.throwIfAborted();
    try {
      return await attempt(number);
    } catch (error) {
      if (number >= attempts || signal?.aborted || !isTransient(error)) throw error;
      const backoffMs = baseDelayMs * 2 ** (number - 1) * (0.5 + jitter() / 2);
      const askedMs = error instanceof FlockOffError ? (error.retryAfterMs ?? 0) : 0;
      const delayMs = Math.min(maxDelayMs, Math.max(backoffMs, askedMs));
      options.onRetry?.(error, number, delayMs);
      await clock.sleep({ durationMs: delayMs, signal });
    }
  }
}

/** True for faults that may pass by themselves. */
export function isTransientError(error: unknown): boolean {
  return error instanceof FlockOffError && error.transient;
}
