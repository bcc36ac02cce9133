import { FlockOffError } from '../errors/flock-off-error.ts';
import { parseRetryAfter } from './retry-after.ts';
import { Secrets } from './secrets.ts';

const TRANSIENT = new Set([408, 416, 425, 429]);
/** Longer messages are truncated. */
const MOST_CHARACTERS = 300;

export interface HubRefusalParameters {
  url: string;
  response: Response;
  /** What was answered, as text. */
  body: string;
  /** Whether something was only read. */
  isRead: boolean;
  /** The token that was sent, if any. It is left out of the error, should the answer repeat it. */
  token?: string;
  /** Default: without a proxy. */
  fault?: HubFault;
}

/**
 * The error of a response other than 2xx: `hub-unreachable` (transient) for what the Hub cannot do now, and for what may
 * as well come from a proxy or mirror in between; `hub-denied` with `facts.status` and `facts.errorCode` for the Hub's word.
 */
export function hubRefusal({
  url,
  response,
  body,
  isRead,
  token,
  fault = hubFault(url),
}: HubRefusalParameters): FlockOffError {
  const { status, headers } = response;
  const secrets = new Secrets([token]);
  const errorCode = secrets.mask(headers.get('X-Error-Code') ?? '') || undefined;
  const said = headers.get('X-Error-Message') || errorIn(body) || response.statusText || 'no reason given';
  const message = cut(secrets.mask(said));
  if (status >= 500 || TRANSIENT.has(status)) {
    const askedMs = retryAfterMs(headers);
    const asks = askedMs === undefined ? '' : `, asks to wait ${Math.ceil(askedMs / 1000)} s`;
    return fault(`it answered ${status} (${message})${asks}`, { retryAfterMs: askedMs });
  }
  // A bare 404 comes from something between us and the Hub: the Hub itself always says what is missing.
  if (status === 404 && errorCode === undefined) return fault('it answered 404 without saying what is missing');
  // So does a 401 to a question without a token, and a 403 to a read that does not speak of the repository.
  const anonymous = token === undefined;
  if (errorCode === undefined && ((status === 401 && anonymous) || (status === 403 && isRead && !isDisabled(message))))
    return fault(`it answered ${status} (${message}) without saying why`);
  return new FlockOffError({
    code: 'hub-denied',
    what: `the Hub answered ${status} to ${pathOf(url)}: ${message}`,
    fix:
      status === 401
        ? `check HF_TOKEN${isRead ? '; public repositories can be read without one' : ''}`
        : status === 403
          ? `check that the token may ${isRead ? 'read' : 'write to'} this repository`
          : undefined,
    facts: { status, errorCode, message },
  });
}

/** The Hub has no error code for a repository that it has disabled. */
export function isDisabled(message: string): boolean {
  return /\bdisabled\b/i.test(message);
}

/** Makes the transient error `hub-unreachable` for one request. */
export type HubFault = (why: string, more?: { cause?: unknown; retryAfterMs?: number }) => FlockOffError;

/** @param proxy what the request goes through, such as "the proxy host:port", if anything; failures name it. */
export function hubFault(url: string, proxy?: string | null): HubFault {
  return (why, more) => {
    const through = proxy && !why.startsWith(proxy) ? ` (through ${proxy})` : '';
    return new FlockOffError({
      code: 'hub-unreachable',
      what: `the Hub at ${new URL(url).origin} did not serve ${pathOf(url)}: ${why}${through}`,
      fix: 'check the address of the Hub and your network if it stays so',
      facts: { url: pathOf(url) },
      transient: true,
      ...more,
    });
  };
}

/** Milliseconds the Hub asks us to wait: Retry-After, or the end of an exhausted RateLimit window. */
function retryAfterMs(headers: Headers): number | undefined {
  const after = parseRetryAfter(headers.get('Retry-After'), Date.now());
  if (after !== undefined) return after;
  const exhausted = /;\s*r=0\s*;\s*t=(\d+)/.exec(headers.get('RateLimit') ?? '');
  return exhausted ? Number(exhausted[1]) * 1000 : undefined;
}

function errorIn(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}

/** Makes one line of a server's message, and truncates it. */
function cut(said: string): string {
  const line = said.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}...` : line;
}

/** Without the query: signed links carry secrets there. */
function pathOf(url: string): string {
  return new URL(url).pathname;
}
