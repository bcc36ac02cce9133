import type { FlockOffError } from '../../errors/flock-off-error.ts';
import { withRetryAfter } from './connection-errors.ts';
import { withoutSecrets } from './networks.ts';

/** A node that may be asked. */
export interface Endpoint {
  url: string;
  /** The URL without what may hold an access key: see {@link withoutSecrets}. */
  shown: string;
}

/** One that failed less than this ago is tried after those that did not. */
const COOL_OFF_MS = 60_000;
/** Who obeys asks so much later than allowed, and up to a tenth more: many clients that were refused at once come back one by one. */
const MARGIN_MS = 50;

/**
 * The endpoints in the order they are tried: the list's own, but what failed just now comes last. So the first one is
 * gone back to when another fails, and no sooner.
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

  /** Whether an endpoint was ever fit to be used. */
  hasWorked(endpoint: Endpoint): boolean {
    return this.#worked.has(endpoint);
  }

  /** Remembers how long an endpoint asks to be left alone, where its refusal says so. */
  refused(endpoint: Endpoint, error: FlockOffError): void {
    const { retryAfterMs } = error;
    if (retryAfterMs !== undefined) this.#refused.set(endpoint, { error, untilMs: performance.now() + retryAfterMs });
  }

  /** The refusal of an endpoint that still asks to be left alone, `null` for one that may be asked. */
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
