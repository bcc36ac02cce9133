import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { handshakeRefused, type OpeningFailure, openingBroke } from './handshake-errors.ts';
import { HandshakeRefusedError, METHOD_NOT_FOUND, RpcError, SocketLostError } from './json-rpc-socket.ts';

const ANOTHER = 'use another endpoint (--subtensor.chain_endpoint)';
const CHECK_ENDPOINT = 'check --subtensor.network or --subtensor.chain_endpoint';

/** A deadline that passed; `missing` is what did not come in time. */
export function deadlineExceeded(what: string, url: string, timeoutMs: number, missing = 'no answer'): FlockOffError {
  return new FlockOffError({
    code: 'timeout',
    what: `${what}: ${missing} from the chain at ${url} within ${timeoutMs} ms`,
    fix: 'check your network, or use another endpoint (--subtensor.chain_endpoint)',
    facts: { url, timeoutMs },
    transient: true,
  });
}

export function unreachable(url: string, why: string, cause?: unknown, transient = true): FlockOffError {
  return new FlockOffError({
    code: 'chain-unreachable',
    what: `the chain at ${url} cannot be reached: ${why}`,
    fix: `${CHECK_ENDPOINT}, and your network`,
    facts: { url },
    transient,
    cause,
  });
}

export function nodeFailed(what: string, url: string, cause: RpcError, transient: boolean): FlockOffError {
  return new FlockOffError({
    code: 'chain-unreachable',
    what: `${what}: the node at ${url} answered with error ${cause.code} (${cause.message})`,
    fix: ANOTHER,
    facts: { url, rpcCode: cause.code },
    transient,
    cause,
  });
}

/** Invalid answers. Another node, or the same one later, may give valid ones. */
export function unusableAnswer(what: string, url: string, cause: unknown): FlockOffError {
  return new FlockOffError({
    code: 'chain-unreachable',
    what: `${what}: the answer of the node at ${url} cannot be used: ${messageOf(cause)}`,
    fix: `${ANOTHER}; if all answer so, update flock-off`,
    facts: { url },
    transient: true,
    cause,
  });
}

function notSubtensor(url: string, why: string, cause?: unknown): FlockOffError {
  return new FlockOffError({
    code: 'chain-unreachable',
    what: `${url} is not a Subtensor node: ${why}`,
    fix: CHECK_ENDPOINT,
    facts: { url },
    cause,
  });
}

/** A node that answers, but whose answers contradict each other or this machine's clock. */
export function unusableNode(url: string, why: string): FlockOffError {
  return new FlockOffError({
    code: 'chain-unreachable',
    what: `the node at ${url} is not fit to be used: ${why}`,
    fix: ANOTHER,
    facts: { url },
    transient: true,
  });
}

export function wrongChain(url: string, expected: string, seen: string): FlockOffError {
  return new FlockOffError({
    code: 'chain-unreachable',
    what: `${url} serves another chain: expected the genesis block ${expected}, saw ${seen}`,
    fix: `${CHECK_ENDPOINT}: all endpoints must serve one chain`,
    facts: { url, expectedGenesisHash: expected, seenGenesisHash: seen },
  });
}

/**
 * Every one of several endpoints failed; transient when one of them is. Where all are rate limited, the shortest wait counts.
 */
export function allEndpointsFailed(failures: { shown: string; error: FlockOffError }[]): FlockOffError {
  const errors = failures.map(({ error }) => error);
  const [fix, ...otherFixes] = new Set(errors.map((error) => error.fix));
  const waits = errors.map(({ retryAfterMs }) => retryAfterMs ?? 0);
  const network = errors.some(({ fix }) => fix?.includes('your network')) ? ', and your network' : '';
  return new FlockOffError({
    code: 'chain-unreachable',
    what: `none of ${failures.length} endpoints can be used: ${errors.map(({ what }) => what).join('; ')}`,
    fix: otherFixes.length === 0 ? fix : `${CHECK_ENDPOINT}${network}`,
    facts: { urls: failures.map(({ shown }) => shown) },
    transient: errors.some(({ transient }) => transient),
    retryAfterMs: Math.min(...waits) || undefined,
    cause: errors[0],
  });
}

/** The same error with another `retryAfterMs`. */
export function withRetryAfter(error: FlockOffError, retryAfterMs: number): FlockOffError {
  return new FlockOffError({ ...error.toParameters(), retryAfterMs });
}

/** Converts a failure to connect to an endpoint into a FlockOffError. */
export function openingFailed(error: unknown, failure: OpeningFailure): FlockOffError {
  const { url } = failure;
  if (error instanceof FlockOffError) return error;
  if (error instanceof HandshakeRefusedError) return handshakeRefused(error, failure);
  if (error instanceof SocketLostError) return openingBroke(error, failure);
  if (!(error instanceof RpcError)) return notSubtensor(url, messageOf(error), error);
  return error.code === METHOD_NOT_FOUND
    ? notSubtensor(url, `it answered "${error.message}"`, error)
    : nodeFailed('connecting', url, error, true);
}
