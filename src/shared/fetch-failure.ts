import { messageOf } from '../errors/flock-off-error.ts';

/** Why a request failed: the cause of fetch's generic TypeError. */
export function fetchFailure(error: unknown): string {
  return messageOf(error instanceof TypeError && error.cause !== undefined ? error.cause : error);
}
