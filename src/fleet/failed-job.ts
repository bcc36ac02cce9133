import type { Job } from 'bullmq';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { readFailure } from './opinions.ts';
import type { Task } from './wire.ts';

/** BullMQ's words for a job whose workers vanished, and those of a worker for one that was to be tried once. */
const STALLED = /^job stalled/;
export const STALLED_ALONE = 'job stalled on the worker that tried it alone';

/** Why a job came to nothing. */
export interface Failed {
  why: string;
  /**
   * `trainer`: a trusted worker signed that its device failed on it, which may be the task's own doing. `stalled`: its workers
   * ended with it. `nobody`: it is tried again however often that takes.
   */
  of: 'trainer' | 'stalled' | 'other' | 'nobody';
  /** Who signed that it failed there: others are asked first. */
  worker: string | null;
  /** Whether the Hub did not give workers what they asked for. */
  isHubs: boolean;
}

export function failureOf(
  { failedReason }: Pick<Job, 'failedReason'>,
  {
    task,
    not,
    attempt,
    isTrusted,
  }: { task: Task; not: readonly string[]; attempt: string; isTrusted: (worker: string) => boolean },
): Failed {
  const failed = { of: 'other' as const, worker: null, isHubs: false };
  if (STALLED.test(failedReason)) return { ...failed, why: 'the workers that had it ended with it', of: 'stalled' };
  const read = readFailure(jsonOrNull(failedReason), task, isTrusted);
  if (read === null) return { ...failed, why: 'it failed without a reason that a worker signed' };
  const { code, what } = read.failure;
  const isHubs = code.startsWith('hub-');
  if (read.worker === null) return { ...failed, why: `${what} (which no worker signed)`, isHubs };
  // What a worker said once, anybody can put there again.
  if (read.failure.attempt !== attempt) return { ...failed, why: 'it failed as it did before', of: 'nobody' };
  if (not.includes(read.worker)) return { ...failed, why: 'a worker failed on it again', of: 'nobody' };
  if (code === 'aborted') return { ...failed, why: what, of: 'nobody' };
  return code === 'trainer-failed'
    ? { ...failed, why: what, of: 'trainer', worker: read.worker }
    : { ...failed, why: what, worker: read.worker, isHubs };
}

/**
 * What devices of workers fail on is postponed as what this machine's device fails on; all else costs nobody anything, since
 * whoever can write to the queue can bring it about.
 */
export function givenUp(
  { name }: Pick<Task, 'name'>,
  why: string,
  of: 'trainer' | 'hub' | 'fleet' = 'fleet',
): FlockOffError {
  const what = `${name} could not be scored by the fleet: ${why.replace(/\.$/, '')}`;
  const common = { what, fix: 'look at the logs of the workers', transient: true };
  return of === 'trainer'
    ? new FlockOffError({ ...common, code: 'trainer-failed' })
    : new FlockOffError({ ...common, code: 'queue-unreachable', facts: { url: of } });
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
