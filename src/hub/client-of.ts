import { parseHubAccess } from '../schema/hub-access.ts';
import type { Clock } from '../shared/clock.ts';
import { HubClient } from '../shared/hub-client.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import type { ProxyOption } from '../shared/proxy.ts';

/** How the Hub is reached. */
export interface HubDatasetStoreParameters {
  /** Default `https://huggingface.co`. */
  endpoint?: string;
  /** `hf_...`; needed to upload, and raises the rate limits of downloads, for which a mirror's own token does as well. */
  token?: string;
  /** Stall timeout: longest time without data; a body slower than 1 KiB a second counts as stalled. Default 30 s. */
  stallTimeoutMs?: number;
  /** Longest time to send one file. Default 15 minutes. */
  uploadTimeoutMs?: number;
  /** Deadline of one call, waits and retries included. Default 30 minutes. */
  totalTimeoutMs?: number;
  /** Failures after which a call is given up; a connection that breaks after a MiB or more is none. Default 5. */
  attempts?: number;
  /** Proxy of every request; `false` for none. Default: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say. */
  proxy?: ProxyOption;
  /** Replaces Node's fetch; proxies are then up to it. */
  fetch?: typeof fetch;
  clock?: Clock;
  logger?: Logger;
  /**
   * Called with the status of each answer, `null` where none came, unless `signal` ended the request; what it throws is
   * only logged. See `HubRequests`. Default: nobody is told.
   */
  onAnswer?: (status: number | null) => void;
}

/** A rate limit of the Hub lasts 5 minutes. */
const LONGEST_WAIT_MS = 330_000;

/**
 * The client behind what lies on the Hub as datasets do.
 * @throws FlockOffError `bad-argument` for an endpoint or a proxy that is no address, and for a token that cannot be one,
 *   see `parseHubToken`.
 */
export function clientOf(parameters: HubDatasetStoreParameters): HubClient {
  const { totalTimeoutMs = 1_800_000, stallTimeoutMs, uploadTimeoutMs, attempts } = parameters;
  const { proxy, fetch, clock, onAnswer } = parameters;
  const logger = safeLogger(parameters.logger);
  const access = parseHubAccess(parameters, { endpoint: 'the parameter "endpoint"', token: 'the parameter "token"' });
  const timeouts = { stallTimeoutMs, uploadTimeoutMs, totalTimeoutMs, longestWaitMs: LONGEST_WAIT_MS };
  return new HubClient({ ...access, ...timeouts, attempts, proxy, fetch, clock, logger, onAnswer });
}
