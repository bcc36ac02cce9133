import type { FlockOffError } from '../../errors/flock-off-error.ts';
import { withRetryAfter } from './connection-errors.ts';
import { withoutSecrets } from './networks.ts';

/** A node that can be connected to. */
export interface Endpoint {
  url: string;
  /** The URL without what may hold an access key: see {@link withoutSecrets}. */
  shown: string;
}

/** Cool-down: an endpoint that failed less than this ago is tried after the others. */
const COOL_OFF_MS = 60_000;
/** Margin added to a rate limit's wait, besides up to 10 % of jitter: clients refused together do not retry together. */
const MARGIN_MS = 50;

/**
 * The endpoints in the order they are tried: the configured order, with those that failed recently last. So the first
 * endpoint is used again only when the current one fails.
 */
export class EndpointList {
  readonly all: readonly Endpoint[];
  readonly #failedAtMs = new Map<Endpoint, number>();
  readonly #refused = new Map<Endpoint, { error: FlockOffError; untilMs: number }>();
  readonly #worked = new Set<Endpoint>();

  constructor(urls: string[]) {
    this.all = urls.map((url) => ({ url, shown: withoutSecrets(url) }));
  }

  failed(endpoint: Endpoint): void {
    this.#failedAtMs.set(endpoint, performance.now());
  }

  worked(endpoint: Endpoint): void {
    this.#worked.add(endpoint);
    this.#refused.delete(endpoint);
  }

  /** Whether an endpoint has been connected to before. */
  hasWorked(endpoint: Endpoint): boolean {
    return this.#worked.has(endpoint);
  }

  /** Remembers until when an endpoint's rate limit asks not to connect, where its refusal says so. */
  refused(endpoint: Endpoint, error: FlockOffError): void {
    const { retryAfterMs } = error;
    if (retryAfterMs !== undefined) this.#refused.set(endpoint, { error, untilMs: performance.now() + retryAfterMs });
  }

  /** The rate-limit refusal that is still in force for an endpoint, `null` when it may be tried. */
  refusalOf(endpoint: Endpoint): FlockOffError | null {
    const refusal = this.#refused.get(endpoint);
    const leftMs = (refusal?.untilMs ?? 0) - performance.now();
    if (!refusal || leftMs <= 0) return null;
    return withRetryAfter(refusal.error, Math.ceil(leftMs + MARGIN_MS + (Math.random() * leftMs) / 10));
  }

  order(): Endpoint[] {
    const nowMs = performance.now();
    const coolingSinceMs = (endpoint: Endpoint) => {
      const failedAtMs = this.#failedAtMs.get(endpoint) ?? Number.NEGATIVE_INFINITY;
      return nowMs - failedAtMs < COOL_OFF_MS ? failedAtMs : 0;
    };
    return [...this.all].sort((a, b) => coolingSinceMs(a) - coolingSinceMs(b));
  }
}
