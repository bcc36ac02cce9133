import { setMaxListeners } from 'node:events';
import { WebSocket } from 'ws';
import { messageOf } from '../errors/flock-off-error.ts';
import { abortable } from '../shared/abortable.ts';

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

const EARLY_NOTICES = 16;

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
  /** Notices that came in before the subscriber knew its id. */
  readonly #early = new Map<string | number, unknown[]>();
  readonly #lost = new AbortController();
  #lastId = 0;

  private constructor(url: string) {
    // Everything that waits for a notice listens; many at once are no leak.
    setMaxListeners(0, this.lost);
    this.#socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 256 * 1024 * 1024 });
    this.#socket.on('message', (data) => this.#receive(String(data)));
    // A refused connection to a host with several addresses has a code and no message.
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#lose(error.message || String(error.code)));
    this.#socket.on('close', (code) => this.#lose(`the connection was closed (${code})`));
  }

  /** Opens a socket; an abort of the signal closes it. @throws SocketLostError when it cannot be opened. */
  static async open(url: string, signal: AbortSignal): Promise<JsonRpcSocket> {
    signal.throwIfAborted();
    const opening = new JsonRpcSocket(url);
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

  /** Requests sent so far: one round trip each. */
  get requests(): number {
    return this.#lastId;
  }

  /** @throws RpcError when the node answers with an error, SocketLostError when it does not answer. */
  request<T>(method: string, params: unknown[] = []): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.lost.aborted) return reject(this.lost.reason);
      const id = ++this.#lastId;
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }), (error) => {
        if (error) this.#lose(messageOf(error));
      });
    });
  }

  /**
   * Subscribes; `onNotice` gets every notice in order until the returned function is called.
   * Notices stop without a word when the socket closes: watch `lost`.
   */
  async subscribe<T>(
    { method, unsubscribe, params = [] }: Subscription,
    onNotice: (notice: T) => void,
  ): Promise<() => void> {
    const id = await this.request<string | number>(method, params);
    this.#subscribers.set(id, onNotice as (result: unknown) => void);
    for (const notice of this.#early.get(id) ?? []) onNotice(notice as T);
    this.#early.delete(id);
    return () => {
      if (this.#subscribers.delete(id)) this.request(unsubscribe, [id]).catch(() => {});
    };
  }

  /** The first notice that `pick` makes something of; the subscription ends with it. @throws whatever `pick` throws. */
  async firstNotice<T, R>(subscription: Subscription, pick: (notice: T) => R | undefined): Promise<R> {
    const picked = new Promise<R>((resolve, reject) => {
      const subscribed = this.subscribe<T>(subscription, (notice) => {
        try {
          const value = pick(notice);
          if (value === undefined) return;
          resolve(value);
        } catch (error) {
          reject(error);
        }
        void subscribed.then((stop) => stop());
      });
      subscribed.catch(reject);
    });
    return abortable(picked, this.lost);
  }

  /** Closes at once, without the closing handshake, which a silent node would not answer. */
  close(why: string): void {
    this.#lose(why);
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
      const onNotice = this.#subscribers.get(subscription);
      if (onNotice) onNotice(result);
      else this.#early.set(subscription, [...(this.#early.get(subscription) ?? []), result].slice(-EARLY_NOTICES));
    }
  }

  #lose(why: string): void {
    if (this.lost.aborted) return;
    const error = new SocketLostError(why);
    this.#lost.abort(error);
    this.#socket.terminate();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#subscribers.clear();
    this.#early.clear();
  }
}
