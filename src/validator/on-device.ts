import { messageOf } from '../errors/flock-off-error.ts';
import { safeLogger } from '../shared/logger.ts';
import { retry } from '../shared/retry.ts';
import type { Validator } from './validator.ts';

const ATTEMPTS = 3;
const BASE_DELAY_MS = 5_000;
const MAX_DELAY_MS = 60_000;

/**
 * Runs work of the training device, again where the device fails in passing.
 * @param what the work, such as "uid 3".
 */
export function onDevice<T>(
  { logger: given, clock }: Pick<Validator, 'logger' | 'clock'>,
  { what, signal }: { what: string; signal?: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  const logger = safeLogger(given);
  return retry(work, {
    attempts: ATTEMPTS,
    baseDelayMs: BASE_DELAY_MS,
    maxDelayMs: MAX_DELAY_MS,
    signal,
    clock,
    onRetry: (error, attempt, delayMs) => {
      logger.warn(`${what}, attempt ${attempt}: ${messageOf(error)}`);
      logger.debug(`${what}: tried again in ${delayMs / 1000} s`);
    },
  });
}
