import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { bodyFrom, headersFrom, type ReceivedBytes } from './body-from.ts';
import { type Clock, systemClock } from './clock.ts';
import { eitherSignal } from './either-signal.ts';
import { fetchFailure } from './fetch-failure.ts';
import { hubFetch } from './hub-fetch.ts';
import { type HubFault, hubFault } from './hub-refusal.ts';
import { type Logger, safeLogger } from './logger.ts';
import type { ProxyOption } from './proxy.ts';
import { type HttpRoute, httpRoute } from './proxy-fetch.ts';
import { isTransientError, retry } from './retry.ts';
import { Secrets } from './secrets.ts';
import { type OnAnswer, tracedFetch } from './traced-fetch.ts';

export interface HubClientParameters {
  /** Checked, without a slash at the end. */
  hubUrl: string;
  /** Checked. */
  token?: string;
  /** Stall timeout: longest time without data; a body slower than 1 KiB a second counts as stalled. Default 30 s. */
  stallTimeoutMs?: number;
  /** Longest time to send one file. Default 15 minutes. */
  uploadTimeoutMs?: number;
  /** Deadline of one operation, waits and retries included. */
  totalTimeoutMs: number;
  /** Failures after which a call is given up. Default 5. */
  attempts?: number;
  /** A longer Retry-After is not waited for here but thrown: the caller can tell its user about the wait. */
  longestWaitMs: number;
  /** Decoded bytes after which a response that is no file is truncated. Default 4 MiB. */
  maxAnswerBytes?: number;
  proxy?: ProxyOption;
  fetch?: typeof fetch;
  clock?: Clock;
  logger?: Logger;
  onAnswer?: OnAnswer;
}

/** The requests of one operation, under its deadline. */
export interface HubCalls {
  /** Aborts with the caller's signal, and when the time is up. */
  signal: AbortSignal;
  /** A `fetch` that sends this token, if any, where the caller sets no Authorization. */
  fetchAs(token: string | undefined): typeof fetch;
  /**
   * Runs a call until it succeeds, fails for good or its attempts are used up. An error other than FlockOffError counts
   * as a fault of the Hub: a broken connection, or a response that @huggingface/hub cannot read.
   */
  withRetries<T>(url: string, call: () => Promise<T>): Promise<T>;
}

const BASE_DELAY_MS = 500;

/** How every client here talks to the Hub: endpoint, token, proxy, deadlines, retries, and one judgement of failures. */
export class HubClient {
  readonly hubUrl: string;
  readonly token: string | undefined;
  readonly #parameters: HubClientParameters;
  readonly #route: HttpRoute;
  readonly #logger: Logger;

  /** @throws FlockOffError `bad-argument` for a proxy that is no address. */
  constructor(parameters: HubClientParameters) {
    this.hubUrl = parameters.hubUrl;
    this.token = parameters.token;
    this.#parameters = parameters;
    this.#logger = safeLogger(parameters.logger);
    const { fetch, through } = httpRoute(parameters, this.hubUrl);
    this.#route = { fetch: tracedFetch(fetch, this.#logger, parameters.onAnswer), through };
  }

  /** Makes the error `hub-unreachable` of a URL; it names the proxy, too. */
  readonly faultAt = (url: string): HubFault => hubFault(url, this.#route.through(url));

  /**
   * Runs an operation under its deadline.
   * @param url what it is about, named when the deadline passes.
   * @throws what the work throws; FlockOffError `hub-unreachable` (transient) when the time is up; the signal's reason.
   */
  async within<T>(url: string, signal: AbortSignal | undefined, work: (calls: HubCalls) => Promise<T>): Promise<T> {
    const { totalTimeoutMs } = this.#parameters;
    const deadline = new AbortController();
    const late = () => deadline.abort(this.faultAt(url)(`it took more than ${totalTimeoutMs / 1000} s in all`));
    const timer = setTimeout(late, totalTimeoutMs);
    const either = eitherSignal(deadline.signal, signal);
    try {
      return await work(this.#calls(either.signal));
    } finally {
      clearTimeout(timer);
      either.release();
    }
  }

  #calls(signal: AbortSignal): HubCalls {
    const { stallTimeoutMs = 30_000, uploadTimeoutMs = 900_000, maxAnswerBytes } = this.#parameters;
    const { attempts = 5, longestWaitMs, clock = systemClock } = this.#parameters;
    const secrets = new Secrets([this.token]);
    const limits = { ...this.#route, stallTimeoutMs, uploadTimeoutMs, maxAnswerBytes, signal };
    return {
      signal,
      fetchAs: (token) => hubFetch({ ...limits, token }),
      withRetries: (url, call) =>
        retry(() => asOurs(this.faultAt(url), signal, secrets, call), {
          attempts,
          baseDelayMs: BASE_DELAY_MS,
          maxDelayMs: longestWaitMs,
          isTransient: (error) => isTransientError(error) && askedMs(error) <= longestWaitMs,
          signal,
          clock,
          onRetry: (error, attempt, delayMs) => {
            const { pathname } = new URL(url);
            this.#logger.debug(
              `${pathname}, attempt ${attempt}: ${messageOf(error)} Tried again in ${delayMs / 1000} s.`,
            );
          },
        }),
    };
  }
}

/**
 * The bytes of a file from `offset` on, `null` where the Hub has no such file.
 * @throws FlockOffError `hub-unreachable` (transient), `hub-denied`.
 */
export async function openHubFile({
  fetch,
  url,
  offset,
  fault,
}: {
  fetch: typeof globalThis.fetch;
  url: string;
  offset: number;
  fault: HubFault;
}): Promise<ReceivedBytes | null> {
  const response = await fetch(url, { headers: headersFrom(offset) });
  if (response.ok) return bodyFrom(response, offset);
  await response.body?.cancel();
  if (response.status === 404) return null;
  throw fault(`it answered ${response.status}`);
}

function askedMs(error: unknown): number {
  return error instanceof FlockOffError ? (error.retryAfterMs ?? 0) : 0;
}

async function asOurs<T>(fault: HubFault, signal: AbortSignal, secrets: Secrets, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    signal.throwIfAborted();
    const error = secrets.maskIn(thrown);
    if (error instanceof FlockOffError) throw error;
    const isUnread = error instanceof SyntaxError || (error instanceof TypeError && error.cause === undefined);
    throw fault(isUnread ? `its answer cannot be read (${messageOf(error)})` : fetchFailure(error), { cause: error });
  }
}
