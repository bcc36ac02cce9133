import { randomBytes } from 'node:crypto';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Metagraph, Neuron } from '../schema/metagraph.ts';
import { type Logger, silentLogger } from '../shared/logger.ts';
import { unregistered } from './chain-metadata-store.ts';
import { commitHash } from './commit-hash.ts';
import { type NormalisedWeights, normaliseWeights, type WeightEntry } from './normalise-weights.ts';
import type { PendingReveal, PendingRevealStore } from './pending-reveals.ts';
import { ERA_BLOCKS, type Inclusion } from './submit.ts';
import type { Subtensor } from './subtensor.ts';
import type { HotkeySigner } from './wallet.ts';
import { readWeightCommits } from './weight-commits.ts';

export type { PendingReveal, PendingRevealStore } from './pending-reveals.ts';

export interface WeightSetterParameters {
  subtensor: Subtensor;
  netuid: number;
  hotkey: HotkeySigner;
  pendingReveals: PendingRevealStore;
  /** Sent when the subnet's own key is not higher. Default 0. */
  versionKey?: number;
  logger?: Logger;
}

export interface SetWeightsParameters {
  signal?: AbortSignal;
  /** Called when the chain will take the weights only from a later block on, with that block. */
  onWait?: (wait: { block: number; blocksLeft: number }) => void;
}

/** How weights went to the chain. */
export interface WeightsReceipt extends NormalisedWeights {
  /** `set`: they count at once. `commit`: they count after {@link WeightSetter.reveal} has revealed them. */
  mode: 'set' | 'commit';
  /** Block that holds the call. */
  block: number;
  /** First and last block for the reveal; only with `commit`. */
  revealFromBlock?: number;
  revealUntilBlock?: number;
}

/** What {@link WeightSetter.reveal} did. */
export interface RevealReport {
  /** Revealed now, by commit hash. */
  revealed: { id: string; block: number }[];
  /** Given up, and why: the window has passed, or the commit is not on the chain. */
  dropped: { id: string; why: string }[];
  /** First block in which one of the others may be revealed; `null` when none is left, or it is not known yet. */
  nextRevealBlock: number | null;
}

const SALT_LENGTH = 8;
/** Errors after which a commit can never be revealed. */
const LOST_COMMIT = [
  'ExpiredWeightCommit',
  'NoWeightsCommitFound',
  'InvalidRevealCommitHashNotMatch',
  'CommitNotFound',
];
/** Errors that the next attempt, a few blocks later, will not meet. */
const TOO_EARLY = ['RevealTooEarly', 'CommitBlockNotInRevealRange'];

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

  constructor(parameters: WeightSetterParameters) {
    this.#subtensor = parameters.subtensor;
    this.#netuid = parameters.netuid;
    this.#hotkey = parameters.hotkey;
    this.#pending = parameters.pendingReveals;
    this.#versionKey = parameters.versionKey ?? 0;
    this.#logger = parameters.logger ?? silentLogger;
  }

  /**
   * Resolves when the hotkey may set weights now: to be asked before a long evaluation.
   * @throws FlockOffError `unregistered`; `chain-rejected` without a validator permit.
   */
  async requirePermit({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    const metagraph = await this.#subtensor.metagraph(this.#netuid, signal);
    this.#requirePermit(this.#ownNeuron(metagraph), metagraph);
  }

  /**
   * Normalises the weights and sends them, waiting first for the weights rate limit where it has not passed. Where the
   * subnet demands more entries than there are positive weights, uids of weight 0 fill up. An empty list takes back what
   * was set before: all weight goes to the validator's own uid, where the chain does not count it.
   * @throws FlockOffError `unregistered`; `chain-rejected` (no permit, or the runtime's own reason);
   *   `bad-argument` for weights that are negative, all zero, or of uids the subnet does not have.
   */
  async set(weights: WeightEntry[], { signal, onWait }: SetWeightsParameters = {}): Promise<WeightsReceipt> {
    const before = await this.#subtensor.metagraph(this.#netuid, signal);
    this.#normalise(weights, before);
    this.#requirePermit(this.#ownNeuron(before), before);
    const waited = await this.#waitForRateLimit(before, { signal, onWait });
    const metagraph = waited ? await this.#subtensor.metagraph(this.#netuid, signal) : before;
    const neuron = this.#ownNeuron(metagraph);
    const normalised = this.#normalise(weights, metagraph);
    const versionKey = Math.max(this.#versionKey, metagraph.hyperparameters.weightsVersionKey);
    if (metagraph.hyperparameters.commitRevealEnabled) return this.#commit(normalised, versionKey, signal);
    const { block } = await this.#setDirectly(normalised, versionKey, neuron, signal);
    return { mode: 'set', block, ...normalised };
  }

  /**
   * Reveals every committed weight whose window is open, and drops those whose window has passed or whose commit never
   * reached the chain. Call it every few blocks, also after a restart.
   * @throws FlockOffError `chain-rejected` when the chain refuses a reveal for a reason that may pass; it stays pending.
   */
  async reveal({ signal }: { signal?: AbortSignal } = {}): Promise<RevealReport> {
    const report: RevealReport = { revealed: [], dropped: [], nextRevealBlock: null };
    const pending = (await this.#pending.list())
      .filter(({ netuid, hotkey }) => netuid === this.#netuid && hotkey === this.#hotkey.address)
      .sort((a, b) => a.storedAtBlock - b.storedAtBlock);
    if (pending.length === 0) return report;

    const { block, commits } = await this.#readCommits(signal);
    const failures: unknown[] = [];
    for (const reveal of pending) {
      const commit = commits.get(reveal.id);
      const mayStillLand = block <= reveal.storedAtBlock + ERA_BLOCKS;
      if (commit?.window === 'early') {
        report.nextRevealBlock = Math.min(commit.revealFromBlock, report.nextRevealBlock ?? Number.POSITIVE_INFINITY);
      } else if (commit?.window === 'open') {
        // One that fails must not keep the others from their window.
        await this.#revealOne(reveal, report, signal).catch((error: unknown) => failures.push(error));
      } else if (commit) {
        await this.#drop(reveal, report, `their window ended with block ${commit.revealUntilBlock}`);
      } else if (!mayStillLand) {
        await this.#drop(reveal, report, 'the chain does not have the commit (never arrived, or revealed already)');
      }
    }
    if (failures.length > 0) throw failures[0];
    return report;
  }

  /** The weights a uid has set, as shares that sum to 1; empty when it has set none. */
  read(uid: number, { signal }: { signal?: AbortSignal } = {}): Promise<WeightEntry[]> {
    return this.#subtensor.weights(this.#netuid, uid, signal);
  }

  #ownNeuron({ neurons }: Metagraph): Neuron {
    const neuron = neurons.find(({ hotkey }) => hotkey === this.#hotkey.address);
    if (neuron) return neuron;
    throw unregistered(this.#hotkey.address, this.#netuid);
  }

  #normalise(weights: WeightEntry[], metagraph: Metagraph): NormalisedWeights {
    const { neurons, hyperparameters } = metagraph;
    const still = weights.filter(({ uid, hotkey }) => hotkey === undefined || neurons[uid]?.hotkey === hotkey);
    const meant = still.length > 0 ? still : [{ uid: this.#ownNeuron(metagraph).uid, weight: 1 }];
    const { uids, values } = normaliseWeights(meant);
    const unknown = uids.find((uid) => uid >= neurons.length);
    if (uids.length === 0 || unknown !== undefined) {
      throw new FlockOffError({
        code: 'bad-argument',
        what:
          unknown === undefined
            ? 'there is no weight to set: expected at least one above 0'
            : `subnet ${this.#netuid} has uids 0 to ${neurons.length - 1}, saw a weight for uid ${unknown}`,
        fix: 'take the uids from a fresh metagraph',
        facts: { netuid: this.#netuid, neurons: neurons.length, uid: unknown },
      });
    }
    // The chain counts entries, not their size.
    const least = Math.min(hyperparameters.minAllowedWeights, neurons.length);
    const others = neurons.map(({ uid }) => uid).filter((uid) => !uids.includes(uid));
    const filler = others.slice(0, Math.max(0, least - uids.length));
    return { uids: [...uids, ...filler], values: [...values, ...filler.map(() => 0)] };
  }

  #requirePermit(neuron: Neuron, { block, nextEpochBlock }: Metagraph): void {
    if (neuron.validatorPermit) return;
    throw new FlockOffError({
      code: 'chain-rejected',
      what: `uid ${neuron.uid} of subnet ${this.#netuid} has no validator permit, so it cannot set weights`,
      fix: `permits go to the highest stakes at the subnet's next epoch, in block ${nextEpochBlock} (now ${block}): add stake, or wait for it`,
      facts: { section: 'subtensorModule', name: 'NeuronNoValidatorPermit', uid: neuron.uid, nextEpochBlock },
    });
  }

  /** True when it had to wait. */
  async #waitForRateLimit(metagraph: Metagraph, { signal, onWait }: SetWeightsParameters): Promise<boolean> {
    const { block: current, hyperparameters } = metagraph;
    const { lastUpdateBlock } = this.#ownNeuron(metagraph);
    const block = lastUpdateBlock + hyperparameters.weightsRateLimitBlocks;
    if (lastUpdateBlock === 0 || block <= current + 1) return false;
    this.#logger.info(`the chain takes the next weights in block ${block}, ${block - current} to go`);
    onWait?.({ block, blocksLeft: block - current });
    await this.#subtensor.waitForBlock(block - 1, { signal });
    return true;
  }

  #setDirectly(
    { uids, values }: NormalisedWeights,
    versionKey: number,
    before: Neuron,
    signal?: AbortSignal,
  ): Promise<Inclusion> {
    const landed = async () => {
      const now = this.#ownNeuron(await this.#subtensor.metagraph(this.#netuid, signal));
      return now.lastUpdateBlock > before.lastUpdateBlock ? { block: now.lastUpdateBlock, blockHash: null } : null;
    };
    return this.#subtensor.submit({
      name: 'subtensorModule.setWeights',
      call: (tx) => tx.subtensorModule!.setWeights!(this.#netuid, uids, values, versionKey),
      hotkey: this.#hotkey,
      landed,
      signal,
    });
  }

  async #commit(normalised: NormalisedWeights, versionKey: number, signal?: AbortSignal): Promise<WeightsReceipt> {
    const { uids, values } = normalised;
    const netuid = this.#netuid;
    const salt = Array.from({ length: SALT_LENGTH }, () => randomBytes(2).readUInt16LE());
    const id = await commitHash({ publicKey: this.#hotkey.publicKey, netuid, uids, values, salt, versionKey });
    const storedAtBlock = await this.#subtensor.currentBlock(signal);
    const hotkey = this.#hotkey.address;
    await this.#pending.put({ id, netuid, hotkey, uids, values, salt, versionKey, storedAtBlock });
    const landed = async () => {
      const { block, commits } = await this.#readCommits(signal);
      return commits.has(id) ? { block, blockHash: null } : null;
    };
    try {
      const { block } = await this.#subtensor.submit({
        name: 'subtensorModule.commitWeights',
        call: (tx) => tx.subtensorModule!.commitWeights!(netuid, id),
        hotkey: this.#hotkey,
        landed,
        signal,
      });
      const commit = (await this.#readCommits(signal)).commits.get(id);
      const { revealFromBlock, revealUntilBlock } = commit ?? {};
      return { mode: 'commit', block, ...normalised, revealFromBlock, revealUntilBlock };
    } catch (error) {
      if (error instanceof FlockOffError && error.code === 'chain-rejected') await this.#pending.delete(id);
      throw error;
    }
  }

  async #revealOne(reveal: PendingReveal, report: RevealReport, signal?: AbortSignal): Promise<void> {
    const { id, uids, values, salt, versionKey } = reveal;
    const landed = async () => {
      const { block, commits } = await this.#readCommits(signal);
      return commits.has(id) ? null : { block, blockHash: null };
    };
    try {
      const { block } = await this.#subtensor.submit({
        name: 'subtensorModule.revealWeights',
        call: (tx) => tx.subtensorModule!.revealWeights!(this.#netuid, uids, values, salt, versionKey),
        hotkey: this.#hotkey,
        landed,
        signal,
      });
      await this.#pending.delete(id);
      report.revealed.push({ id, block });
    } catch (error) {
      const name = error instanceof FlockOffError ? String(error.facts.name) : '';
      if (LOST_COMMIT.includes(name)) await this.#drop(reveal, report, `the chain answered ${name}`);
      else if (!TOO_EARLY.includes(name)) throw error;
    }
  }

  async #drop({ id, storedAtBlock }: PendingReveal, { dropped }: RevealReport, why: string): Promise<void> {
    this.#logger.warn(`the weights committed after block ${storedAtBlock} are not revealed: ${why}`, { id });
    dropped.push({ id, why });
    await this.#pending.delete(id);
  }

  /** This hotkey's unrevealed commits, and the block they were read at. */
  #readCommits(signal?: AbortSignal): ReturnType<typeof readWeightCommits> {
    return this.#subtensor.read(
      'reading weight commits',
      (snapshot) => readWeightCommits(snapshot, this.#netuid, this.#hotkey.address),
      signal,
    );
  }
}
