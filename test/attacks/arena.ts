import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ChainMetadataStore,
  Competition,
  type Dataset,
  DatasetChecker,
  type DatasetRow,
  type EpochReport,
  HubDatasetStore,
  LoraTrainer,
  loadEvaluationSet,
  runEpoch,
  Subtensor,
  type Validator,
  ValidatorState,
  WalletHotkey,
  WeightSetter,
} from 'flock-off';
import { LocalChain, LocalHub, TINY_BASE, writeDevWallet } from 'flock-off/local';

const NETUID = 7;
const TOKEN = 'hf_arena';
/** Uids follow the order: whoever attacks has the lower one. */
const NAMES = ['validator', 'mallory', 'oscar', 'victim', 'rival', 'bob', 'carol'] as const;
export type Name = Exclude<(typeof NAMES)[number], 'validator'>;
const BLOCK_MS = 10;
const BLOCKS_PER_EPOCH = 10;

/** The recipe of the arena: small enough that an epoch takes a second or two. */
export const RECIPE = {
  contextTokens: 96,
  epochs: 1,
  batchSize: 4,
  gradientAccumulation: 1,
  learningRate: 5e-3,
  warmupSteps: 2,
};

export const NO_WAITING = { nowMs: Date.now, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };

/** What all arenas share: it holds nothing that an epoch could leave behind. */
export interface Equipment {
  folder: string;
  trainer: LoraTrainer;
  checker: DatasetChecker;
  evaluation: Dataset;
  evaluationRows: DatasetRow[];
}

export async function openEquipment({
  folder,
  evaluationRows,
}: Pick<Equipment, 'folder' | 'evaluationRows'>): Promise<Equipment> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'eval.jsonl');
  await writeFile(path, toLines(evaluationRows));
  const evaluation = await loadEvaluationSet({ path });
  const trainer = await LoraTrainer.open({ inline: true, model: TINY_BASE });
  return { folder, trainer, checker: new DatasetChecker(), evaluation, evaluationRows };
}

export function closeEquipment({ trainer, checker }: Equipment): void {
  trainer.dispose();
  checker.close();
}

export interface ArenaParameters {
  equipment: Equipment;
  /** Names its folder. */
  name: string;
  /** What differs from the arena's competition. */
  competition?: Partial<Parameters<typeof Competition.parse>[0] & object>;
  finalityLagBlocks?: number;
  /** Blocks of an epoch of the subnet. Default 10,000. */
  tempo?: number;
  /** From one block to the next. Default 10. */
  blockMs?: number;
}

export interface PublishedDataset {
  repo: string;
  commit: string;
}

/** A subnet of a validator and six miners with servers of its own, on which the real clients play real epochs. */
export class Arena {
  readonly competition: Competition;
  readonly subtensor: Subtensor;
  readonly state: ValidatorState;
  readonly metadata: ChainMetadataStore;
  #blocks: NodeJS.Timeout | undefined;
  readonly #addresses: Map<string, string>;
  /** Of those who registered again: the name of their hotkey. */
  readonly #hotkeys = new Map<string, string>();

  private constructor(
    readonly equipment: Equipment,
    readonly folder: string,
    readonly chain: LocalChain,
    readonly hub: LocalHub,
    opened: { competition: Competition; subtensor: Subtensor; state: ValidatorState; addresses: Map<string, string> },
    readonly blockMs: number,
  ) {
    this.competition = opened.competition;
    this.subtensor = opened.subtensor;
    this.state = opened.state;
    this.metadata = new ChainMetadataStore({ subtensor: opened.subtensor, netuid: NETUID });
    this.#addresses = opened.addresses;
    this.resume();
  }

  static async open({
    equipment,
    name,
    competition,
    finalityLagBlocks,
    tempo,
    blockMs = BLOCK_MS,
  }: ArenaParameters): Promise<Arena> {
    const folder = join(equipment.folder, name.replace(/[^a-z0-9]+/gi, '-'));
    await mkdir(folder, { recursive: true });
    const addresses = new Map<string, string>();
    const neurons = [];
    for (const one of NAMES) {
      const wallet = await writeDevWallet({ path: join(equipment.folder, 'wallets'), name: one });
      addresses.set(one, wallet.hotkey);
      neurons.push({ ...wallet, validatorPermit: one === 'validator', stake: one === 'validator' ? 100 : 0 });
    }
    const hub = await LocalHub.open({ users: [{ name: 'u', token: TOKEN }] });
    const chain = await LocalChain.open({
      blockTimeMs: 'manual',
      commitmentBytesPerEpoch: 1_000_000,
      ...(finalityLagBlocks === undefined ? {} : { finalityLagBlocks }),
      subnets: [{ netuid: NETUID, tempo: tempo ?? 10_000, weightsRateLimit: 0, commitRevealEnabled: false, neurons }],
    });
    await chain.produceBlocks(2);
    // Its blocks come faster than a second apart, which their times are.
    const subtensor = await Subtensor.open({ endpoint: chain.url, maxClockDifferenceMs: Number.POSITIVE_INFINITY });
    const state = await ValidatorState.open({ path: join(folder, 'state') });
    return new Arena(
      equipment,
      folder,
      chain,
      hub,
      {
        competition: Competition.parse({
          recipe: RECIPE,
          readableWithinBlocks: 0,
          blocksPerEpoch: BLOCKS_PER_EPOCH,
          ...competition,
        }),
        ...{ subtensor, state, addresses },
      },
      blockMs,
    );
  }

  readonly netuid = NETUID;

  addressOf(name: Name | 'validator'): string {
    return this.#addresses.get(name)!;
  }

  uidOf(name: Name): number {
    return NAMES.indexOf(name);
  }

  /** Stops the making of blocks. */
  pause(): void {
    clearInterval(this.#blocks);
  }

  resume(): void {
    clearInterval(this.#blocks);
    this.#blocks = setInterval(() => void this.chain.produceBlocks(1).catch(() => {}), this.blockMs);
  }

  hotkey(name: Name | 'validator'): Promise<WalletHotkey> {
    return WalletHotkey.open({ path: this.#wallets, name, hotkey: this.#hotkeys.get(name) });
  }

  get #wallets(): string {
    return join(this.equipment.folder, 'wallets');
  }

  /** A stranger takes the miner's uid; it registers again, with another hotkey of the same coldkey. */
  async loseRegistration(name: Name): Promise<void> {
    const [uid, gone] = [this.uidOf(name), this.addressOf(name)];
    const stranger = await writeDevWallet({ path: this.#wallets, name: `stranger of ${name}` });
    const { hotkey, coldkey } = await writeDevWallet({ path: this.#wallets, name, hotkey: 'second' });
    this.chain.setStorage('SubtensorModule.Keys', NETUID, uid, stranger.hotkey);
    this.chain.setStorage('SubtensorModule.Uids', NETUID, stranger.hotkey, uid);
    this.chain.setStorage('SubtensorModule.Uids', NETUID, gone, null);
    this.chain.setStorage('SubtensorModule.Owner', stranger.hotkey, stranger.coldkey);
    this.chain.register({ netuid: NETUID, hotkey, coldkey });
    this.#addresses.set(name, hotkey);
    this.#hotkeys.set(name, 'second');
    await this.chain.produceBlocks(1);
  }

  /** The Hub, as its users see it with or without a token. */
  store(token?: string): HubDatasetStore {
    return new HubDatasetStore({ endpoint: this.hub.url, token, attempts: 2, clock: NO_WAITING });
  }

  /** Uploads a dataset, whatever it is: rows, or the text of the file. */
  async upload(repo: string, data: DatasetRow[] | string, owner?: Name): Promise<PublishedDataset> {
    const path = join(this.folder, 'upload.jsonl');
    await writeFile(path, typeof data === 'string' ? data : toLines(data));
    const named = owner === undefined ? {} : { owner: this.addressOf(owner) };
    const { commit } = await this.store(TOKEN).upload({ repo: `u/${repo}`, path, ...named });
    return { repo: `u/${repo}`, commit };
  }

  /** Commits a pointer, as a bot would. */
  async point(name: Name, { repo, commit }: PublishedDataset): Promise<void> {
    const { id } = this.competition;
    await this.metadata.commit({ repo, competition: id, commit, hotkey: await this.hotkey(name) });
  }

  /** Uploads and commits, without the checks of `publishDataset`. */
  async publish(name: Name, data: DatasetRow[] | string): Promise<PublishedDataset> {
    const version = await this.upload(name, data);
    await this.point(name, version);
    return version;
  }

  /** Commits several pointers in one block, in this order. */
  async pointInOneBlock(pointers: [Name, PublishedDataset][]): Promise<void> {
    this.pause();
    const commits: Promise<void>[] = [];
    for (const [name, version] of pointers) {
      const sent = new Promise<void>((resolve) => {
        const onRequest = (method: string) => {
          if (!method.includes('submit')) return;
          this.chain.faults.onRequest.delete(onRequest);
          resolve();
        };
        this.chain.faults.onRequest.add(onRequest);
      });
      commits.push(this.point(name, version));
      await sent;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    await this.chain.produceBlocks(1);
    this.resume();
    await Promise.all(commits);
  }

  validator(changed: Partial<Validator> = {}): Promise<Validator> {
    return this.validatorOn(this.subtensor, changed);
  }

  /** With a connection of its own. */
  async validatorOn(subtensor: Subtensor, changed: Partial<Validator> = {}): Promise<Validator> {
    const { trainer, checker, evaluation } = this.equipment;
    return {
      netuid: NETUID,
      competition: this.competition,
      subtensor,
      metadata: new ChainMetadataStore({ subtensor, netuid: NETUID }),
      weightSetter: new WeightSetter({
        subtensor,
        netuid: NETUID,
        hotkey: await this.hotkey('validator'),
        pendingReveals: (changed.state ?? this.state).pendingReveals,
        beacon: this.chain.beacon,
      }),
      datasets: this.store(),
      checker,
      trainer,
      evaluation,
      state: this.state,
      cacheDir: join(this.folder, 'cache'),
      blockThreshold: 100_000,
      ...changed,
    };
  }

  /** By hotkey, of those who have one. */
  async averages(): Promise<Record<string, number>> {
    const standings = Object.entries(await this.state.standings());
    return Object.fromEntries(
      standings.flatMap(([hotkey, { average }]) => (average === null ? [] : [[hotkey, average]])),
    );
  }

  /** Begins an epoch and stops once its draw is stored, which the next call of {@link epoch} goes on with. */
  async draw(leaveOut: string[] = []): Promise<void> {
    await this.#reachEpoch();
    const stop = new AbortController();
    const onEvent: Validator['onEvent'] = ({ kind }) => {
      if (kind === 'drawn') stop.abort(new Error('drawn'));
    };
    await runEpoch({ validator: await this.validator({ onEvent }), signal: stop.signal }).catch((error) => {
      if (!stop.signal.aborted) throw error;
    });
    await leaveOutOf(this.state, leaveOut);
  }

  /** An epoch that begins now, or goes on with the draw that is stored. */
  async epoch(changed: Partial<Validator> = {}): Promise<EpochReport> {
    await this.#reachEpoch();
    return runEpoch({ validator: await this.validator(changed) });
  }

  /** Pointers count that stand in the first block of the epoch. */
  async #reachEpoch(): Promise<void> {
    await this.chain.produceBlocks(BLOCKS_PER_EPOCH - (this.chain.currentBlock() % BLOCKS_PER_EPOCH));
  }

  async close(): Promise<void> {
    this.pause();
    await this.state.close();
    await this.subtensor.close();
    await this.chain.close();
    await this.hub.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export function toLines(rows: DatasetRow[]): string {
  return rows.map((one) => `${JSON.stringify(one)}\n`).join('');
}

/** As if these hotkeys had not been drawn for the epoch that is open. */
export async function leaveOutOf(state: ValidatorState, undrawn: string[]): Promise<void> {
  if (undrawn.length === 0) return;
  const [epoch, queue, history] = [await state.openEpoch(), await state.queue(), await state.history()];
  const hotkeys = epoch!.hotkeys.filter((hotkey) => !undrawn.includes(hotkey));
  await state.beginEpoch({ epoch: { ...epoch!, hotkeys }, queue: queue!, history: history! });
}
