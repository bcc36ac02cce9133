import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type { Secrets } from '../shared/secrets.ts';

const REFUSED = /NOAUTH|WRONGPASS|NOPERM|permission denied/i;
/** PostgreSQL's class of errors for who may not log in. */
const SQL_STATE = /^28/;

/** What a server that cannot be used comes to: `queue-refused` where it is there, and refuses the login. */
export function unreachable(text: string, cause: unknown, secrets: Secrets): FlockOffError {
  const why = secrets.mask(messageOf(cause)).replace(/\.$/, '');
  const { code = '' } = cause as { code?: string };
  if (REFUSED.test(why) || SQL_STATE.test(code))
    return new FlockOffError({
      code: 'queue-refused',
      what: `${text} refuses the login: ${why}`,
      fix: 'check user and password',
      facts: { reason: 'access' },
    });
  return new FlockOffError({
    code: 'queue-unreachable',
    what: `the queue ${text} cannot be reached: ${why}`,
    fix: 'check its address, that it runs, and the firewall between',
    facts: { url: text },
    transient: true,
  });
}
