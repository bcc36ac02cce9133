import { randomBytes } from 'node:crypto';
import type { ApiPromise } from '@polkadot/api';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Metagraph, Neuron } from '../schema/metagraph.ts';
import { type Logger, silentLogger } from '../shared/logger.ts';
import { unregistered } from './chain-metadata-store.ts';
import { commitHash } from './commit-hash.ts';
import { type NormalisedWeights, normaliseWeights, type WeightEntry } from './normalise-weights.ts';
import { ERA_BLOCKS, type Inclusion } from './submit.ts';
import type { Subtensor } from './subtensor.ts';
import { type RevealWindow, readWeightCommits } from './weight-commits.ts';
import type { HotkeySigner } from './wallet.ts';

/** A weight commit whose reveal is still owed. Plain JSON; it holds the salt, without which it cannot be revealed. */
export interface PendingReveal {
  /** The commit's hash: `0x` and 64 hex digits. */
  id: string;
  netuid: number;
  hotkey: string;
  uids: number[];
  values: number[];
  salt: number[];
  versionKey: number;
  /** Block before the commit was sent. */
  storedAtBlock: number;
}

/** Where pending reveals outlive the process. */
export interface PendingRevealStore {
  list(): Promise<PendingReveal[]>;
  /** Resolves once the reveal would survive a crash. */
  put(reveal: PendingReveal): Promise<void>;
  delete(id: string): Promise<void>;
}

export interface WeightSetterParameters {
  subtensor: Subtensor;
  netuid: number;
  hotkey: HotkeySigner;
  pendingReveals: PendingRevealStore;
  /** Sent when the subnet's own key is not higher. Default 0. */
  versionKey?: number;
  logger?: Logger;
}

/** How weights went to the chain. */
export interface WeightsReceipt extends NormalisedWeights {
  /** `set`: they count at once. `commit`: they count after {@link WeightSetter.reveal} has revealed them. */
  mode: 'set' | 'commit';
  block: number;
}

const SALT_LENGTH = 8;

/**
 * Sets a validator's weights, directly or by hash commit and reveal, as the subnet's hyperparameters demand.
 *
 * @example
 * const setter = new WeightSetter({ subtensor, netuid: 96, hotkey, pendingReveals: state.pendingReveals });
 * await setter.set([{ uid: 3, weight: 0.9 }, { uid: 5, weight: 0.1 }]);
 * await setter.reveal(); // from time to time, on subnets with commit-reveal
 */
export class WeightSetter {
  readonly #subtensor: Subtensor;
  readonly #netuid: number;
  readonly #hotkey: HotkeySigner;
  readonly #pending: PendingRevealStore;
  readonly #versionKey: number;
  readonly #logger: Logger;

  constructor({
    subtensor,
    netuid,
    hotkey,
    pendingReveals,
    versionKey = 0,
    logger = silentLogger,
  }: WeightSetterParameters) {
    this.#subtensor = subtensor;
    this.#netuid = netuid;
    this.#hotkey = hotkey;
    this.#pending = pendingReveals;
    this.#versionKey = versionKey;
    this.#logger = logger;
  }

  /**
   * Normalises the weights and sends them, waiting first for the weights rate limit where it has not passed.
   * @throws FlockOffError `unregistered`, `chain-rejected` (no permit, too few uids, or the runtime's own reason),
   *   `bad-argument` for weights that are negative or all zero.
   */
  async set(weights: WeightEntry[], { signal }: { signal?: AbortSignal } = {}): Promise<WeightsReceipt> {
    const metagraph = await this.#subtensor.metagraph(this.#netuid, signal);
    const neuron = this.#ownNeuron(metagraph);
    const normalised = fillUp(normaliseWeights(weights), metagraph);
    await this.#waitForRateLimit(metagraph, neuron, signal);
    const versionKey = Math.max(this.#versionKey, metagraph.hyperparameters.weightsVersionKey);
    const { block } = metagraph.hyperparameters.commitRevealEnabled
      ? await this.#commit(normalised, versionKey, signal)
      : await this.#setDirectly(normalised, versionKey, neuron, signal);
    return { mode: metagraph.hyperparameters.commitRevealEnabled ? 'commit' : 'set', block, ...normalised };
  }

  /**
   * Reveals every committed weight whose window is open, and forgets those whose window has passed or whose commit
   * never reached the chain. Call it every few blocks.
   * @returns the reveals made.
   */
  async reveal({ signal }: { signal?: AbortSignal } = {}): Promise<Inclusion[]> {
    const pending = (await this.#pending.list()).filter(
      ({ netuid, hotkey }) => netuid === this.#netuid && hotkey === this.#hotkey.address,
    );
    if (pending.length === 0) return [];
    const block = await this.#subtensor.currentBlock(signal);
    const commits = await this.#commitsOnChain(signal);
    const reveals: Inclusion[] = [];
    for (const reveal of pending) {
      const window = commits.get(reveal.id) ?? 'absent';
      if (window === 'early' || (window === 'absent' && block <= reveal.storedAtBlock + ERA_BLOCKS)) continue;
      if (window === 'open') {
        reveals.push(await this.#revealOne(reveal, signal));
      } else {
        const why = window === 'late' ? 'their window has passed' : 'the commit is not on the chain';
        this.#logger.warn(`weights committed after block ${reveal.storedAtBlock} are not revealed: ${why}`, { id: reveal.id });
      }
      await this.#pending.delete(reveal.id);
    }
    return reveals;
  }

  /** The weights a uid has set, as shares that sum to 1. */
  read(uid: number): Promise<WeightEntry[]> {
    return this.#subtensor.weights(this.#netuid, uid);
  }

  #ownNeuron({ neurons }: Metagraph): Neuron {
    const neuron = neurons.find(({ hotkey }) => hotkey === this.#hotkey.address);
    if (!neuron) throw unregistered(this.#hotkey.address, this.#netuid);
    if (neuron.validatorPermit) return neuron;
    throw new FlockOffError({
      code: 'chain-rejected',
      what: `uid ${neuron.uid} of subnet ${this.#netuid} has no validator permit, so it cannot set weights`,
      fix: "permits are given to the highest stakes at the subnet's next epoch: add stake, or wait for it",
      facts: { uid: neuron.uid, name: 'NeuronNoValidatorPermit' },
    });
  }

  async #waitForRateLimit(
    { block, hyperparameters }: Metagraph,
    { lastUpdateBlock }: Neuron,
    signal?: AbortSignal,
  ): Promise<void> {
    const allowed = lastUpdateBlock + hyperparameters.weightsRateLimitBlocks;
    if (lastUpdateBlock === 0 || block + 1 >= allowed) return;
    this.#logger.info(`the chain takes the next weights in block ${allowed}, ${allowed - block} to go`);
    await this.#subtensor.waitForBlock(allowed - 1, { signal });
  }

  #setDirectly(
    { uids, values }: NormalisedWeights,
    versionKey: number,
    neuron: Neuron,
    signal?: AbortSignal,
  ): Promise<Inclusion> {
    const landed = async () => {
      const now = this.#ownNeuron(await this.#subtensor.metagraph(this.#netuid, signal));
      return now.lastUpdateBlock > neuron.lastUpdateBlock ? { block: now.lastUpdateBlock, blockHash: '' } : null;
    };
    return this.#subtensor.submit({
      name: 'subtensorModule.setWeights',
      call: (api) => api.tx.subtensorModule!.setWeights!(this.#netuid, uids, values, versionKey),
      hotkey: this.#hotkey,
      landed,
      signal,
    });
  }

  async #commit({ uids, values }: NormalisedWeights, versionKey: number, signal?: AbortSignal): Promise<Inclusion> {
    const salt = Array.from({ length: SALT_LENGTH }, () => randomBytes(2).readUInt16LE());
    const id = await commitHash({
      publicKey: this.#hotkey.publicKey,
      netuid: this.#netuid,
      uids,
      values,
      salt,
      versionKey,
    });
    const storedAtBlock = await this.#subtensor.currentBlock(signal);
    await this.#pending.put({
      id,
      netuid: this.#netuid,
      hotkey: this.#hotkey.address,
      uids,
      values,
      salt,
      versionKey,
      storedAtBlock,
    });
    return this.#subtensor.submit({
      name: 'subtensorModule.commitWeights',
      call: (api) => api.tx.subtensorModule!.commitWeights!(this.#netuid, id),
      hotkey: this.#hotkey,
      landed: async () =>
        (await this.#commitsOnChain(signal)).has(id)
          ? { block: await this.#subtensor.currentBlock(signal), blockHash: '' }
          : null,
      signal,
    });
  }

  #revealOne({ id, uids, values, salt, versionKey }: PendingReveal, signal?: AbortSignal): Promise<Inclusion> {
    return this.#subtensor.submit({
      name: 'subtensorModule.revealWeights',
      call: (api) => api.tx.subtensorModule!.revealWeights!(this.#netuid, uids, values, salt, versionKey),
      hotkey: this.#hotkey,
      landed: async () =>
        (await this.#commitsOnChain(signal)).has(id)
          ? null
          : { block: await this.#subtensor.currentBlock(signal), blockHash: '' },
      signal,
    });
  }

  /** This hotkey's unrevealed commits by hash, and whether their reveal window is open for the next block. */
  #commitsOnChain(signal?: AbortSignal): Promise<Map<string, RevealWindow>> {
    const read = (api: ApiPromise) => readWeightCommits(api, this.#netuid, this.#hotkey.address);
    return this.#subtensor.read('reading weight commits', read, signal);
  }
}

/** Zero weights for as many more uids as the subnet demands at least: the chain counts entries, not their size. */
function fillUp({ uids, values }: NormalisedWeights, { neurons, hyperparameters }: Metagraph): NormalisedWeights {
  const missing = Math.min(hyperparameters.minAllowedWeights, neurons.length) - uids.length;
  const others = neurons.map(({ uid }) => uid).filter((uid) => !uids.includes(uid));
  const filler = others.slice(0, Math.max(0, missing));
  return { uids: [...uids, ...filler], values: [...values, ...filler.map(() => 0)] };
}
