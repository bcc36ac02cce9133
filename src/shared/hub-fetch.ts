import { FlockOffError } from '../errors/flock-off-error.ts';
import { fetchFailure } from './fetch-failure.ts';
import { hubFault, hubRefusal } from './hub-refusal.ts';
import { Secrets } from './secrets.ts';
import { stallWatch, watchBody } from './stall-watch.ts';

export interface HubFetchParameters {
  /** The fetch underneath. */
  fetch: typeof fetch;
  /** Names the proxy that a URL is fetched through, `null` for none. */
  through?: (url: string) => string | null;
  /** Stall timeout: until the headers, and between two chunks of a body, which must arrive at 1 KiB a second or more. */
  stallTimeoutMs: number;
  /** Longest time for one request that sends a file, or makes the commit that holds one. Default: as for any other. */
  uploadTimeoutMs?: number;
  /** Decoded bytes after which an answer that is no file is truncated. Default 4 MiB. */
  maxAnswerBytes?: number;
  /** Sent where the caller has not set Authorization. */
  token?: string;
  signal?: AbortSignal;
}

/** Answers that @huggingface/hub handles itself. */
const PASSED_THROUGH = new Set([409, 412]);
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_REFUSAL_BYTES = 64 * 1024;

/**
 * A `fetch` for the Hub, also passed to @huggingface/hub, that adds what that client lacks: timeouts, and errors that keep
 * the Hub's error code and rate-limit headers (Retry-After, RateLimit). It does not retry; callers do.
 *
 * The fetch throws FlockOffError `hub-unreachable` (transient; 408, 429, 5xx, network, silence) or `hub-denied` (other
 * 4xx, with `facts.status` and `facts.errorCode`).
 */
export function hubFetch(parameters: HubFetchParameters): typeof fetch {
  return (input, init) => send(parameters, String(input instanceof Request ? input.url : input), input, init);
}

async function send(
  parameters: HubFetchParameters,
  url: string,
  input: Parameters<typeof fetch>[0],
  init: RequestInit = {},
): Promise<Response> {
  const { signal, stallTimeoutMs, uploadTimeoutMs = stallTimeoutMs, maxAnswerBytes = MAX_ANSWER_BYTES } = parameters;
  const fault = hubFault(url, parameters.through?.(url));
  const timeoutMs = sendsFile(url, init) ? uploadTimeoutMs : stallTimeoutMs;
  const watch = stallWatch(timeoutMs, fault, signal, init.signal ?? undefined);
  const headers = new Headers(init.headers);
  if (parameters.token !== undefined && !headers.has('Authorization'))
    headers.set('Authorization', `Bearer ${parameters.token}`);
  const token = headers.get('Authorization')?.replace(/^Bearer /, '');
  const secrets = new Secrets([token]);
  let response: Response;
  try {
    response = await parameters.fetch(input, { ...init, headers, signal: watch.signal });
  } catch (error) {
    watch.stop();
    signal?.throwIfAborted();
    const masked = secrets.maskIn(error);
    throw masked instanceof FlockOffError ? masked : fault(fetchFailure(masked), { cause: masked });
  }
  if (response.ok || PASSED_THROUGH.has(response.status) || (isFile(url) && isMissing(response))) {
    const maxBytes = isFile(url) ? Number.POSITIVE_INFINITY : maxAnswerBytes;
    return watchBody(response, { watch, stallTimeoutMs, maxBytes, fault });
  }
  const refused = watchBody(response, { watch, stallTimeoutMs, maxBytes: MAX_REFUSAL_BYTES, fault });
  const body = await refused.text().catch(() => '');
  watch.stop();
  signal?.throwIfAborted();
  const isRead = (init.method ?? 'GET') === 'GET' || /\/paths-info\//.test(new URL(url).pathname);
  throw hubRefusal({ url, response, body, isRead, token, fault });
}

function sendsFile(url: string, { method }: RequestInit): boolean {
  const { pathname } = new URL(url);
  if (method === 'PUT') return !/^\/api\/.*\/settings$/.test(pathname);
  return method === 'POST' && /\/commit\/[^/]+$/.test(pathname);
}

function isFile(url: string): boolean {
  return /\/resolve\/[0-9a-f]{40}\/.+$/.test(new URL(url).pathname);
}

function isMissing(response: Response): boolean {
  return response.status === 404 && response.headers.get('X-Error-Code') === 'EntryNotFound';
}
