/** Requests of a user, or of an address without a token, in a window of five minutes: the Hub counts three kinds. */
export interface RateLimits {
  api?: number;
  resolvers?: number;
  pages?: number;
}

type Kind = keyof RateLimits;

const WINDOW_SECONDS = 300;
/** Far more than a test sends. */
const NO_LIMIT = 1_000_000;

/** Counts requests in fixed windows, and says in headers what is left, as the Hub does with every reply. */
export class RateCounter {
  readonly #limits: RateLimits;
  readonly #counts = new Map<string, { window: number; count: number }>();

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /** Counts a request; its headers, and whether it is over the limit. */
  take(path: string, who: string, nowMs: number): { headers: Record<string, string>; isOver: boolean } {
    const kind: Kind = path.startsWith('/api/') ? 'api' : path.includes('/resolve/') ? 'resolvers' : 'pages';
    const quota = this.#limits[kind] ?? NO_LIMIT;
    const seconds = Math.floor(nowMs / 1000);
    const window = Math.floor(seconds / WINDOW_SECONDS);
    const key = `${kind} ${who}`;
    const before = this.#counts.get(key);
    const count = before?.window === window ? before.count + 1 : 1;
    this.#counts.set(key, { window, count });
    const left = Math.max(0, quota - count);
    const wait = (window + 1) * WINDOW_SECONDS - seconds;
    return {
      isOver: count > quota,
      headers: {
        RateLimit: `"${kind}";r=${left};t=${wait}`,
        'RateLimit-Policy': `"fixed window";"${kind}";q=${quota};w=${WINDOW_SECONDS}`,
      },
    };
  }
}
