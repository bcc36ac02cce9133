import { setMaxListeners } from 'node:events';
import type { Agent, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';

/** JSON-RPC's code for a method that the other side does not have. */
export const METHOD_NOT_FOUND = -32_601;

/** Longer error messages are truncated. */
const MOST_MESSAGE_CHARACTERS = 1_000;

/** An answer of the node that is an error: JSON-RPC 2.0 code and message, and `data` where it sent any. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: unknown;

  /** `error`: what the node sent, whatever it is. */
  constructor(error: unknown) {
    const { code, message, data } = Object(error) as { code?: unknown; message?: unknown; data?: unknown };
    super(String(message ?? 'no reason given').slice(0, MOST_MESSAGE_CHARACTERS));
    this.code = Number(code);
    this.data = typeof data === 'string' ? data.slice(0, MOST_MESSAGE_CHARACTERS) : data;
  }
}

/** The socket could not be opened, or closed while an answer was outstanding. */
export class SocketLostError extends Error {
  override readonly name = 'SocketLostError';
  /** True when this side closed it. */
  readonly byUs: boolean;

  /** `cause`: the error of the operating system, of TLS or of HTTP that ended it, where there was one. */
  constructor(message: string, byUs: boolean, cause?: unknown) {
    super(message, { cause });
    this.byUs = byUs;
  }
}

/** The host answered the handshake with something else than a WebSocket. */
export class HandshakeRefusedError extends SocketLostError {
  readonly response: Pick<IncomingMessage, 'statusCode' | 'statusMessage' | 'headers'>;

  constructor(response: HandshakeRefusedError['response']) {
    super(`the handshake was answered with HTTP ${response.statusCode}`, false);
    this.response = response;
  }
}

export interface OpenSocketOptions {
  /**
   * How often the other side is pinged; one that sent nothing at all from one ping to the next is given up, so that a
   * half-open socket is noticed within twice this time. Default 15 s.
   */
  pingIntervalMs?: number;
  /** Called for every request sent; what it returns is called with the error, or nothing, when the answer is there. */
  onRequest?: (method: string) => (error?: unknown) => void;
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
  error?: unknown;
  params?: { subscription?: string | number; result?: unknown } | null;
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
  readonly #onRequest: (method: string) => (error?: unknown) => void;
  #lastId = 0;

  private constructor(socket: WebSocket, { pingIntervalMs = 15_000, onRequest = () => () => {} }: OpenSocketOptions) {
    // Many pending waits mean many listeners, which is no leak.
    setMaxListeners(0, this.lost);
    this.#onRequest = onRequest;
    this.#socket = socket;
    this.#socket.on('upgrade', ({ socket }) => this.#keepAsking(socket, pingIntervalMs));
    this.#socket.on('message', (data) => this.#receive(String(data)));
    this.#socket.on('unexpected-response', (_, response) => this.#end(new HandshakeRefusedError(response)));
    // A refused connection to a host with several addresses has a code and no message.
    this.#socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#end(new SocketLostError(error.message || String(error.code), false, error)),
    );
    this.#socket.on('close', (code) => this.#lose(`the connection was closed (${code})`));
  }

  /** Opens a socket; an abort of the signal closes it. @throws SocketLostError when it cannot be opened. */
  static async open(url: string, signal: AbortSignal, options: OpenSocketOptions = {}): Promise<JsonRpcSocket> {
    // Loaded on demand, so that importing the package loads no socket library.
    const { WebSocket } = await import('ws');
    signal.throwIfAborted();
    const connection = await options.connect?.(url, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error instanceof FlockOffError ? error : new SocketLostError(messageOf(error), false);
    });
    if (signal.aborted) connection?.destroy();
    signal.throwIfAborted();
    const { agent } = options;
    const limits = { perMessageDeflate: false, maxPayload: 256 * 1024 * 1024 };
    const socket = new WebSocket(url, { ...limits, agent, ...(connection && { createConnection: () => connection }) });
    const opening = new JsonRpcSocket(socket, options);
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
   * Notices end silently when the socket closes: watch `lost`.
   */
  subscribe<T>({ method, unsubscribe, params = [] }: Subscription, onNotice: (notice: T) => void): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const subscribed = (id: unknown) => {
        if (typeof id !== 'string' && typeof id !== 'number') {
          this.#lose(`the node answered ${method} with no subscription`);
          reject(this.lost.reason);
          return;
        }
        // In the same turn as the answer, so that the notice right behind it finds its subscriber.
        this.#subscribers.set(id, onNotice as (result: unknown) => void);
        resolve(() => {
          if (this.#subscribers.delete(id)) this.request(unsubscribe, [id]).catch(() => {});
        });
      };
      this.#send(method, params, { resolve: subscribed, reject });
    });
  }

  /** Closes at once, without the closing handshake, which a silent node would not answer. */
  close(why: string): void {
    this.#lose(why, true);
  }

  /** Any incoming data counts as a sign of life: a pong, or the next chunk of a long answer. */
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
    const onAnswer = this.#onRequest(method);
    this.#pending.set(id, {
      resolve: (result) => {
        onAnswer();
        pending.resolve(result);
      },
      reject: (error) => {
        onAnswer(error);
        pending.reject(error);
      },
    });
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }), (error) => {
      if (error) this.#lose(messageOf(error));
    });
  }

  #receive(text: string): void {
    let message: Message | null;
    try {
      message = JSON.parse(text) as Message | null;
    } catch {
      this.#lose('the node sent something that is not JSON');
      return;
    }
    const { id, result, error, params } = Object(message) as Message;
    if (id !== undefined && id !== null) {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error) pending?.reject(new RpcError(error));
      else pending?.resolve(result);
    } else if (params?.subscription !== undefined) {
      try {
        this.#subscribers.get(params.subscription)?.(params.result);
      } catch {
        this.#lose('the node sent a notice that cannot be read');
      }
    }
  }

  #lose(why: string, byUs = false): void {
    this.#end(new SocketLostError(why, byUs));
  }

  #end(error: SocketLostError): void {
    if (this.lost.aborted) return;
    this.#lost.abort(error);
    this.#socket.terminate();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#subscribers.clear();
  }
}
