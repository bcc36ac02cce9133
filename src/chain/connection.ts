import type { ApiPromise } from '@polkadot/api';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { abortable } from '../shared/abortable.ts';
import { JsonRpcSocket, METHOD_NOT_FOUND, RpcError, SocketLostError } from './json-rpc-socket.ts';
import { polkadotApi } from './polkadot.ts';

/** A connected node. */
export interface Link {
  /** Everything that goes over the wire. */
  socket: JsonRpcSocket;
  /**
   * The runtime's own description of itself: storage keys, calls, types, errors by name. It is used as a codec only:
   * what @polkadot/api sends by itself it prints when it fails, so nothing is sent through it once it is ready.
   */
  api: ApiPromise;
}

export interface UseConnectionParameters {
  signal?: AbortSignal;
  /** Default: the connection's. */
  timeoutMs?: number;
}

/** Pallets without which a node is no Subtensor. */
const REQUIRED_PALLETS = ['system', 'subtensorModule', 'commitments'];
const CLOSED = 'the connection was closed by this program';

/**
 * One WebSocket to one node, opened when first needed and again after it was lost. Every use has a deadline; a use that
 * misses it takes the connection down with it, since a silent socket is not to be trusted again.
 */
export class Connection {
  /** Where it connects to, without user name, password and query, which may hold an access key. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly #endpoint: string;
  #link: Promise<Link> | null = null;
  /** Closes the current link, whether it is open or being opened. */
  #dropLink = new AbortController();
  #closed = false;
  #requestsBefore = 0;
  #socket: JsonRpcSocket | null = null;

  constructor({ url, timeoutMs }: { url: string; timeoutMs: number }) {
    const { protocol, host, pathname } = new URL(url);
    this.#endpoint = url;
    this.url = `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
    this.timeoutMs = timeoutMs;
  }

  /** Requests sent over all sockets so far. */
  get requests(): number {
    return this.#requestsBefore + (this.#socket?.requests ?? 0);
  }

  /**
   * Runs `run` with a connected node; `what` names it in errors ("reading the metagraph").
   * @throws FlockOffError `chain-unreachable` (not connected, lost, or the node failed) or `timeout`, both transient; the
   *   signal's reason when aborted; whatever else `run` throws.
   */
  async use<T>(what: string, run: (link: Link) => Promise<T>, options: UseConnectionParameters = {}): Promise<T> {
    const { signal, timeoutMs = this.timeoutMs } = options;
    signal?.throwIfAborted();
    const interrupted = new AbortController();
    const late = this.#late(what, timeoutMs);
    const timer = setTimeout(() => {
      interrupted.abort(late);
      this.#drop('another call had no answer in time');
    }, timeoutMs);
    const onAbort = () => interrupted.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await abortable(this.#open().then(run), interrupted.signal);
    } catch (error) {
      if (error === late || signal?.aborted || error instanceof FlockOffError) throw error;
      if (error instanceof SocketLostError) throw this.#unreachable(messageOf(error), error);
      if (error instanceof RpcError) throw this.#nodeFailed(what, error);
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Closes the socket for good; nothing of it keeps the process alive. */
  close(): void {
    this.#closed = true;
    this.#drop(CLOSED);
  }

  #drop(why: string): void {
    this.#dropLink.abort(new SocketLostError(why));
  }

  async #open(): Promise<Link> {
    if (this.#closed) throw this.#unreachable(CLOSED, undefined, false);
    if (this.#link) return this.#link;
    const dropped = new AbortController();
    this.#dropLink = dropped;
    const link = this.#connect(dropped.signal);
    this.#link = link;
    const forget = () => {
      if (this.#link === link) this.#link = null;
    };
    dropped.signal.addEventListener('abort', forget, { once: true });
    link.then(({ socket }) => socket.lost.addEventListener('abort', forget, { once: true }), forget);
    return link;
  }

  async #connect(dropped: AbortSignal): Promise<Link> {
    const { ApiPromise } = await polkadotApi();
    const socket = await JsonRpcSocket.open(this.#endpoint, dropped);
    this.#requestsBefore = this.requests;
    this.#socket = socket;
    try {
      const failed = new AbortController();
      const api = new ApiPromise({
        provider: startupProvider(socket, (error) => failed.abort(error)),
        metadata: await readMetadata(socket),
        noInitWarn: true,
      });
      await abortable(api.isReadyOrError, failed.signal);
      const missing = REQUIRED_PALLETS.filter((pallet) => api.query[pallet] === undefined);
      if (missing.length > 0) throw this.#notSubtensor(`it has no pallet ${missing.join(', ')}`);
      await closeOnUpgrade(socket, api);
      return { socket, api };
    } catch (error) {
      socket.close(messageOf(error));
      if (error instanceof RpcError && error.code === METHOD_NOT_FOUND)
        throw this.#notSubtensor(`it answered "${error.message}"`, error);
      if (error instanceof RpcError) throw this.#nodeFailed('connecting', error);
      throw error;
    }
  }

  #late(what: string, timeoutMs: number): FlockOffError {
    return new FlockOffError({
      code: 'timeout',
      what: `${what}: no answer from the chain at ${this.url} within ${timeoutMs} ms`,
      fix: 'check your network, or use another endpoint (--subtensor.chain_endpoint)',
      facts: { url: this.url, timeoutMs },
      transient: true,
    });
  }

  #unreachable(why: string, cause?: unknown, transient = true): FlockOffError {
    return new FlockOffError({
      code: 'chain-unreachable',
      what: `the chain at ${this.url} cannot be reached: ${why}`,
      fix: 'check --subtensor.network or --subtensor.chain_endpoint, and your network',
      facts: { url: this.url },
      transient,
      cause,
    });
  }

  #nodeFailed(what: string, cause: RpcError): FlockOffError {
    return new FlockOffError({
      code: 'chain-unreachable',
      what: `${what}: the node at ${this.url} answered with error ${cause.code} (${cause.message})`,
      fix: 'use another endpoint (--subtensor.chain_endpoint)',
      facts: { url: this.url, rpcCode: cause.code },
      transient: cause.code !== METHOD_NOT_FOUND,
      cause,
    });
  }

  #notSubtensor(why: string, cause?: unknown): FlockOffError {
    return new FlockOffError({
      code: 'chain-unreachable',
      what: `${this.url} is not a Subtensor node: ${why}`,
      fix: 'check --subtensor.network or --subtensor.chain_endpoint',
      facts: { url: this.url },
      cause,
    });
  }
}

/**
 * The runtime's metadata under the name @polkadot/api looks it up by. Version 14, which every node has: left to itself,
 * the API asks for newer ones first, and prints where there are none.
 */
async function readMetadata(socket: JsonRpcSocket): Promise<Record<string, `0x${string}`>> {
  const [genesisHash, { specVersion }, metadata] = await Promise.all([
    socket.request<string>('chain_getBlockHash', [0]),
    socket.request<{ specVersion: number }>('state_getRuntimeVersion'),
    socket.request<`0x${string}`>('state_getMetadata'),
  ]);
  return { [`${genesisHash}-${specVersion}`]: metadata };
}

/**
 * What @polkadot/api reads the runtime's description through when it starts. It prints every failed request to the
 * console, so a failure is reported to `onFailure` instead and the request is left unanswered.
 */
function startupProvider(socket: JsonRpcSocket, onFailure: (error: unknown) => void) {
  return {
    hasSubscriptions: false,
    isClonable: false,
    isConnected: true,
    clone: unused,
    connect: async () => {},
    disconnect: async () => {},
    on: () => () => {},
    subscribe: unused,
    unsubscribe: unused,
    send: <T>(method: string, params: unknown[]): Promise<T> =>
      new Promise((resolve) => {
        socket.request<T>(method, params).then(resolve, onFailure);
      }),
  };
}

function unused(): never {
  throw new Error('@polkadot/api subscribes to nothing here');
}

/** A runtime upgrade makes the description stale: the socket is closed, and the next use reads the new one. */
async function closeOnUpgrade(socket: JsonRpcSocket, api: ApiPromise): Promise<void> {
  const inUse = api.runtimeVersion.specVersion.toNumber();
  await socket.subscribe<{ specVersion: number }>(
    { method: 'state_subscribeRuntimeVersion', unsubscribe: 'state_unsubscribeRuntimeVersion' },
    ({ specVersion }) => {
      if (specVersion !== inUse) socket.close('the runtime was upgraded');
    },
  );
}
