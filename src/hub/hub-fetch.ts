import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { ProxyError } from '../shared/proxy-tunnel.ts';

export interface HubFetchParameters {
  /** The fetch underneath. */
  fetch: typeof fetch;
  /** Names the proxy that a URL is fetched through, `null` for none. */
  through?: (url: string) => string | null;
  /** Longest silence: until the headers, and between two pieces of a body. */
  stallTimeoutMs: number;
  /** Longest time for one request that sends a file, or makes the commit that holds one. */
  uploadTimeoutMs: number;
  signal?: AbortSignal;
}

/** Answers that @huggingface/hub handles itself. */
const PASSED_THROUGH = new Set([409, 412]);
const TRANSIENT = new Set([408, 425, 429]);

/**
 * A `fetch` for @huggingface/hub that adds what the client lacks: deadlines, and errors that keep the Hub's own error
 * code and what it says of waiting (Retry-After, RateLimit). Every request is sent once; who calls decides what to repeat.
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
  const { signal, stallTimeoutMs, uploadTimeoutMs } = parameters;
  const proxy = parameters.through?.(url);
  const failed: Failed = (why, more) => unreachable(url, proxy ? `${why} (through ${proxy})` : why, more);
  const stall = stallWatch(failed, sendsFile(url, init) ? uploadTimeoutMs : stallTimeoutMs);
  const signals = [stall.signal, signal, init.signal].filter((one) => one != null);
  let response: Response;
  try {
    response = await parameters.fetch(input, { ...init, signal: AbortSignal.any(signals) });
  } catch (error) {
    stall.stop();
    signal?.throwIfAborted();
    if (error instanceof FlockOffError) throw error;
    if (error instanceof ProxyError) throw unreachable(url, error.message, { cause: error });
    const why = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    throw failed(why, { cause: error });
  }
  if (response.ok || PASSED_THROUGH.has(response.status) || isMissingFile(response))
    return watchBody(response, stall, stallTimeoutMs);
  if (isEmptyFile(response)) {
    stall.stop();
    return emptyFile(response);
  }
  const text = await response.text().catch(() => '');
  stall.stop();
  throw refusal(failed, url, response, text, init);
}

function sendsFile(url: string, { method }: RequestInit): boolean {
  return method === 'PUT' || (method === 'POST' && /\/commit\/[^/]+$/.test(new URL(url).pathname));
}

/** {@link unreachable} for one request. */
type Failed = (why: string, more?: Parameters<typeof unreachable>[2]) => FlockOffError;

/** Aborts with a transient error when `touch` is not called in time. */
function stallWatch(failed: Failed, timeoutMs: number) {
  const controller = new AbortController();
  const silent = (ms: number) => setTimeout(() => controller.abort(failed(`no data for ${ms} ms`)), ms).unref();
  let timer = silent(timeoutMs);
  return {
    signal: controller.signal,
    touch: (ms: number) => {
      clearTimeout(timer);
      timer = silent(ms);
    },
    stop: () => clearTimeout(timer),
  };
}

function watchBody(response: Response, stall: ReturnType<typeof stallWatch>, timeoutMs: number): Response {
  if (!response.body) {
    stall.stop();
    return response;
  }
  stall.touch(timeoutMs);
  const watched = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        stall.touch(timeoutMs);
        controller.enqueue(chunk);
      },
      flush: () => stall.stop(),
    }),
  );
  const { status, statusText, headers, url } = response;
  return Object.defineProperty(new Response(watched, { status, statusText, headers }), 'url', { value: url });
}

/** The Hub has no error code for a repository that it has disabled. */
export function isDisabled(message: string): boolean {
  return /\bdisabled\b/i.test(message);
}

function isMissingFile(response: Response): boolean {
  return response.status === 404 && response.headers.get('X-Error-Code') === 'EntryNotFound';
}

/** An empty file has no first byte, so the client's probe for its size cannot be satisfied. */
function isEmptyFile({ status, headers }: Response): boolean {
  return status === 416 && headers.get('Content-Range') === 'bytes */0';
}

/** The same answer as @huggingface/hub understands it: a file of 0 bytes. */
function emptyFile({ headers, url }: Response): Response {
  const answered = new Headers(headers);
  if (!answered.has('ETag')) answered.set('ETag', '"empty"');
  return Object.defineProperty(new Response('', { status: 200, headers: answered }), 'url', { value: url });
}

function refusal(failed: Failed, url: string, response: Response, body: string, init: RequestInit): FlockOffError {
  const { status, headers } = response;
  const errorCode = headers.get('X-Error-Code') ?? undefined;
  const message = headers.get('X-Error-Message') ?? errorIn(body) ?? response.statusText;
  if (status >= 500 || TRANSIENT.has(status))
    return failed(`it answered ${status} (${message})`, { retryAfterMs: retryAfterMs(headers) });
  // A bare 404 comes from something between us and the Hub: the Hub itself always says what is missing.
  if (status === 404 && errorCode === undefined) return failed('it answered 404 without saying what is missing');
  // So does a 401 to a question without a token, and a 403 to a read that does not speak of the repository.
  const anonymous = !new Headers(init.headers).has('Authorization');
  const isRead = (init.method ?? 'GET') === 'GET' || /\/paths-info\//.test(pathOf(url));
  if (errorCode === undefined && ((status === 401 && anonymous) || (status === 403 && isRead && !isDisabled(message))))
    return failed(`it answered ${status} (${message}) without saying why`);
  return new FlockOffError({
    code: 'hub-denied',
    what: `the Hub answered ${status} to ${pathOf(url)}: ${message}`,
    fix:
      status === 401
        ? 'check HF_TOKEN'
        : status === 403
          ? 'check that the token may write to this repository'
          : undefined,
    facts: { status, errorCode, message },
  });
}

/** Milliseconds the Hub asks us to wait: Retry-After, or the end of an exhausted RateLimit window. */
function retryAfterMs(headers: Headers): number | undefined {
  const after = headers.get('Retry-After');
  if (after !== null && /^\d+$/.test(after)) return Number(after) * 1000;
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

/** The Hub does not answer as it should: worth another try. */
export function unreachable(
  url: string,
  why: string,
  more: { cause?: unknown; retryAfterMs?: number } = {},
): FlockOffError {
  return new FlockOffError({
    code: 'hub-unreachable',
    what: `the Hub at ${new URL(url).origin} did not serve ${pathOf(url)}: ${why}`,
    fix: 'check the address of the Hub and your network if it stays so',
    facts: { url: pathOf(url) },
    transient: true,
    ...more,
  });
}

/** Without the query: signed links carry secrets there. */
function pathOf(url: string): string {
  return new URL(url).pathname;
}
