import { messageOf } from '../errors/flock-off-error.ts';

/** Why a request failed: fetch wraps what happened in a TypeError that says nothing. */
export function fetchFailure(error: unknown): string {
  return messageOf(error instanceof TypeError && error.cause !== undefined ? error.cause : error);
}
