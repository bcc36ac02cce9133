import { FlockOffError } from '../errors/flock-off-error.ts';

/** A job that is not the validator's, or is damaged: whoever can write to the queue may have written it. */
export function notOurs(why: string): FlockOffError {
  return new FlockOffError({
    code: 'queue-unreachable',
    what: `a job was not taken: ${why}`,
    fix: 'somebody else can write to this queue: change its password',
    facts: { url: 'job' },
  });
}
