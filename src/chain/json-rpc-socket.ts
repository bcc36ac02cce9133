import { setMaxListeners } from 'node:events';
import type { Agent } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';

/** JSON-RPC's code for a method that the other side does not have. */
export const METHOD_NOT_FOUND = -32_601;

/** An answer of the node that is an error: JSON-RPC 2.0 code and message, and `data` where it sent any. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: unknown;

  constructor({ code, message, data }: { code: number; message: string; data?: unknown }) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** The socket could not be opened, or closed while an answer was outstanding. */
export class SocketLostError extends Error {
  override readonly name = 'SocketLostError';
  /** True when this side closed it. */
  readonly byUs: boolean;

  constructor(message: string, byUs: boolean) {
    super(message);
    this.byUs = byUs;
  }
}

export interface OpenSocketOptions {
  /**
   * How often the other side is pinged; one that sent nothing at all from one ping to the next is given up, so that a
   * half-open socket is noticed within twice this time. Default 15 s.
   */
  pingIntervalMs?: number;
  /** Called for every request sent. */
  onRequest?: () => void;
  /** Opens the connection under the WebSocket: through a proxy, for instance; `null` leaves it to the WebSocket. */
  connect?: (url: string, signal: AbortSignal) => Promise<Socket | null>;
  /** The same as an agent of node:http. */
  agent?: Agent;
}

export interface Subscription {
  method: string;
  /** Method that ends it. */
  unsubscribe: string;
  params?: unknown[];
}

interface Message {
  id?: number;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
  params?: { subscription: string | number; result: unknown };
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * JSON-RPC 2.0 over one WebSocket. It never reconnects and never prints; when it closes, for whatever reason, everything
 * outstanding is rejected and `lost` aborts, both with the same {@link SocketLostError}.
 */
export class JsonRpcSocket {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  readonly #subscribers = new Map<string | number, (result: unknown) => void>();
  readonly #lost = new AbortController();
  readonly #onRequest: () => void;
  #lastId = 0;

  private constructor(url: string, options: OpenSocketOptions, connection: Socket | null) {
    const { pingIntervalMs = 15_000, onRequest = () => {}, agent } = options;
    // Everything that waits for a notice listens; many at once are no leak.
    setMaxListeners(0, this.lost);
    this.#onRequest = onRequest;
    const limits = { perMessageDeflate: false, maxPayload: 256 * 1024 * 1024 };
    this.#socket = new WebSocket(url, { ...limits, agent, ...(connection && { createConnection: () => connection }) });
    this.#socket.on('upgrade', ({ socket }) => this.#keepAsking(socket, pingIntervalMs));
    this.#socket.on('message', (data) => this.#receive(String(data)));
    // A refused connection to a host with several addresses has a code and no message.
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#lose(error.message || String(error.code)));
    this.#socket.on('close', (code) => this.#lose(`the connection was closed (${code})`));
  }

  /** Opens a socket; an abort of the signal closes it. @throws SocketLostError when it cannot be opened. */
  static async open(url: string, signal: AbortSignal, options: OpenSocketOptions = {}): Promise<JsonRpcSocket> {
    signal.throwIfAborted();
    const connection = await options.connect?.(url, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error instanceof FlockOffError ? error : new SocketLostError(messageOf(error), false);
    });
    if (signal.aborted) connection?.destroy();
    signal.throwIfAborted();
    const opening = new JsonRpcSocket(url, options, connection ?? null);
    signal.addEventListener('abort', () => opening.close(messageOf(signal.reason)), { once: true });
    await new Promise<void>((resolve, reject) => {
      opening.#socket.once('open', () => resolve());
      opening.lost.addEventListener('abort', () => reject(opening.lost.reason));
    });
    return opening;
  }

  /** Aborts when the socket closes; its reason is what everything outstanding was rejected with. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** @throws RpcError when the node answers with an error, SocketLostError when it does not answer. */
  request<T>(method: string, params: unknown[] = []): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#send(method, params, { resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /**
   * Subscribes; `onNotice` gets every notice in order until the returned function is called.
   * Notices stop without a word when the socket closes: watch `lost`.
   */
  subscribe<T>({ method, unsubscribe, params = [] }: Subscription, onNotice: (notice: T) => void): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const subscribed = (id: unknown) => {
        // In the same turn as the answer, so that the notice right behind it finds its subscriber.
        this.#subscribers.set(id as string | number, onNotice as (result: unknown) => void);
        resolve(() => {
          if (this.#subscribers.delete(id as string | number)) this.request(unsubscribe, [id]).catch(() => {});
        });
      };
      this.#send(method, params, { resolve: subscribed, reject });
    });
  }

  /** Closes at once, without the closing handshake, which a silent node would not answer. */
  close(why: string): void {
    this.#lose(why, true);
  }

  /** Whatever arrives shows that the other side lives: a pong, or the next piece of a long answer. */
  #keepAsking(connection: Socket, intervalMs: number): void {
    let bytesAtLastPing = -1;
    const timer = setInterval(() => {
      if (connection.bytesRead === bytesAtLastPing) {
        this.#lose(`nothing came from the node for ${intervalMs} ms, not even an answer to a ping`);
        return;
      }
      bytesAtLastPing = connection.bytesRead;
      this.#socket.ping();
    }, intervalMs);
    this.lost.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  #send(method: string, params: unknown[], pending: Pending): void {
    if (this.lost.aborted) {
      pending.reject(this.lost.reason);
      return;
    }
    const id = ++this.#lastId;
    this.#onRequest();
    this.#pending.set(id, pending);
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }), (error) => {
      if (error) this.#lose(messageOf(error));
    });
  }

  #receive(text: string): void {
    let message: Message;
    try {
      message = JSON.parse(text) as Message;
    } catch {
      this.#lose('the node sent something that is not JSON');
      return;
    }
    if (message.id !== undefined && message.id !== null) {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.error) pending?.reject(new RpcError(message.error));
      else pending?.resolve(message.result);
    } else if (message.params) {
      const { subscription, result } = message.params;
      this.#subscribers.get(subscription)?.(result);
    }
  }

  #lose(why: string, byUs = false): void {
    if (this.lost.aborted) return;
    const error = new SocketLostError(why, byUs);
    this.#lost.abort(error);
    this.#socket.terminate();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#subscribers.clear();
  }
}
