import { withoutSecrets } from './networks.ts';

/** A node that may be asked. */
export interface Endpoint {
  url: string;
  /** The URL without user name, password and query, which may hold an access key. */
  shown: string;
}

/** One that failed less than this ago is tried after those that did not. */
const COOL_OFF_MS = 60_000;

/**
 * The endpoints in the order they are tried: the list's own, but what failed just now comes last. So the first one is
 * gone back to when another fails, and no sooner.
 */
export class EndpointList {
  readonly all: readonly Endpoint[];
  readonly #failedAtMs = new Map<Endpoint, number>();

  constructor(urls: string[]) {
    this.all = urls.map((url) => ({ url, shown: withoutSecrets(url) }));
  }

  failed(endpoint: Endpoint): void {
    this.#failedAtMs.set(endpoint, performance.now());
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
