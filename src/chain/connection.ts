import type { ApiPromise, WsProvider } from '@polkadot/api';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { abortable } from '../shared/abortable.ts';
import { polkadot } from './polkadot.ts';

/** Subtensor's signed extensions that add no bytes to a transaction: named so that @polkadot/api does not warn of them. */
const SILENT_EXTENSIONS = Object.fromEntries(
  [
    'SubtensorSignedExtension',
    'CommitmentsSignedExtension',
    'SubtensorTransactionExtension',
    'SudoTransactionExtension',
    'CheckShieldedTxValidity',
    'DrandPriority',
  ].map((name) => [name, { extrinsic: {}, payload: {} }]),
);

interface Link {
  api: ApiPromise;
  /** Aborts when the socket closes. */
  lost: AbortSignal;
  close(): Promise<void>;
}

export interface UseConnectionParameters {
  signal?: AbortSignal;
  /** Default: the connection's. */
  timeoutMs?: number;
}

/**
 * One WebSocket to one node, opened when first needed and again after it was lost. Every use has a deadline; a use that
 * misses it takes the connection down with it, since a silent socket is not to be trusted again.
 */
export class Connection {
  readonly url: string;
  readonly timeoutMs: number;
  #link: Promise<Link> | null = null;
  #closed = false;

  constructor({ url, timeoutMs }: { url: string; timeoutMs: number }) {
    this.url = url;
    this.timeoutMs = timeoutMs;
  }

  /**
   * Runs `use` with a connected API; `what` names it in errors ("reading the metagraph").
   * @throws FlockOffError `chain-unreachable` (not connected, lost) or `timeout`, both transient; the signal's reason
   *   when aborted; whatever else `use` throws.
   */
  async use<T>(what: string, use: (api: ApiPromise) => Promise<T>, options: UseConnectionParameters = {}): Promise<T> {
    const { signal, timeoutMs = this.timeoutMs } = options;
    const deadline = AbortSignal.timeout(timeoutMs);
    const interrupted = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      const link = await abortable(this.#open(), interrupted);
      return await abortable(use(link.api), AbortSignal.any([interrupted, link.lost]));
    } catch (error) {
      if (signal?.aborted || error !== deadline.reason) throw error;
      await this.#drop();
      throw new FlockOffError({
        code: 'timeout',
        what: `${what}: no answer from ${this.url} within ${timeoutMs} ms`,
        fix: 'check the network, or use another endpoint',
        facts: { url: this.url, timeoutMs },
        transient: true,
      });
    }
  }

  /** Closes the socket and every timer, so that the process can exit. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#drop();
  }

  #open(): Promise<Link> {
    if (this.#closed)
      return Promise.reject(this.#unreachable('the connection was closed by this program', undefined, false));
    if (this.#link) return this.#link;
    const link = this.#connect();
    this.#link = link;
    const forget = () => {
      if (this.#link === link) this.#link = null;
    };
    link.then(({ lost }) => lost.addEventListener('abort', forget, { once: true }), forget);
    return link;
  }

  async #drop(): Promise<void> {
    const link = this.#link;
    this.#link = null;
    await link?.then(({ close }) => close()).catch(() => {});
  }

  async #connect(): Promise<Link> {
    const { ApiPromise, WsProvider } = await polkadot();
    const provider = new WsProvider(this.url, false, {}, this.timeoutMs);
    const lost = new AbortController();
    provider.on('disconnected', () => lost.abort(this.#unreachable('the connection was lost')));
    const deadline = AbortSignal.timeout(this.timeoutMs);
    try {
      await abortable(this.#socketOpen(provider), deadline);
      const api = new ApiPromise({ provider, noInitWarn: true, signedExtensions: SILENT_EXTENSIONS });
      await abortable(api.isReadyOrError, AbortSignal.any([deadline, lost.signal]));
      return { api, lost: lost.signal, close: () => api.disconnect() };
    } catch (error) {
      await provider.disconnect().catch(() => {});
      if (error instanceof FlockOffError) throw error;
      throw this.#unreachable(
        error === deadline.reason ? `no answer within ${this.timeoutMs} ms` : messageOf(error),
        error,
      );
    }
  }

  #socketOpen(provider: WsProvider): Promise<void> {
    return new Promise((resolve, reject) => {
      provider.on('connected', () => resolve());
      provider.on('error', () => reject(this.#unreachable('nobody answers there')));
      provider.connect().catch(reject);
    });
  }

  #unreachable(why: string, cause?: unknown, transient = true): FlockOffError {
    return new FlockOffError({
      code: 'chain-unreachable',
      what: `the chain at ${this.url} cannot be reached: ${why}`,
      fix: 'check --subtensor.network or --subtensor.chain_endpoint and your network',
      facts: { url: this.url },
      transient,
      cause,
    });
  }
}
