import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { parseRetryAfter } from '../../shared/retry-after.ts';
import type { HandshakeRefusedError, SocketLostError } from './json-rpc-socket.ts';
import { withoutSecrets } from './networks.ts';

const ENDPOINT = '--subtensor.network or --subtensor.chain_endpoint';
const ANOTHER = 'use another endpoint (--subtensor.chain_endpoint)';

/** Wait after a 429 without Retry-After. */
const UNNAMED_WAIT_MS = 5_000;
/** Upper limit for Retry-After: an hour without reading the chain costs more than one more request. */
const LONGEST_WAIT_MS = 300_000;
/** HTTP statuses of transient refusals. */
const PASSING = [408, 425, 429];

export interface OpeningFailure {
  /** The endpoint, as it is named in errors. */
  url: string;
  /** Whether the endpoint has worked before: then the failure counts as transient. */
  hasWorked: boolean;
  /** Unix milliseconds. */
  nowMs: number;
}

/** Explains an HTTP answer to the WebSocket handshake. The host is reachable, so the advice does not mention the network. */
export function handshakeRefused({ response }: HandshakeRefusedError, failure: OpeningFailure): FlockOffError {
  const { url, hasWorked, nowMs } = failure;
  const { statusCode: status = 0, headers } = response;
  const http = `HTTP ${status}`;
  const isPassing = status >= 500 || PASSING.includes(status);
  const askedMs = isPassing ? parseRetryAfter(headers['retry-after'], nowMs) : undefined;
  const waitMs = askedMs ?? (status === 429 ? UNNAMED_WAIT_MS : undefined);
  const asks = askedMs === undefined ? '' : `, asks to wait ${Math.ceil(askedMs / 1_000)} s`;
  const explain = (): [what: string, fix: string] => {
    if (status === 429)
      return [
        `${url} limits connections (${http})${asks}`,
        `wait, or ${ANOTHER}: one of your own, or one with an access key, has other limits`,
      ];
    if (isPassing) return [`${url} is not available now (${http})${asks}`, `wait, or ${ANOTHER}`];
    if (status === 401 || status === 407)
      return [
        `${url} takes no connection without valid access data (${http})`,
        'check the access key in --subtensor.chain_endpoint',
      ];
    if (status === 403)
      return [
        `${url} refuses connections from here (${http})`,
        `check the access key in --subtensor.chain_endpoint, or ${ANOTHER}`,
      ];
    if (status === 404 || status === 410)
      return [`${url} has nothing at this address (${http})`, `check the path in ${ENDPOINT}`];
    if (status >= 300 && status < 400)
      return [
        `${url} sends elsewhere (${http}), to ${withoutSecrets(headers.location ?? 'no address')}`,
        'name that address as the endpoint if it is the same provider; a network with a login page answers so too',
      ];
    if (/\bhtml\b/.test(headers['content-type'] ?? ''))
      return [
        `${url} answers with a web page and not with a WebSocket (${http})`,
        `check ${ENDPOINT}; a network with a login page answers so too`,
      ];
    return [`${url} takes no WebSocket connections (${http})`, `check ${ENDPOINT}`];
  };
  const [what, fix] = explain();
  return new FlockOffError({
    code: 'chain-unreachable',
    what,
    fix,
    facts: { url, status },
    transient: isPassing || hasWorked,
    retryAfterMs: waitMs === undefined ? undefined : Math.min(waitMs, LONGEST_WAIT_MS),
  });
}

/** A socket that could not be opened, or broke while it was. */
export function openingBroke(error: SocketLostError, { url, hasWorked }: OpeningFailure): FlockOffError {
  const code = String((error.cause as NodeJS.ErrnoException | undefined)?.code ?? '');
  const [why, fix, transient] = explainCode(code, messageOf(error), hasWorked);
  return new FlockOffError({
    code: 'chain-unreachable',
    what: `the chain at ${url} cannot be reached: ${why}`,
    fix,
    facts: { url },
    transient,
    cause: error,
  });
}

function explainCode(code: string, message: string, hasWorked: boolean): [why: string, fix: string, passes: boolean] {
  if (code === 'ENOTFOUND') return ['there is no host of that name', `check the spelling of ${ENDPOINT}`, hasWorked];
  if (/CERT|ALTNAME|UNABLE_TO_(GET|VERIFY)/.test(code))
    return [
      `its certificate is not accepted (${message})`,
      `check ${ENDPOINT}, and the clock and the certificates of this machine`,
      hasWorked,
    ];
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return ['it does not speak TLS as expected', `check ws:// and wss:// in ${ENDPOINT}`, hasWorked];
  if (code.startsWith('HPE_')) return ['it answered with something that is not HTTP', `check ${ENDPOINT}`, hasWorked];
  return [message, `check ${ENDPOINT}, and your network`, true];
}
