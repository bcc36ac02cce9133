import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChainMetadataStore,
  type Competition,
  DatasetChecker,
  type DatasetRow,
  type EpochEntry,
  type EpochReport,
  HubDatasetStore,
  LoraTrainer,
  loadEvaluationSet,
  runEpoch,
  Subtensor,
  type Validator,
  type ValidatorChain,
  type ValidatorEvent,
  ValidatorState,
  WalletHotkey,
  WeightSetter,
} from 'flock-off';
import { LocalChain, LocalHub, TINY_BASE, writeDevWallet } from 'flock-off/local';
import type { IsLate } from '../../src/validator/watch-late.ts';

export const NETUID = 7;
const TOKEN = 'hf_token';
export const NO_WAITING = { nowMs: Date.now, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };

/** What trains and checks in every test of a file: loading it takes longer than an epoch. */
export interface Machine {
  trainer: LoraTrainer;
  checker: DatasetChecker;
}

export async function openMachine(): Promise<Machine> {
  return { trainer: await LoraTrainer.open({ inline: true, model: TINY_BASE }), checker: new DatasetChecker() };
}

export function closeMachine({ trainer, checker }: Machine): void {
  trainer.dispose();
  checker.close();
}

export interface MinersParameters {
  machine: Machine;
  competition: Competition;
  /** Names, by uid; the validator's comes after them. */
  names: string[];
  /** Names of those whose coldkey is that of another one. */
  coldkeys?: Record<string, string>;
  evaluation: DatasetRow[];
  /** Name of who owns the subnet. */
  owner?: string;
  /** What time it is on the chain. Default: that of this machine. */
  timeMs?: () => number;
  /** Default 50. */
  blockTimeMs?: number;
  /** From one round of the chain's beacon to the next. Default 250. */
  pulseMs?: number;
  /** By how much the chain's time may be another than that of this machine: blocks that come fast are ahead of it. */
  maxClockDifferenceMs?: number;
}

/** A subnet of miners with one validator: real chain, hub and trainer, small datasets, and blocks that come by themselves. */
export class Miners {
  readonly chain: LocalChain;
  readonly hub: LocalHub;
  readonly subtensor: Subtensor;
  readonly folder: string;
  state: ValidatorState;
  readonly events: ValidatorEvent[] = [];
  readonly #parameters: MinersParameters;
  #ticking: NodeJS.Timeout | undefined;
  #untilDrawn: NodeJS.Timeout | undefined;

  private constructor(
    parameters: MinersParameters,
    opened: { chain: LocalChain; hub: LocalHub; subtensor: Subtensor; folder: string; state: ValidatorState },
  ) {
    this.#parameters = parameters;
    this.chain = opened.chain;
    this.hub = opened.hub;
    this.subtensor = opened.subtensor;
    this.folder = opened.folder;
    this.state = opened.state;
  }

  static async open(parameters: MinersParameters): Promise<Miners> {
    const { names, coldkeys = {}, evaluation, timeMs, pulseMs } = parameters;

    const folder = await mkdtemp(join(tmpdir(), 'flock-off-miners-'));
    const wallets = new Map<string, { hotkey: string; coldkey: string }>();
    for (const name of [...names, 'validator']) wallets.set(name, await writeDevWallet({ path: folder, name }));
    const neurons = [...wallets].map(([name, { hotkey }]) => ({
      hotkey,
      coldkey: wallets.get(coldkeys[name] ?? name)!.coldkey,
      validatorPermit: name === 'validator',
      stake: name === 'validator' ? 100 : 0,
    }));
    const hub = await LocalHub.open({ users: [{ name: 'u', token: TOKEN }] });
    const subnet = { netuid: NETUID, tempo: 20, weightsRateLimit: 0, commitRevealEnabled: false, neurons };
    const owner = parameters.owner && wallets.get(parameters.owner)!.coldkey;
    const clock = timeMs && { ...NO_WAITING, nowMs: timeMs };
    const chain = await LocalChain.open({ blockTimeMs: 'manual', pulseMs, clock, subnets: [{ ...subnet, owner }] });
    const maxClockDifferenceMs = parameters.maxClockDifferenceMs ?? (timeMs && Number.POSITIVE_INFINITY);
    const subtensor = await Subtensor.open({ endpoint: chain.url, maxClockDifferenceMs });
    const state = await ValidatorState.open({ path: join(folder, 'state') });
    const miners = new Miners(parameters, { chain, hub, subtensor, folder, state });
    await miners.#write('evaluation', evaluation);
    miners.#tick();
    return miners;
  }

  async close(): Promise<void> {
    clearInterval(this.#ticking);
    await this.state.close();
    await this.subtensor.close();
    await this.chain.close();
    await this.hub.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Uploads and commits, as a bot would, without the checks of publishDataset. Gives the commit. */
  async publish(
    name: string,
    rows: DatasetRow[],
    { repo = `u/${name}`, owner, competition }: PublishParameters = {},
  ): Promise<string> {
    const path = await this.#write(name, rows);
    const { commit } = await new HubDatasetStore({ endpoint: this.hub.url, token: TOKEN }).upload({
      repo,
      path,
      owner,
    });
    await this.commit(name, { repo, commit, competition });
    return commit;
  }

  async commit(
    name: string,
    { repo, commit, competition = '1' }: { repo: string; commit: string; competition?: string },
  ): Promise<void> {
    const hotkey = await WalletHotkey.open({ path: this.folder, name });
    await this.#metadata().commit({ repo, competition, commit, hotkey });
  }

  /** Commits of several in one block, their transactions in the order given. */
  async inOneBlock(commitments: (() => Promise<unknown>)[]): Promise<void> {
    clearInterval(this.#ticking);
    const committing: Promise<unknown>[] = [];
    for (const commit of commitments) {
      const arrived = this.#given();
      committing.push(commit());
      await arrived;
    }
    this.#tick();
    await Promise.all(committing);
  }

  /** Another hotkey takes the uid of one. */
  async replaceHotkey(name: string, by: string): Promise<void> {
    const { hotkey } = await writeDevWallet({ path: this.folder, name: by });
    this.chain.setStorage('SubtensorModule.Keys', NETUID, this.#uid(name), hotkey);
    this.chain.setStorage('SubtensorModule.Uids', NETUID, hotkey, this.#uid(name));
    this.chain.setStorage('SubtensorModule.Uids', NETUID, await this.address(name), null);
    await this.chain.produceBlocks(1);
  }

  /** Requests to the hub so far that name a repository. */
  requestsTo(repo: string): number {
    return this.hub.faults.requests.filter((request) => request.includes(repo)).length;
  }

  /** What the validator has set on the chain: shares by uid. */
  weights(): Record<number, number> {
    const set = this.chain.weights({ netuid: NETUID, uid: this.#parameters.names.length });
    const sum = set.reduce((total, { value }) => total + value, 0);
    return Object.fromEntries(set.map(({ uid, value }) => [uid, value / sum]));
  }

  /** As if it had set none, nor any epoch of the chain had come of them: what validators agree on is blended into the next. */
  async forgetWeights(): Promise<void> {
    const own = this.#parameters.names.length;
    this.chain.setStorage('SubtensorModule.Weights', NETUID, own, null);
    this.chain.setStorage('SubtensorModule.Consensus', NETUID, Array(own + 1).fill(0));
    await this.chain.produceBlocks(1);
  }

  /** Lets so many blocks pass. */
  async pass(blocks: number): Promise<void> {
    await this.chain.produceBlocks(blocks);
  }

  async epoch(changed: Partial<Validator> = {}, isLate?: IsLate): Promise<EpochOf> {
    const validator = await this.validator(changed);
    // The epoch begins with the block there is, and a later one seeds it.
    this.#untilDrawn = setInterval(() => void this.chain.produceBlocks(), 20);
    const report = await runEpoch({ validator, isLate }).finally(() => clearInterval(this.#untilDrawn));
    return { report, of: (name) => report.entries.find(({ uid }) => uid === this.#uid(name))! };
  }

  async validator(changed: Partial<Validator> = {}): Promise<Validator> {
    const { competition } = this.#parameters;
    const { trainer, checker } = this.#parameters.machine;
    return {
      netuid: NETUID,
      competition: { ...competition, blocksPerEpoch: 1 },
      subtensor: withOneSeed(this.subtensor),
      metadata: this.#metadata(),
      weightSetter: new WeightSetter({
        subtensor: this.subtensor,
        netuid: NETUID,
        hotkey: await WalletHotkey.open({ path: this.folder, name: 'validator' }),
        pendingReveals: this.state.pendingReveals,
        beacon: this.chain.beacon,
      }),
      datasets: new HubDatasetStore({ endpoint: this.hub.url, attempts: 2, clock: NO_WAITING }),
      checker,
      trainer,
      evaluation: await loadEvaluationSet({ path: join(this.folder, 'evaluation.jsonl') }),
      state: this.state,
      cacheDir: join(this.folder, 'cache'),
      blockThreshold: 50,
      onEvent: (event) => {
        this.events.push(event);
        if (event.kind === 'drawn') clearInterval(this.#untilDrawn);
      },
      ...changed,
    };
  }

  async address(name: string): Promise<string> {
    return (await WalletHotkey.open({ path: this.folder, name })).address;
  }

  #uid(name: string): number {
    return this.#parameters.names.indexOf(name);
  }

  #metadata(): ChainMetadataStore {
    return new ChainMetadataStore({ subtensor: this.subtensor, netuid: NETUID });
  }

  async #write(name: string, rows: DatasetRow[]): Promise<string> {
    const path = join(this.folder, `${name}.jsonl`);
    await writeFile(path, rows.map((one) => `${JSON.stringify(one)}\n`).join(''));
    return path;
  }

  #tick(): void {
    this.#ticking = setInterval(() => void this.chain.produceBlocks(1), this.#parameters.blockTimeMs ?? 50);
  }

  /** Resolves when the chain has been given a transaction. */
  #given(): Promise<void> {
    const { faults } = this.chain;
    return new Promise((resolve) => {
      const listener = (method: string) => {
        if (method !== 'author_submitAndWatchExtrinsic') return;
        faults.onRequest.delete(listener);
        setImmediate(resolve);
      };
      faults.onRequest.add(listener);
    });
  }
}

export interface PublishParameters {
  repo?: string;
  /** A hotkey that the repository names. */
  owner?: string;
  /** Id of the one that the pointer names. Default '1'. */
  competition?: string;
}

export interface EpochOf {
  report: EpochReport;
  of: (name: string) => EpochEntry;
}

/** The same seed on every chain and in every epoch, so that losses can be compared across them. */
export function withOneSeed(subtensor: Subtensor): ValidatorChain {
  return {
    epoch: (parameters) => subtensor.epoch(parameters),
    metagraph: (parameters) => subtensor.metagraph(parameters),
    waitForBlock: (parameters) => subtensor.waitForBlock(parameters),
    read: async (parameters) => {
      const value = await subtensor.read(parameters);
      const isSeed = /^looking whether block \d+ is final$/.test(parameters.what) && value !== null;
      return isSeed ? ({ hash: '0x01', genesisHash: '0x00' } as typeof value) : value;
    },
  };
}
