import type { Agent } from 'node:http';
import { isCode } from '../errors/flock-off-error.ts';
import type { Commitment, Metagraph } from '../schema/metagraph.ts';
import type { SubnetIdentity } from '../schema/subnet-identity.ts';
import type { Clock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { type ProxyOption, proxySettings } from '../shared/proxy.ts';
import { isTransientError, retry } from '../shared/retry.ts';
import { timed } from '../shared/timed.ts';
import { type OutageWait, waitUntilAvailable } from '../shared/wait-until-available.ts';
import type { Chain, ReadParameters, SubnetParameters, WaitForBlockParameters } from './chain.ts';
import { Connection, type Link } from './node/connection.ts';
import { type ResolveEndpointsParameters, resolveEndpoints } from './node/networks.ts';
import { NodeSnapshot, type Snapshot, toNumber } from './node/snapshot.ts';
import { readCommitment, readCommitments } from './subnet/commitments.ts';
import { type EpochPosition, epochPosition, epochReads } from './subnet/epoch-schedule.ts';
import { readMetagraph, readWeights } from './subnet/metagraph.ts';
import { readIdentity, readSubnet, readUid, type Subnet } from './subnet/subnet.ts';
import { type Certainty, type Inclusion, type SubmitParameters, Submitter } from './transaction/submit.ts';

export type { SubmitParameters } from './transaction/submit.ts';

export interface SubtensorParameters extends ResolveEndpointsParameters {
  /** Deadline of every call. Default 30 s. A read that one endpoint does not answer is made at the next. */
  timeoutMs?: number;
  /**
   * How long to wait for a block, or for a transaction to be in one, before the chain counts as stalled; with several
   * endpoints, there is a failover to the next when one's best block stands still for so long. Default 2 minutes.
   */
  blockTimeoutMs?: number;
  /** How often a socket is pinged; a silent one is given up within twice this time. Default 15 s. */
  pingIntervalMs?: number;
  /**
   * Largest difference between the timestamp of a node's best block and this machine's clock. A node further behind is syncing:
   * nothing is read from it, nothing is sent through it, and the next endpoint is tried. Default 10 minutes; Infinity for
   * a development chain that keeps its own time.
   */
  maxClockDifferenceMs?: number;
  /** This machine's clock. */
  clock?: Clock;
  /**
   * Whether a chain that cannot be reached at the start is waited for, as long as that lasts. Default false: the first
   * failure is thrown. Permanent failures (an unknown host, a refused access key) are thrown in any case.
   */
  wait?: boolean;
  /** Called before each new attempt, with what the last one failed with. */
  onWait?: (wait: OutageWait) => void;
  /** What sending a call waits for: a block, or a final block. Default `in-block`. */
  until?: Certainty;
  /** Proxy to every endpoint; `false` for none. Default: what HTTPS_PROXY (wss), HTTP_PROXY (ws), ALL_PROXY and NO_PROXY say. */
  proxy?: ProxyOption;
  /** An agent of node:http that opens the sockets, in place of `proxy`. */
  agent?: Agent;
  logger?: Logger;
  signal?: AbortSignal;
}

export interface HotkeyParameters extends SubnetParameters {
  /** ss58 address. */
  hotkey: string;
}

export interface UidParameters extends SubnetParameters {
  uid: number;
}

const READ_ATTEMPTS = 3;

/**
 * A Subtensor node, for reading a subnet and sending a hotkey's calls. Reads that a lost connection interrupts are tried
 * again on a new one. Every method throws FlockOffError `chain-unreachable` or `timeout` (both transient) rather than hang.
 *
 * @example
 * const subtensor = await Subtensor.open({ network: 'finney' });
 * const { neurons } = await subtensor.metagraph({ netuid });
 * await subtensor.close();
 */
export class Subtensor implements Chain {
  readonly #connection: Connection;
  readonly #submitter: Submitter;
  readonly #logger: Logger;

  /** @internal */
  constructor({
    connection,
    until = 'in-block',
    logger,
  }: { connection: Connection; until?: Certainty; logger: Logger }) {
    this.#connection = connection;
    this.#logger = logger;
    this.#submitter = new Submitter({
      use: (what, run, signal) => this.#use(what, run, signal),
      useOnce: (what, run, signal) => connection.use(what, run, { signal, timeoutMs: connection.blockTimeoutMs }),
      nextBlock: (last, signal) => this.#nextBlock(last, signal),
      until,
      logger,
    });
  }

  /**
   * Connects to a Subtensor node: explicit endpoints win over a network name (finney, test, archive, latent-lite, local,
   * or a URL). Of several endpoints the first that is fit is used, and the next when that one fails.
   * @throws FlockOffError `chain-unreachable` or `timeout` when nobody answers within the deadline; `chain-unreachable`,
   *   too, when every node is further from this machine's clock than accepted; `bad-argument` for an address, of a node or
   *   a proxy, that is none.
   */
  static async open(parameters: SubtensorParameters = {}): Promise<Subtensor> {
    const { timeoutMs = 30_000, blockTimeoutMs, pingIntervalMs, until, signal } = parameters;
    const { maxClockDifferenceMs, clock, wait = false, onWait, agent, proxy } = parameters;
    const logger = safeLogger(parameters.logger);
    const target = resolveEndpoints(parameters);
    const proxyFor = agent ? null : proxySettings(proxy);
    for (const url of target.urls) proxyFor?.(url);
    const connection = new Connection({
      ...target,
      ...{ timeoutMs, blockTimeoutMs, pingIntervalMs, logger },
      ...{ maxClockDifferenceMs, clock, proxyFor, agent },
    });
    const attempt = () => connection.use('connecting', async () => {}, { signal });
    try {
      await (wait ? waitUntilAvailable({ attempt, onWait, signal, clock }) : attempt());
    } catch (error) {
      connection.close();
      throw error;
    }
    return new Subtensor({ connection, until, logger });
  }

  /** The endpoint in use: scheme, host and port, without what may be a password or a key. */
  get url(): string {
    return this.#connection.url;
  }

  /** Round trips made so far. */
  get requests(): number {
    return this.#connection.requests;
  }

  /** Number of the best block. */
  currentBlock({ signal }: { signal?: AbortSignal } = {}): Promise<number> {
    const read = async (snapshot: Snapshot) => toNumber(await snapshot.get('system.number'));
    return this.read({ what: 'reading the current block', use: read, signal });
  }

  /**
   * Resolves with the current block once it is at least `block`.
   * @throws FlockOffError `timeout` when no block arrives for too long.
   */
  async waitForBlock({ block, signal }: WaitForBlockParameters): Promise<number> {
    let current = await this.#use('waiting for a block', async ({ heads }) => heads.block, signal);
    if (current >= block) return current;
    return timed(this.#logger, `waiting in block ${current} for block ${block}`, async () => {
      while (current < block) current = await this.#nextBlock(current, signal);
      return current;
    });
  }

  /**
   * A subnet at the current block.
   * @throws FlockOffError `bad-argument` when there is no such subnet.
   */
  metagraph({ netuid, signal }: SubnetParameters): Promise<Metagraph> {
    return this.read({ what: 'reading the metagraph', use: (snapshot) => readMetagraph(snapshot, netuid), signal });
  }

  /**
   * A subnet and all its commitments by hotkey, as of one block and in the two round trips that each would take alone.
   * @throws FlockOffError `bad-argument` when there is no such subnet.
   */
  subnet({ netuid, signal }: SubnetParameters): Promise<Subnet> {
    return this.read({ what: 'reading the subnet', use: (snapshot) => readSubnet(snapshot, netuid), signal });
  }

  /**
   * Whose subnet the number names now: to be shown, and compared with what is meant, before anything is written.
   * @throws FlockOffError `bad-argument` when there is no such subnet.
   */
  subnetIdentity({ netuid, signal }: SubnetParameters): Promise<SubnetIdentity> {
    return this.read({ what: 'reading whose subnet it is', use: (snapshot) => readIdentity(snapshot, netuid), signal });
  }

  /** Where a subnet stands in its epochs, at the current block: the cheap part of a metagraph, in one round trip. */
  epoch({ netuid, signal }: SubnetParameters): Promise<EpochPosition> {
    const read = async (snapshot: Snapshot) => epochPosition(netuid, await snapshot.read(epochReads(snapshot, netuid)));
    return this.read({ what: "reading the subnet's epoch", use: read, signal });
  }

  /** All commitments of a subnet by hotkey, in one map read. */
  commitments({ netuid, signal }: SubnetParameters): Promise<Map<string, Commitment>> {
    return this.read({ what: 'reading the commitments', use: (snapshot) => readCommitments(snapshot, netuid), signal });
  }

  /** One hotkey's commitment, `null` when there is none. */
  commitment({ netuid, hotkey, signal }: HotkeyParameters): Promise<Commitment | null> {
    return this.read({
      what: 'reading a commitment',
      use: (snapshot) => readCommitment(snapshot, netuid, hotkey),
      signal,
    });
  }

  /** The uid of a hotkey on a subnet, `null` when it is not registered. */
  uid({ netuid, hotkey, signal }: HotkeyParameters): Promise<number | null> {
    return this.read({ what: 'looking up the hotkey', use: (snapshot) => readUid(snapshot, netuid, hotkey), signal });
  }

  /** Whether a hotkey has a uid on a subnet. */
  async isRegistered({ netuid, hotkey, signal }: HotkeyParameters): Promise<boolean> {
    return (await this.uid({ netuid, hotkey, signal })) !== null;
  }

  /** The weights a uid has set, as shares that sum to 1; empty when it has set none. */
  weights({ netuid, uid, signal }: UidParameters): Promise<{ uid: number; weight: number }[]> {
    return this.read({ what: 'reading weights', use: (snapshot) => readWeights(snapshot, netuid, uid), signal });
  }

  /**
   * Any other read at the best block, with the same deadline and retries. What `use` throws of its own is the `cause` of a
   * FlockOffError.
   */
  read<T>({ what, use, signal }: ReadParameters<T>): Promise<T> {
    return this.#use(what, (link) => use(new NodeSnapshot(link)), signal);
  }

  /**
   * Sends a call and waits until it is in a block, or in a final one. When the node's answer is lost after sending, the
   * blocks themselves are looked through; what is sent again is the same bytes, which land at most once, and what is
   * signed again can land no other way. Calls sent at the same time by one hotkey get nonces one after the other.
   * @throws FlockOffError `chain-rejected` with the error's name in `facts.name`; `chain-unreachable` or `timeout` when
   *   it is not known whether the call took effect.
   */
  submit(parameters: SubmitParameters): Promise<Inclusion> {
    return this.#submitter.submit(parameters);
  }

  /** Closes the connection; the process can exit. */
  async close(): Promise<void> {
    this.#connection.close();
  }

  #use<T>(
    what: string,
    run: (link: Link) => Promise<T>,
    signal?: AbortSignal,
    deadline: { timeoutMs?: number; missing?: string } = {},
  ): Promise<T> {
    const { endpoints } = this.#connection;
    // A timeout is retried only where there is another endpoint to fail over to.
    const canFailOver = (error: unknown) => isCode(error, 'timeout') && endpoints > 1;
    const level = what.startsWith('waiting for') ? 'trace' : 'debug';
    return retry(
      () => timed(this.#logger, what, () => this.#connection.use(what, run, { signal, ...deadline }), level),
      {
        attempts: Math.max(READ_ATTEMPTS, endpoints),
        baseDelayMs: 250,
        maxDelayMs: 2_000,
        isTransient: (error) => (isCode(error, 'chain-unreachable') && isTransientError(error)) || canFailOver(error),
        onRetry: (error) => this.#logger.debug(`${what} is tried again`, { error: String(error) }),
        signal,
      },
    );
  }

  /** The first block after `last`: a watch on block arrival, so a chain that stands still is noticed. */
  #nextBlock(last: number, signal?: AbortSignal): Promise<number> {
    const what = `waiting for the block after ${last}`;
    const deadline = { timeoutMs: this.#connection.blockTimeoutMs, missing: 'no new block' };
    return this.#use(what, ({ heads }) => heads.after(last), signal, deadline);
  }
}
