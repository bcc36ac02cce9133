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
  nodeFailed,
  noneAnswers,
  openingFailed,
  tooLate,
  unfit,
  unreachable,
  unusableAnswer,
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
  /** Deadline of every use. */
  timeoutMs: number;
  /** How long the best block of a node may stand still before another node is asked. Default 2 minutes. */
  blockTimeoutMs?: number;
  /** Default 15 s. */
  pingIntervalMs?: number;
  /** How far the time of a node's best block may be from the clock's; Infinity: it is not looked at. Default 10 minutes. */
  maxClockDifferenceMs?: number;
  clock?: Clock;
  /** Several connections of one program may share them: a runtime's description takes time to read. Default: own ones. */
  codecs?: RuntimeCodecs;
  /** The way to the nodes, `null` (default) for none but the direct one. */
  proxyFor?: ProxyFor | null;
  /** Opens the sockets to the nodes instead. */
  agent?: Agent;
  logger?: Logger;
}

export interface UseConnectionParameters {
  signal?: AbortSignal;
  /** Default: the connection's. */
  timeoutMs?: number;
  /** What did not come, when the deadline has passed. Default "no answer". */
  missing?: string;
}

/** A node further behind than this is still catching up. */
const MOST_BLOCKS_BEHIND = 20;
/** Meanwhile the others have come as far as a node that told the truth. One that did not must not rule them all out for ever. */
const HIGHEST_COUNTS_MS = 600_000;
const MAX_CLOCK_DIFFERENCE_MS = 600_000;
const CLOSED = 'the connection was closed by this program';

/**
 * One WebSocket to one of several nodes, with reconnect and failover: opened when first needed and again after it was
 * lost. Every use has a deadline; a use that misses it takes the link down with it, since a silent socket is not to be
 * trusted again. Failover to the next node of the list follows when a node is lost, falls silent, refuses a method, lives
 * in another time than this machine, or when its best block stands still while another node's may not.
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
  /** Where each endpoint's best block stood still. */
  readonly #stalledAt = new Map<Endpoint, number>();
  #genesisHash: string | null;
  #current: Endpoint;
  #link: Promise<Link> | null = null;
  /** Closes the current link, whether it is open or being opened. */
  #dropLink = new AbortController();
  #closed = false;
  #requests = 0;
  /** Number of the highest block that a node announced before it was left, and when that was. */
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

  /** How many nodes there are to choose from. */
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
      late = tooLate(what, this.url, timeoutMs, missing);
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

  /** Goes on with another node, where there is one. */
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

  /** The first endpoint that turns out to be fit. Each has its share of the deadline, so that a silent one is passed by. */
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
    throw only && others.length === 0 ? only.error : noneAnswers(failures);
  }

  async #openOne(endpoint: Endpoint, dropped: AbortSignal): Promise<Link> {
    const attempt = new AbortController();
    const giveUp = () => attempt.abort(dropped.reason);
    dropped.addEventListener('abort', giveUp, { once: true });
    const shareMs = Math.floor(this.timeoutMs / (this.endpoints + 1));
    const timer =
      this.endpoints > 1
        ? setTimeout(() => attempt.abort(tooLate('connecting', endpoint.shown, shareMs)), shareMs)
        : undefined;
    try {
      const opening = openLink({
        endpoint,
        signal: attempt.signal,
        codecs: this.#codecs,
        genesisHash: this.#genesisHash,
        pingIntervalMs: this.#pingIntervalMs,
        stallTimeoutMs: this.blockTimeoutMs,
        // Half of the time, so that it is the proxy that is named when the proxy is silent.
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
        throw unfit(endpoint.shown, `its best block ${link.heads.block} is ${behind} blocks behind`);
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

  /** Leaves a node whose best block stands still, unless every other one stood still there too. */
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
