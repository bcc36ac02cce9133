import type { ApiPromise } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import { FlockOffError, isCode } from '../errors/flock-off-error.ts';
import type { Commitment, Metagraph } from '../schema/metagraph.ts';
import { type Logger, silentLogger } from '../shared/logger.ts';
import { retry } from '../shared/retry.ts';
import { readCommitment, readCommitments } from './commitments.ts';
import { Connection } from './connection.ts';
import { readMetagraph, readWeights } from './metagraph.ts';
import { type ResolveEndpointParameters, resolveEndpoint } from './networks.ts';
import { type Inclusion, submitAndWatch } from './submit.ts';
import type { HotkeySigner } from './wallet.ts';

export interface ConnectSubtensorParameters extends ResolveEndpointParameters {
  /** Deadline of every call. Default 30 s. */
  timeoutMs?: number;
  /** How long to wait for a new block before the chain counts as stalled. Default 2 minutes. */
  blockTimeoutMs?: number;
  logger?: Logger;
  signal?: AbortSignal;
}

export interface SubmitParameters {
  /** Name in errors and logs, such as "commitments.setCommitment". */
  name: string;
  call: (api: ApiPromise) => SubmittableExtrinsic<'promise'>;
  hotkey: HotkeySigner;
  /**
   * Whether the effect of the call is on the chain, and since which block. Asked when the answer was lost on the way,
   * so that nothing is sent twice.
   */
  landed: () => Promise<Inclusion | null>;
  signal?: AbortSignal;
}

const READ_ATTEMPTS = 3;
const STALE_ATTEMPTS = 3;

/**
 * A Subtensor node, for reading a subnet and sending a hotkey's calls. Reads that a lost connection interrupts are tried
 * again on a new one. Every method throws FlockOffError `chain-unreachable` or `timeout` (both transient) rather than hang.
 */
export class Subtensor {
  readonly url: string;
  readonly #connection: Connection;
  readonly #blockTimeoutMs: number;
  readonly #logger: Logger;

  constructor({
    url,
    connection,
    blockTimeoutMs,
    logger,
  }: { url: string; connection: Connection; blockTimeoutMs: number; logger: Logger }) {
    this.url = url;
    this.#connection = connection;
    this.#blockTimeoutMs = blockTimeoutMs;
    this.#logger = logger;
  }

  /** Number of the best block. */
  currentBlock(signal?: AbortSignal): Promise<number> {
    return this.read(
      'reading the current block',
      async (api) => (await api.rpc.chain.getHeader()).number.toNumber(),
      signal,
    );
  }

  /** Resolves with the current block once it is at least `block`. @throws when no block arrives for too long. */
  async waitForBlock(block: number, { signal }: { signal?: AbortSignal } = {}): Promise<number> {
    let current = await this.currentBlock(signal);
    while (current < block) current = await this.#nextBlock(current, signal);
    return current;
  }

  /** A subnet at the current block. */
  metagraph(netuid: number, signal?: AbortSignal): Promise<Metagraph> {
    return this.read('reading the metagraph', (api) => readMetagraph(api, netuid), signal);
  }

  /** All commitments of a subnet by hotkey, in one map read. */
  commitments(netuid: number, signal?: AbortSignal): Promise<Map<string, Commitment>> {
    return this.read('reading the commitments', (api) => readCommitments(api, netuid), signal);
  }

  /** One hotkey's commitment, `null` when there is none. */
  commitment(netuid: number, hotkey: string, signal?: AbortSignal): Promise<Commitment | null> {
    return this.read('reading a commitment', (api) => readCommitment(api, netuid, hotkey), signal);
  }

  /** The uid of a hotkey on a subnet, `null` when it is not registered. */
  uid(netuid: number, hotkey: string, signal?: AbortSignal): Promise<number | null> {
    const read = async (api: ApiPromise) =>
      (await api.query.subtensorModule!.uids!(netuid, hotkey)).toJSON() as number | null;
    return this.read('looking up the hotkey', read, signal);
  }

  /** The weights a uid has set, as shares that sum to 1; empty when it has set none. */
  weights(netuid: number, uid: number, signal?: AbortSignal): Promise<{ uid: number; weight: number }[]> {
    return this.read('reading weights', (api) => readWeights(api, netuid, uid), signal);
  }

  /** Any other read, with the same deadline and retries; `what` names it in errors. */
  read<T>(what: string, use: (api: ApiPromise) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return retry(() => this.#connection.use(what, use, { signal }), {
      attempts: READ_ATTEMPTS,
      baseDelayMs: 250,
      maxDelayMs: 2_000,
      isTransient: (error) => isCode(error, 'chain-unreachable') && (error as FlockOffError).transient,
      onRetry: (error) => this.#logger.debug(`${what} is tried again`, { error: String(error) }),
      signal,
    });
  }

  /**
   * Sends a call and waits until it is in a block. When the connection is lost or silent after sending, the chain itself
   * is asked whether the call took effect; it is never sent twice blindly.
   * @throws FlockOffError `chain-rejected` with the error's name in `facts.name`.
   */
  submit({ name, call, hotkey, landed, signal }: SubmitParameters): Promise<Inclusion> {
    const send = async () => {
      try {
        return await this.#connection.use(name, (api) => submitAndWatch(api, name, call(api), hotkey), {
          signal,
          timeoutMs: this.#blockTimeoutMs,
        });
      } catch (error) {
        if (!isCode(error, 'chain-unreachable', 'timeout')) throw error;
        const inclusion = await landed();
        if (inclusion) return inclusion;
        throw error;
      }
    };
    return retry(send, {
      attempts: STALE_ATTEMPTS,
      baseDelayMs: 500,
      maxDelayMs: 5_000,
      isTransient: (error) => error instanceof FlockOffError && error.facts.stale === true,
      signal,
    });
  }

  /** Closes the connection; the process can exit. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** The first block after `last`: a watch on block arrival, so a chain that stands still is noticed. */
  #nextBlock(last: number, signal?: AbortSignal): Promise<number> {
    const watch = async (api: ApiPromise) => {
      let unsubscribe = () => {};
      try {
        return await new Promise<number>((resolve, reject) => {
          api.rpc.chain
            .subscribeNewHeads(({ number }) => {
              if (number.toNumber() > last) resolve(number.toNumber());
            })
            .then((stop) => {
              unsubscribe = stop;
            }, reject);
        });
      } finally {
        unsubscribe();
      }
    };
    return this.#connection.use(`waiting for the block after ${last}`, watch, {
      signal,
      timeoutMs: this.#blockTimeoutMs,
    });
  }
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
  const url = resolveEndpoint(parameters);
  const connection = new Connection({ url, timeoutMs });
  const subtensor = new Subtensor({ url, connection, blockTimeoutMs, logger });
  try {
    await connection.use('connecting', async () => {}, { signal });
    return subtensor;
  } catch (error) {
    await connection.close();
    throw error;
  }
}
