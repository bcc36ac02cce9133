import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { eitherSignal } from '../../shared/either-signal.ts';
import { fetchFailure } from '../../shared/fetch-failure.ts';
import { type Logger, safeLogger } from '../../shared/logger.ts';
import type { ProxyOption } from '../../shared/proxy.ts';
import { type HttpRoute, httpRoute } from '../../shared/proxy-fetch.ts';
import { retry } from '../../shared/retry.ts';
import { tracedFetch } from '../../shared/traced-fetch.ts';
import { DRAND_QUICKNET, type DrandChain } from './drand.ts';
import type { PulseParameters, PulseSource } from './pulse-source.ts';

export interface HttpPulseSourceParameters {
  /** Base addresses, tried in turn. Default: those of drand's League of Entropy. */
  urls?: string[];
  /** Whose rounds they tell. Default: drand's quicknet. */
  chain?: DrandChain;
  /** Longest time for the answer of one server, in milliseconds. Default 10 s. */
  timeoutMs?: number;
  /** Times that all of them are tried. Default 3. */
  attempts?: number;
  /** Proxy of every request; `false` for none. Default: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say. */
  proxy?: ProxyOption;
  /** Replaces Node's fetch; proxies are then up to it. */
  fetch?: typeof fetch;
  clock?: Clock;
  logger?: Logger;
}

/** As drand's documentation names them: docs.drand.love. */
const DRAND_URLS = [
  'https://api.drand.sh',
  'https://api2.drand.sh',
  'https://api3.drand.sh',
  'https://drand.cloudflare.com',
];

const BASE_DELAY_MS = 500;
const MAX_DELAY_MS = 5_000;
/** A pulse has some 300. */
const MOST_BYTES = 16 * 1024;
const SIGNATURE = /^[0-9a-f]{96}$/;

/**
 * drand's public HTTP API (`/{chain hash}/public/{round}`), which has all rounds there ever were. No server is trusted: a
 * signature counts where it is the beacon's, of which there is one for each round, and a server that gives another one is
 * passed over and named.
 * @throws FlockOffError `bad-argument` for a URL or a proxy that is no address.
 * @example
 * const pulseSources = [new HttpPulseSource({ urls: ['https://api.drand.sh'] })];
 */
export class HttpPulseSource implements PulseSource {
  readonly #urls: string[];
  readonly #chain: DrandChain;
  readonly #parameters: HttpPulseSourceParameters;
  readonly #route: HttpRoute;
  readonly #logger: Logger;

  constructor(parameters: HttpPulseSourceParameters = {}) {
    const { chain = DRAND_QUICKNET } = parameters;
    const named = (parameters.urls ?? []).filter((url) => url.trim() !== '');
    this.#urls = (named.length > 0 ? named : DRAND_URLS).map(baseOf);
    this.#chain = chain;
    this.#parameters = parameters;
    this.#logger = safeLogger(parameters.logger);
    const { fetch, through } = httpRoute(parameters, String(this.#urls[0]));
    this.#route = { fetch: tracedFetch(fetch, this.#logger), through };
  }

  /**
   * The signature of a round that is out, verified.
   * @returns `null` of another beacon.
   * @throws FlockOffError `drand-unreachable` (transient) where no server gives it, with what each one did.
   */
  async pulse({ round, beacon, signal }: PulseParameters): Promise<Uint8Array | null> {
    if (Buffer.compare(beacon.publicKey, this.#chain.publicKey) !== 0) return null;
    const { attempts = 3, clock = systemClock } = this.#parameters;
    return retry(() => this.#fromAny(round, signal), {
      ...{ attempts, baseDelayMs: BASE_DELAY_MS, maxDelayMs: MAX_DELAY_MS, signal, clock },
    });
  }

  async #fromAny(round: number, signal?: AbortSignal): Promise<Uint8Array> {
    const servers: { url: string; why: string }[] = [];
    for (const url of this.#urls) {
      try {
        return await this.#from(url, round, signal);
      } catch (error) {
        signal?.throwIfAborted();
        const through = this.#route.through(url);
        const why = `${error instanceof Fault ? error.message : fetchFailure(error)}${through ? ` (through ${through})` : ''}`;
        servers.push({ url, why });
        this.#logger.warn(`drand's server ${url} is passed over for round ${round}: ${why}`);
      }
    }
    throw new FlockOffError({
      code: 'drand-unreachable',
      what: `no server of drand gives round ${round}: ${servers.map(({ url, why }) => `${url}: ${why}`).join('; ')}`,
      fix: 'wait, look at the network or the proxy, or name other servers (--drand_url)',
      facts: { round, servers },
      transient: true,
    });
  }

  async #from(url: string, round: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { timeoutMs = 10_000 } = this.#parameters;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Fault(`no whole answer in ${timeoutMs} ms`)), timeoutMs);
    const either = eitherSignal(late.signal, signal);
    try {
      const response = await this.#route.fetch(`${url}/${this.#chain.chainHash}/public/${round}`, {
        headers: { Accept: 'application/json' },
        signal: either.signal,
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw new Fault(`it answered ${response.status}`);
      }
      return await this.#verified(round, await textOf(response));
    } catch (error) {
      throw late.signal.aborted ? late.signal.reason : error;
    } finally {
      clearTimeout(timer);
      either.release();
    }
  }

  async #verified(round: number, text: string): Promise<Uint8Array> {
    const said = parse(text);
    if (typeof said?.signature !== 'string' || !SIGNATURE.test(said.signature)) throw new Fault('it answered no pulse');
    if (said.round !== round) throw new Fault(`it answered round ${Number(said.round)}`);
    const signature = Buffer.from(said.signature, 'hex');
    const { verifyPulse } = await import('./pulse.ts');
    if (verifyPulse({ round, signature, publicKey: this.#chain.publicKey })) return signature;
    throw new Fault("it gave a signature that is not the beacon's");
  }
}

/** What a server did wrong, a clause. */
class Fault extends Error {}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    // Leaving the loop ends the request.
    if (bytes > MOST_BYTES) throw new Fault(`its answer goes on after ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): { round?: unknown; signature?: unknown } | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function baseOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
    throw noAddress(text);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function noAddress(url: string): FlockOffError {
  // It may hold a password.
  const shown = /@/.test(url) ? 'an address with a user name' : `"${url.slice(0, 200)}"`;
  return new FlockOffError({
    code: 'bad-argument',
    what: `${shown} is not the base address of a drand server`,
    fix: 'write one such as https://api.drand.sh, several with commas between',
    facts: { name: '--drand_url' },
  });
}
