import { FlockOffError, isCode } from '../errors/flock-off-error.ts';
import type { Commitment, Metagraph } from '../schema/metagraph.ts';
import { type Logger, silentLogger } from '../shared/logger.ts';
import { retry } from '../shared/retry.ts';
import { readCommitment, readCommitments } from './commitments.ts';
import { Connection, type Link } from './connection.ts';
import { type EpochPosition, epochPosition, epochReads } from './epoch-schedule.ts';
import { readMetagraph, readWeights } from './metagraph.ts';
import { type ResolveEndpointParameters, resolveEndpoint } from './networks.ts';
import { Snapshot, toNullable, toNumber } from './snapshot.ts';
import { type BuildCall, type Inclusion, readOutcome, sendAndWatch, signCall } from './submit.ts';
import type { HotkeySigner } from './wallet.ts';

export interface ConnectSubtensorParameters extends ResolveEndpointParameters {
  /** Deadline of every call. Default 30 s. */
  timeoutMs?: number;
  /** How long to wait for a block, or for a transaction to be in one, before the chain counts as stalled. Default 2 minutes. */
  blockTimeoutMs?: number;
  logger?: Logger;
  signal?: AbortSignal;
}

export interface SubtensorParameters {
  connection: Connection;
  blockTimeoutMs: number;
  logger: Logger;
}

export interface SubmitParameters {
  /** Name in errors and logs, such as "commitments.setCommitment". */
  name: string;
  call: BuildCall;
  hotkey: HotkeySigner;
  /**
   * Where the effect of the call is on the chain, `null` when it is not there. Asked when the node's answer was lost on
   * the way, so that nothing is sent twice.
   */
  landed: () => Promise<Inclusion | null>;
  signal?: AbortSignal;
}

const READ_ATTEMPTS = 3;
const SEND_ATTEMPTS = 4;
/** Blocks in which a transaction whose answer was lost is looked for. */
const LOOK_BLOCKS = 3;

/**
 * A Subtensor node, for reading a subnet and sending a hotkey's calls. Reads that a lost connection interrupts are tried
 * again on a new one. Every method throws FlockOffError `chain-unreachable` or `timeout` (both transient) rather than hang.
 */
export class Subtensor {
  /** The endpoint, without user name, password and query. */
  readonly url: string;
  readonly #connection: Connection;
  readonly #blockTimeoutMs: number;
  readonly #logger: Logger;

  constructor({ connection, blockTimeoutMs, logger }: SubtensorParameters) {
    this.url = connection.url;
    this.#connection = connection;
    this.#blockTimeoutMs = blockTimeoutMs;
    this.#logger = logger;
  }

  /** Round trips made so far. */
  get requests(): number {
    return this.#connection.requests;
  }

  /** Number of the best block. */
  currentBlock(signal?: AbortSignal): Promise<number> {
    return this.#use(
      'reading the current block',
      async (link) => blockOf(await link.socket.request('chain_getHeader')),
      signal,
    );
  }

  /**
   * Resolves with the current block once it is at least `block`.
   * @throws FlockOffError `timeout` when no block arrives for too long.
   */
  async waitForBlock(block: number, { signal }: { signal?: AbortSignal } = {}): Promise<number> {
    let current = await this.currentBlock(signal);
    while (current < block) current = await this.#nextBlock(current, signal);
    return current;
  }

  /**
   * A subnet at the current block.
   * @throws FlockOffError `bad-argument` when there is no such subnet.
   */
  metagraph(netuid: number, signal?: AbortSignal): Promise<Metagraph> {
    return this.read('reading the metagraph', (snapshot) => readMetagraph(snapshot, netuid), signal);
  }

  /**
   * A subnet and all its commitments by hotkey, as of one block and in the two round trips that each would take alone.
   * @throws FlockOffError `bad-argument` when there is no such subnet.
   */
  subnet(
    netuid: number,
    signal?: AbortSignal,
  ): Promise<{ metagraph: Metagraph; commitments: Map<string, Commitment> }> {
    const read = async (snapshot: Snapshot) => {
      const [metagraph, commitments] = await Promise.all([
        readMetagraph(snapshot, netuid),
        readCommitments(snapshot, netuid),
      ]);
      return { metagraph, commitments };
    };
    return this.read('reading the subnet', read, signal);
  }

  /** Where a subnet stands in its epochs, at the current block: the cheap part of a metagraph, in one round trip. */
  epoch(netuid: number, signal?: AbortSignal): Promise<EpochPosition> {
    const read = async (snapshot: Snapshot) => epochPosition(netuid, await snapshot.read(epochReads(snapshot, netuid)));
    return this.read("reading the subnet's epoch", read, signal);
  }

  /** All commitments of a subnet by hotkey, in one map read. */
  commitments(netuid: number, signal?: AbortSignal): Promise<Map<string, Commitment>> {
    return this.read('reading the commitments', (snapshot) => readCommitments(snapshot, netuid), signal);
  }

  /** One hotkey's commitment, `null` when there is none. */
  commitment(netuid: number, hotkey: string, signal?: AbortSignal): Promise<Commitment | null> {
    return this.read('reading a commitment', (snapshot) => readCommitment(snapshot, netuid, hotkey), signal);
  }

  /** The uid of a hotkey on a subnet, `null` when it is not registered. */
  uid(netuid: number, hotkey: string, signal?: AbortSignal): Promise<number | null> {
    const read = async (snapshot: Snapshot) => {
      const uid = toNullable(await snapshot.get('subtensorModule.uids', netuid, hotkey));
      return uid && toNumber(uid);
    };
    return this.read('looking up the hotkey', read, signal);
  }

  /** Whether a hotkey has a uid on a subnet. */
  async isRegistered(netuid: number, hotkey: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.uid(netuid, hotkey, signal)) !== null;
  }

  /** The weights a uid has set, as shares that sum to 1; empty when it has set none. */
  weights(netuid: number, uid: number, signal?: AbortSignal): Promise<{ uid: number; weight: number }[]> {
    return this.read('reading weights', (snapshot) => readWeights(snapshot, netuid, uid), signal);
  }

  /** Any other read at the best block, with the same deadline and retries; `what` names it in errors. */
  read<T>(what: string, use: (snapshot: Snapshot) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#use(what, async (link) => use(await Snapshot.latest(link)), signal);
  }

  /**
   * Sends a call and waits until it is in a block. When the node's answer is lost after sending, the chain itself is
   * asked for a few blocks whether the call took effect; it is never sent twice blindly.
   * @throws FlockOffError `chain-rejected` with the error's name in `facts.name`; `chain-unreachable` or `timeout` when
   *   it is not known whether the call took effect.
   */
  submit({ name, call, hotkey, landed, signal }: SubmitParameters): Promise<Inclusion> {
    const send = async () => {
      const transaction = await this.#use(`signing ${name}`, (link) => signCall(link, call, hotkey), signal);
      try {
        const blockHash = await this.#connection.use(name, (link) => sendAndWatch(link, name, transaction), {
          signal,
          timeoutMs: this.#blockTimeoutMs,
        });
        return await this.#use(name, (link) => readOutcome(link, name, transaction, blockHash), signal);
      } catch (error) {
        if (!isCode(error, 'chain-unreachable', 'timeout')) throw error;
        this.#logger.warn(`${name}: the answer was lost, looking for its effect on the chain`);
        const inclusion = await this.#find(landed, signal);
        if (inclusion) return inclusion;
        throw error;
      }
    };
    return retry(send, {
      attempts: SEND_ATTEMPTS,
      baseDelayMs: 250,
      maxDelayMs: 2_000,
      isTransient: (error) => error instanceof FlockOffError && error.facts.usedNonce === true,
      signal,
    });
  }

  /** Closes the connection; the process can exit. */
  async close(): Promise<void> {
    this.#connection.close();
  }

  async #find(landed: SubmitParameters['landed'], signal?: AbortSignal): Promise<Inclusion | null> {
    let block = await this.currentBlock(signal);
    for (const last = block + LOOK_BLOCKS; ; ) {
      const inclusion = await landed();
      if (inclusion || block >= last) return inclusion;
      block = await this.#nextBlock(block, signal);
    }
  }

  #use<T>(what: string, run: (link: Link) => Promise<T>, signal?: AbortSignal, timeoutMs?: number): Promise<T> {
    return retry(() => this.#connection.use(what, run, { signal, timeoutMs }), {
      attempts: READ_ATTEMPTS,
      baseDelayMs: 250,
      maxDelayMs: 2_000,
      isTransient: (error) => isCode(error, 'chain-unreachable') && (error as FlockOffError).transient,
      onRetry: (error) => this.#logger.debug(`${what} is tried again`, { error: String(error) }),
      signal,
    });
  }

  /** The first block after `last`: a watch on block arrival, so a chain that stands still is noticed. */
  #nextBlock(last: number, signal?: AbortSignal): Promise<number> {
    const heads = { method: 'chain_subscribeNewHeads', unsubscribe: 'chain_unsubscribeNewHeads' };
    const watch = ({ socket }: Link) =>
      socket.firstNotice(heads, (head: { number: string }) => (blockOf(head) > last ? blockOf(head) : undefined));
    return this.#use(`waiting for the block after ${last}`, watch, signal, this.#blockTimeoutMs);
  }
}

function blockOf({ number }: { number: string }): number {
  return Number(number);
}

/**
 * Connects to a Subtensor node: an explicit endpoint wins over a network name (finney, test, archive, local, or a URL).
 * @throws FlockOffError `chain-unreachable` or `timeout` when nobody answers within the deadline.
 * @example
 * const subtensor = await connectSubtensor({ network: 'finney' });
 * const { neurons } = await subtensor.metagraph(96);
 * await subtensor.close();
 */
export async function connectSubtensor(parameters: ConnectSubtensorParameters = {}): Promise<Subtensor> {
  const { timeoutMs = 30_000, blockTimeoutMs = 120_000, logger = silentLogger, signal } = parameters;
  const connection = new Connection({ url: resolveEndpoint(parameters), timeoutMs });
  try {
    await connection.use('connecting', async () => {}, { signal });
  } catch (error) {
    connection.close();
    throw error;
  }
  return new Subtensor({ connection, blockTimeoutMs, logger });
}
