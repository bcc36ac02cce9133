import type { PendingReveal, PendingRevealStore } from '../chain/weights/weight-setter.ts';
import type { Checked } from '../schema/verdict.ts';
import { FingerprintFiles } from './ledger/fingerprint-files.ts';
import type { LedgerEntry } from './ledger/ledger.ts';
import type { LedgerContents } from './ledger/ledger-schema.ts';
import { isOfEarlierVersion, type RememberedDataset, takeOver } from './ledger/take-over.ts';
import type { StandingWeights, StandingWeightsStore } from './shares/standing-weights.ts';
import type { Standings } from './standing.ts';
import type {
  BeginEpochParameters,
  Download,
  FileFinding,
  FingerprintStore,
  FinishEpochParameters,
  KeepSinceParameters,
  LatePointer,
  MeasuredScore,
  OpenEpoch,
  PinnedDataset,
  PutBaselineParameters,
  PutDownloadParameters,
  PutFileFindingParameters,
  PutLatePointersParameters,
  PutLedgerParameters,
  PutScoreParameters,
  StateHistory,
  StateStore,
} from './state-store.ts';
import { backupStore, restoreStore, type StateBackup } from './store/backup.ts';
import { openStore } from './store/open-store.ts';
import { repairStore, type StateRepair } from './store/repair.ts';
import type { SealedStore } from './store/sealed-store.ts';
import { ID_KEY } from './store/store-id.ts';

export type { StateBackup, StateRepair };

/**
 * Everything a validator must not forget, in an embedded LevelDB: the queue, what every miner has reached, losses by
 * dataset hash, who showed which rows first, verdicts on files and pending reveals; fingerprints are in files beside it.
 * Every write is synced to disk before it resolves, so a killed validator goes on where it stopped. What is read is what
 * was written last: whatever a disk did to the files, older or other values are an error. Only its owner may read the
 * folder, which holds salts.
 *
 * Every method throws FlockOffError `disk` when the folder cannot be read or written any more, such as on a full disk.
 * What was stored before is not lost; the state has to be opened again.
 * @example
 * const state = await ValidatorState.open({ path: '.flock-off/validator/state' });
 * await state.close();
 */
export class ValidatorState implements StateStore {
  /** Names this state among those that share a cache folder; it stays the same for as long as the folder lasts. */
  readonly id: string;
  /** Pending commit-reveals, for {@link WeightSetter}. */
  readonly pendingReveals: PendingRevealStore;
  /** What stands for each of several competitions, for `runCompetitions`. */
  readonly standingWeights: StandingWeightsStore;
  /** What the rows of datasets are compared by, in the folder beside the state. */
  readonly fingerprints: FingerprintStore;
  readonly #store: SealedStore;

  private constructor(store: SealedStore, id: string, path: string) {
    this.#store = store;
    this.id = id;
    this.fingerprints = new FingerprintFiles({ folder: `${path}-fingerprints` });
    this.pendingReveals = {
      list: () => this.#values<PendingReveal>('reveal:'),
      put: (reveal) => this.#put(`reveal:${reveal.id}`, reveal),
      delete: (id) => store.write([{ type: 'del', key: `reveal:${id}` }]),
    };
    this.standingWeights = {
      read: async () => (await this.#get<Record<string, StandingWeights>>('standing-weights')) ?? {},
      write: (standing) => this.#put('standing-weights', standing),
    };
  }

  /**
   * Opens (or creates) the state in the folder `path`. One that is there is looked through first, in a process of its own,
   * which takes about a tenth of a second.
   * @throws FlockOffError `state-locked` when another process has it open, `state-damaged` when it is not what was stored
   *   (the message says what {@link ValidatorState.repair} would give back), `bad-argument` when a later version of this
   *   package wrote it, `disk` when it cannot be read or written.
   */
  static async open({ path }: { path: string }): Promise<ValidatorState> {
    const store = await openStore(path);
    return new ValidatorState(store, String(await store.get(ID_KEY)), path);
  }

  /**
   * Replaces a damaged state by what can be had back of it, and keeps the damaged folder beside it. `null`, with nothing
   * touched, when it is sound.
   * @throws FlockOffError `state-damaged` when nothing can be had back; else as {@link ValidatorState.open}.
   */
  static async repair({ path }: { path: string }): Promise<StateRepair | null> {
    return repairStore(path);
  }

  /**
   * Writes a whole and verified copy of a state into one file, also while a validator has it open.
   * @throws FlockOffError `state-damaged`; `state-locked` when it changes faster than it can be copied; `bad-argument` when a
   *   later version wrote it or there is none; `disk`.
   */
  static backup({ path, to }: { path: string; to: string }): Promise<StateBackup> {
    return backupStore({ path, to });
  }

  /**
   * Makes a state of what {@link ValidatorState.backup} wrote.
   * @throws FlockOffError `bad-argument` when the file is no whole backup, a later version wrote it, or there is a state already;
   *   `disk`.
   */
  static restore({ path, from }: { path: string; from: string }): Promise<StateBackup> {
    return restoreStore({ path, from });
  }

  /** The epoch in progress, or `null` between epochs. */
  openEpoch(): Promise<OpenEpoch | null> {
    return this.#get<OpenEpoch>('epoch');
  }

  /** What the state is about, or `null` before its first epoch. */
  history(): Promise<StateHistory | null> {
    return this.#get<StateHistory>('history');
  }

  /** The serialised {@link EvalQueue}, or `null` on the first start. */
  queue(): Promise<unknown> {
    return this.#get<unknown>('queue');
  }

  /** What every miner has reached, as of the last finished epoch. */
  async standings(): Promise<Standings> {
    return (await this.#get<Standings>('standings')) ?? {};
  }

  /** Stores a new draw together with the queue that made it. */
  beginEpoch({ epoch, queue, history }: BeginEpochParameters): Promise<void> {
    return this.#store.write([
      { type: 'put', key: 'epoch', value: epoch },
      { type: 'put', key: 'queue', value: queue },
      { type: 'put', key: 'history', value: history },
    ]);
  }

  /**
   * Stores the new standings, the queue and the changes of the ledger, forgets the scores of the epoch, and closes it: all
   * or nothing, so that an epoch that is finished again weighs what it weighed.
   */
  async finishEpoch({ standings, ledger, queue, history }: FinishEpochParameters): Promise<void> {
    await this.#store.write([
      ...(await this.#changesOf(ledger)),
      { type: 'put', key: 'standings', value: standings },
      { type: 'put', key: 'queue', value: queue },
      { type: 'put', key: 'history', value: history },
      { type: 'del', key: 'epoch' },
      ...(await this.#store.keys('score:')).map((key) => ({ type: 'del' as const, key })),
    ]);
  }

  /** Loss (nats per token) or verdict of one dataset under one seed, recipe, base model and evaluation set, or `null`. */
  score(key: string): Promise<Checked<number> | null> {
    return this.#get<Checked<number>>(`score:${key}`);
  }

  async putScore({ key, score, measured }: PutScoreParameters): Promise<void> {
    await this.#store.write([
      { type: 'put', key: `score:${key}`, value: score },
      ...(measured === undefined ? [] : [{ type: 'put' as const, key: measuredKey(key), value: measured }]),
    ]);
  }

  /** What was stored with a score, or `null`. */
  measuredScore(key: string): Promise<MeasuredScore | null> {
    return this.#get<MeasuredScore>(measuredKey(key));
  }

  /** The base model's loss on an evaluation set, by what it rests on, or `null`. */
  baseline(key: string): Promise<number | null> {
    return this.#get<number>(`baseline:${key}`);
  }

  /** Its losses by row, packed, or `null`. */
  async baselineRowLosses(key: string): Promise<string | null> {
    const stored = await this.#get<{ key: string; rowLosses: string }>(BASELINE_ROWS);
    return stored?.key === key ? stored.rowLosses : null;
  }

  /** Keeps the last one only. */
  async putBaseline({ key, lossNatsPerToken, rowLosses }: PutBaselineParameters): Promise<void> {
    const others = (await this.#store.keys('baseline:')).filter((stored) => stored !== `baseline:${key}`);
    await this.#store.write([
      ...others.map((stored) => ({ type: 'del' as const, key: stored })),
      { type: 'put', key: `baseline:${key}`, value: lossNatsPerToken },
      ...(rowLosses ? [{ type: 'put' as const, key: BASELINE_ROWS, value: { key, rowLosses } }] : []),
    ]);
  }

  /** The file once downloaded for a pinned commit, or `null`: what tells a good file on disk from a damaged one. */
  download(dataset: PinnedDataset): Promise<Download | null> {
    return this.#get<Download>(downloadKey(dataset));
  }

  putDownload({ repo, commit, sha256, bytes, block }: PutDownloadParameters): Promise<void> {
    return this.#put(downloadKey({ repo, commit }), { sha256, bytes, block });
  }

  /** What was found in a file, by its content and the rules, or `null`. */
  fileFinding(key: string): Promise<FileFinding | null> {
    return this.#get<FileFinding>(`checked:${key}`);
  }

  putFileFinding({ key, checked, failures, block }: PutFileFindingParameters): Promise<void> {
    return this.#put(`checked:${key}`, { checked, failures, block });
  }

  /** What is known of every hotkey. Of a state that an earlier version wrote, the dates of the rows it remembers. */
  async ledger(): Promise<LedgerEntry[]> {
    const entries = await this.#values<LedgerEntry>('ledger:');
    const known = new Set(entries.map(({ hotkey }) => hotkey));
    for (const key of await this.#store.keys(EARLIER)) {
      const hotkey = key.slice(EARLIER.length);
      const datasets = await this.#get<RememberedDataset[]>(key);
      if (!known.has(hotkey) && isOfEarlierVersion(datasets)) entries.push(takeOver(hotkey, datasets));
    }
    return entries;
  }

  /** Stores what changed, all or nothing. */
  async putLedger(changes: PutLedgerParameters): Promise<void> {
    await this.#store.write(await this.#changesOf(changes));
  }

  /** Whose datasets were seen to come too late. */
  async latePointers(): Promise<LatePointer[]> {
    return (await this.#get<LatePointer[]>('late')) ?? [];
  }

  putLatePointers({ late }: PutLatePointersParameters): Promise<void> {
    return this.#put('late', late);
  }

  /** Lets an empty state go on where another validator's has come to, all or nothing. */
  beginWithLedger({ entries, standings, queue, epoch, history, late }: LedgerContents): Promise<void> {
    return this.#store.write([
      ...Object.entries({ standings, queue, history, late }).map(([key, value]) => ({
        type: 'put' as const,
        key,
        value,
      })),
      ...(epoch === null ? [] : [{ type: 'put' as const, key: 'epoch', value: epoch }]),
      ...entries.map((entry) => ({ type: 'put' as const, key: ledgerKey(entry.hotkey), value: entry })),
    ]);
  }

  /** Forgets downloads and findings from before a block, but for the downloads named. */
  async keepSince({ block, named }: KeepSinceParameters): Promise<void> {
    const kept = new Set(named.map(downloadKey));
    const old: string[] = [];
    for (const key of [...(await this.#store.keys('download:')), ...(await this.#store.keys('checked:'))]) {
      if (kept.has(key)) continue;
      const stored = await this.#get<{ block?: number }>(key);
      if (stored !== null && !(stored.block! >= block)) old.push(key);
    }
    await this.#store.write(old.map((key) => ({ type: 'del', key })));
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  async #changesOf({ put, removed }: PutLedgerParameters) {
    const gone = [...removed.map(ledgerKey), ...(await this.#store.keys(EARLIER))];
    return [
      ...put.map((entry) => ({ type: 'put' as const, key: ledgerKey(entry.hotkey), value: entry })),
      ...gone.map((key) => ({ type: 'del' as const, key })),
    ];
  }

  async #get<T>(key: string): Promise<T | null> {
    return (await this.#store.get(key)) as T | null;
  }

  #put(key: string, value: unknown): Promise<void> {
    return this.#store.write([{ type: 'put', key, value }]);
  }

  async #values<T>(prefix: string): Promise<T[]> {
    const values: T[] = [];
    for (const key of await this.#store.keys(prefix)) {
      const value = await this.#get<T>(key);
      if (value !== null) values.push(value); // deleted since
    }
    return values;
  }
}

/** Datasets by hotkey, with a hash for each row, as version 0.1.0 stored them. */
const EARLIER = 'dataset:';
/** Goes with the scores when the epoch is finished. */
const measuredKey = (key: string) => `score:${key}:measured`;
const BASELINE_ROWS = 'baseline-rows';
const ledgerKey = (hotkey: string) => `ledger:${hotkey}`;
const downloadKey = ({ repo, commit }: PinnedDataset) => `download:${repo}:${commit}`;
