import type { Agent } from 'node:http';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { abortable } from '../../shared/abortable.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { type Logger, safeLogger, traceOf } from '../../shared/logger.ts';
import type { ProxyFor } from '../../shared/proxy.ts';
import { requiredItem } from '../../shared/required.ts';
import { Secrets, secretsOfUrl } from '../../shared/secrets.ts';
import { stopwatch, timed } from '../../shared/timed.ts';
import {
  allEndpointsFailed,
  deadlineExceeded,
  nodeFailed,
  openingFailed,
  unreachable,
  unusableAnswer,
  unusableNode,
} from './connection-errors.ts';
import { type Endpoint, EndpointList } from './endpoint-list.ts';
import { type JsonRpcSocket, METHOD_NOT_FOUND, RpcError, SocketLostError } from './json-rpc-socket.ts';
import { type Link, openLink } from './link.ts';
import { throughProxy } from './proxy-connection.ts';
import { RuntimeCodecs } from './runtime-codec.ts';

export type { Link } from './link.ts';

export interface ConnectionParameters {
  /** Nodes of one chain, in the order they are tried. */
  urls: string[];
  /** Genesis hash of the chain that is meant, `null` (default) for the chain of the first node that answers. */
  genesisHash?: string | null;
  /** Deadline of every call of {@link Connection.use}. */
  timeoutMs: number;
  /** Time without a new best block after which a node counts as stalled, which triggers failover. Default 2 minutes. */
  blockTimeoutMs?: number;
  /** Default 15 s. */
  pingIntervalMs?: number;
  /** Largest difference between the time of a node's best block and the clock; Infinity: not checked. Default 10 minutes. */
  maxClockDifferenceMs?: number;
  clock?: Clock;
  /** Cache of runtime metadata, which is slow to load: connections of one program may share it. Default: a cache of its own. */
  codecs?: RuntimeCodecs;
  /** Which proxy to use for each node, `null` (default) to connect directly. */
  proxyFor?: ProxyFor | null;
  /** Agent of node:http that opens the sockets, in place of `proxyFor`. */
  agent?: Agent;
  logger?: Logger;
}

export interface UseConnectionParameters {
  signal?: AbortSignal;
  /** Default: the connection's. */
  timeoutMs?: number;
  /** What is missing when the deadline has passed, for the message. Default "no answer". */
  missing?: string;
}

/** A node this many blocks behind another is still syncing. */
const MOST_BLOCKS_BEHIND = 20;
/** The highest block seen is forgotten after this time: a node that announced a false one must not rule out all others for ever. */
const HIGHEST_COUNTS_MS = 600_000;
const MAX_CLOCK_DIFFERENCE_MS = 600_000;
const CLOSED = 'the connection was closed by this program';

/**
 * One WebSocket to one of several nodes, with reconnect and failover: opened when first needed and again after it was
 * lost. Every call has a deadline; missing it closes the link, since a silent socket cannot be trusted again. Failover to
 * the next node of the list happens when a node is lost, does not answer, refuses a method, has a clock too far from this
 * machine's, or is stalled (no new best block) while another node may not be.
 */
export class Connection {
  readonly timeoutMs: number;
  readonly blockTimeoutMs: number;
  readonly #endpoints: EndpointList;
  readonly #pingIntervalMs: number;
  readonly #logger: Logger;
  /** What the addresses of nodes and proxies hold of passwords and keys. */
  readonly #secrets: Secrets;
  readonly #codecs: RuntimeCodecs;
  readonly #maxClockDifferenceMs: number;
  readonly #clock: Clock;
  readonly #proxyFor: ProxyFor | null;
  readonly #agent: Agent | undefined;
  /** Block at which each endpoint stalled. */
  readonly #stalledAt = new Map<Endpoint, number>();
  #genesisHash: string | null;
  #current: Endpoint;
  #link: Promise<Link> | null = null;
  /** Closes the current link, whether it is open or being opened. */
  #dropLink = new AbortController();
  #closed = false;
  #requests = 0;
  /** The highest block that a node announced before failover, and when. */
  #highest = { block: 0, atMs: 0 };

  constructor(parameters: ConnectionParameters) {
    const { urls, genesisHash = null, timeoutMs, blockTimeoutMs = 120_000, pingIntervalMs = 15_000 } = parameters;
    this.#endpoints = new EndpointList(urls);
    this.#current = requiredItem(this.#endpoints.all, 0);
    this.#genesisHash = genesisHash;
    this.timeoutMs = timeoutMs;
    this.blockTimeoutMs = blockTimeoutMs;
    this.#pingIntervalMs = pingIntervalMs;
    this.#codecs = parameters.codecs ?? new RuntimeCodecs();
    this.#maxClockDifferenceMs = parameters.maxClockDifferenceMs ?? MAX_CLOCK_DIFFERENCE_MS;
    this.#clock = parameters.clock ?? systemClock;
    this.#proxyFor = parameters.proxyFor ?? null;
    this.#agent = parameters.agent;
    const addresses = urls.flatMap((url) => [url, this.#proxyFor?.(url)?.url ?? '']);
    this.#secrets = new Secrets(addresses.flatMap(secretsOfUrl));
    this.#logger = safeLogger(parameters.logger, this.#secrets);
  }

  /** The endpoint in use or tried last: scheme, host and port, as errors name it. */
  get url(): string {
    return this.#current.shown;
  }

  /** Number of configured endpoints. */
  get endpoints(): number {
    return this.#endpoints.all.length;
  }

  /** Requests sent over all sockets so far. */
  get requests(): number {
    return this.#requests;
  }

  /**
   * Runs `run` with a connected node; `what` names it in errors ("reading the metagraph").
   * @throws FlockOffError `chain-unreachable` (not connected, lost, or the node failed) or `timeout`, both transient; the
   *   signal's reason when aborted. What `run` throws of another kind is taken for an answer that cannot be used.
   */
  async use<T>(what: string, run: (link: Link) => Promise<T>, options: UseConnectionParameters = {}): Promise<T> {
    const { signal, timeoutMs = this.timeoutMs, missing } = options;
    signal?.throwIfAborted();
    const interrupted = new AbortController();
    let late: FlockOffError | undefined;
    const opening = this.#open();
    const dropLink = this.#dropLink;
    const timer = setTimeout(() => {
      late = deadlineExceeded(what, this.url, timeoutMs, missing);
      interrupted.abort(late);
      if (dropLink === this.#dropLink) this.#endpoints.failed(this.#current);
      drop(dropLink, 'another call had no answer in time');
    }, timeoutMs);
    const onAbort = () => interrupted.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await abortable(opening.then(run), interrupted.signal);
    } catch (thrown) {
      if (thrown === late || signal?.aborted) throw thrown;
      const error = this.#secrets.maskIn(thrown);
      if (error instanceof FlockOffError) throw error;
      if (error instanceof SocketLostError) throw unreachable(this.url, messageOf(error), error);
      throw error instanceof RpcError
        ? this.#refused(what, error, dropLink)
        : this.#failover(unusableAnswer(what, this.url, error), dropLink);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Closes the socket for good; nothing of it keeps the process alive. */
  close(): void {
    this.#closed = true;
    drop(this.#dropLink, CLOSED);
  }

  /** A node that refuses a method will refuse it again: failover, where there is another. */
  #refused(what: string, error: RpcError, dropLink: AbortController): FlockOffError {
    const failed = nodeFailed(what, this.url, error, error.code !== METHOD_NOT_FOUND || this.endpoints > 1);
    return error.code === METHOD_NOT_FOUND ? this.#failover(failed, dropLink) : failed;
  }

  /** Fails over to another node, where there is one. */
  #failover(because: FlockOffError, dropLink: AbortController): FlockOffError {
    if (this.endpoints > 1) {
      this.#endpoints.failed(this.#current);
      drop(dropLink, because.sentence);
    }
    return because;
  }

  async #open(): Promise<Link> {
    if (this.#closed) throw unreachable(this.url, CLOSED, undefined, false);
    if (this.#link) return this.#link;
    const dropped = new AbortController();
    this.#dropLink = dropped;
    const link = this.#openAny(dropped.signal);
    this.#link = link;
    const forget = () => {
      if (this.#link === link) this.#link = null;
    };
    dropped.signal.addEventListener('abort', forget, { once: true });
    link.then(({ socket }) => socket.lost.addEventListener('abort', forget, { once: true }), forget);
    return link;
  }

  /** Connects to the first usable endpoint. Each gets a share of the deadline, so that a silent one does not use it up. */
  async #openAny(dropped: AbortSignal): Promise<Link> {
    const failures: { shown: string; error: FlockOffError }[] = [];
    for (const endpoint of this.#endpoints.order()) {
      this.#current = endpoint;
      const { shown: url } = endpoint;
      const waiting = this.#endpoints.refusalOf(endpoint);
      if (waiting) {
        failures.push({ shown: url, error: waiting });
        continue;
      }
      try {
        const open = () => this.#openOne(endpoint, dropped);
        const link = await timed(this.#logger, `connecting to ${url}`, open);
        this.#endpoints.worked(endpoint);
        return link;
      } catch (error) {
        if (dropped.aborted) throw error;
        this.#endpoints.failed(endpoint);
        const hasWorked = this.#endpoints.hasWorked(endpoint);
        const failure = openingFailed(this.#secrets.maskIn(error), { url, hasWorked, nowMs: this.#clock.nowMs() });
        this.#endpoints.refused(endpoint, failure);
        const told = this.#endpoints.refusalOf(endpoint) ?? failure;
        failures.push({ shown: url, error: told });
        if (this.endpoints > 1) this.#logger.warn(`an endpoint is passed by: ${told.sentence}`);
      }
    }
    const [only, ...others] = failures;
    throw only && others.length === 0 ? only.error : allEndpointsFailed(failures);
  }

  async #openOne(endpoint: Endpoint, dropped: AbortSignal): Promise<Link> {
    const attempt = new AbortController();
    const giveUp = () => attempt.abort(dropped.reason);
    dropped.addEventListener('abort', giveUp, { once: true });
    const shareMs = Math.floor(this.timeoutMs / (this.endpoints + 1));
    const timer =
      this.endpoints > 1
        ? setTimeout(() => attempt.abort(deadlineExceeded('connecting', endpoint.shown, shareMs)), shareMs)
        : undefined;
    try {
      const opening = openLink({
        endpoint,
        signal: attempt.signal,
        codecs: this.#codecs,
        genesisHash: this.#genesisHash,
        pingIntervalMs: this.#pingIntervalMs,
        stallTimeoutMs: this.blockTimeoutMs,
        // Half of the time, so that a silent proxy times out first and is named in the error.
        connect: throughProxy(this.#proxyFor, Math.floor((this.endpoints > 1 ? shareMs : this.timeoutMs) / 2)),
        agent: this.#agent,
        onRequest: (method) => this.#traceRequest(method, endpoint),
        onStall: (socket, block) => this.#stalled(endpoint, socket, block),
        clock: this.#clock,
        maxClockDifferenceMs: this.#maxClockDifferenceMs,
        onWrongTime: (socket, { message }) => {
          this.#logger.warn(message);
          this.#leave(endpoint, socket, "its time is too far from this machine's");
        },
      });
      const link = await abortable(opening, attempt.signal);
      const behind = this.#highest.block - link.heads.block;
      const counts = this.#clock.nowMs() - this.#highest.atMs < HIGHEST_COUNTS_MS;
      if (this.endpoints > 1 && counts && behind > MOST_BLOCKS_BEHIND) {
        link.socket.close('it is behind');
        throw unusableNode(endpoint.shown, `its best block ${link.heads.block} is ${behind} blocks behind`);
      }
      this.#genesisHash ??= link.api.genesisHash.toHex();
      link.socket.lost.addEventListener('abort', () => {
        dropped.removeEventListener('abort', giveUp);
        if (link.heads.block > this.#highest.block)
          this.#highest = { block: link.heads.block, atMs: this.#clock.nowMs() };
        if (!(link.socket.lost.reason as SocketLostError).byUs) this.#endpoints.failed(endpoint);
      });
      return link;
    } catch (error) {
      dropped.removeEventListener('abort', giveUp);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #traceRequest(method: string, { shown }: Endpoint): (error?: unknown) => void {
    this.#requests++;
    const took = stopwatch();
    return (error) => {
      const failed = error === undefined ? '' : `, failed: ${messageOf(error)}`;
      traceOf(this.#logger)?.(`${method} at ${shown}: ${took()}${failed}`);
    };
  }

  /** Fails over from a stalled node, unless every other one stalled at that block too. */
  #stalled(endpoint: Endpoint, socket: JsonRpcSocket, block: number): void {
    this.#stalledAt.set(endpoint, block);
    const others = this.#endpoints.all.filter((other) => other !== endpoint);
    if (others.every((other) => (this.#stalledAt.get(other) ?? -1) >= block)) return;
    const why = `its best block has been ${block} for ${this.blockTimeoutMs} ms`;
    this.#logger.warn(`the node at ${endpoint.shown} is left: ${why}`);
    this.#leave(endpoint, socket, why);
  }

  #leave(endpoint: Endpoint, socket: JsonRpcSocket, why: string): void {
    this.#endpoints.failed(endpoint);
    socket.close(why);
  }
}

function drop(link: AbortController, why: string): void {
  link.abort(new SocketLostError(why, true));
}
