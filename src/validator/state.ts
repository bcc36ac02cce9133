import type { PendingReveal, PendingRevealStore } from '../chain/weights/weight-setter.ts';
import type { Checked } from '../schema/verdict.ts';
import type { Standings } from './standing.ts';
import type {
  BeginEpochParameters,
  FinishEpochParameters,
  KeepOnlyParameters,
  OpenEpoch,
  PinnedDataset,
  PutDatasetsParameters,
  PutDownloadParameters,
  PutScoreParameters,
  RememberedDataset,
  StateStore,
} from './state-store.ts';
import { openStore } from './store/open-store.ts';
import { repairStore, type StateRepair } from './store/repair.ts';
import type { SealedStore } from './store/sealed-store.ts';
import { ID_KEY } from './store/store-id.ts';

export type { StateRepair };

/**
 * Everything a validator must not forget, in an embedded LevelDB: the queue, what every miner has reached, losses by
 * dataset hash, remembered datasets and pending reveals. Every write is synced to disk before it resolves, so a killed
 * validator goes on where it stopped. What is read is what was written last: whatever a disk did to the files, older or
 * other values are an error. Only its owner may read the folder, which holds salts.
 *
 * Every method throws FlockOffError `disk` when the folder cannot be read or written any more, such as on a full disk.
 * What was stored before is not lost; the state has to be opened again.
 */
export class ValidatorState implements StateStore {
  /** Names this state among those that share a cache folder; it stays the same for as long as the folder lasts. */
  readonly id: string;
  /** Pending commit-reveals, for {@link WeightSetter}. */
  readonly pendingReveals: PendingRevealStore;
  readonly #store: SealedStore;

  private constructor(store: SealedStore, id: string) {
    this.#store = store;
    this.id = id;
    this.pendingReveals = {
      list: () => this.#values<PendingReveal>('reveal:'),
      put: (reveal) => this.#put(`reveal:${reveal.id}`, reveal),
      delete: (id) => store.write([{ type: 'del', key: `reveal:${id}` }]),
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
    return new ValidatorState(store, String(await store.get(ID_KEY)));
  }

  /**
   * Replaces a damaged state by what can be had back of it, and keeps the damaged folder beside it. `null`, with nothing
   * touched, when it is sound.
   * @throws FlockOffError `state-damaged` when nothing can be had back; else as {@link ValidatorState.open}.
   */
  static async repair({ path }: { path: string }): Promise<StateRepair | null> {
    return repairStore(path);
  }

  /** The epoch in progress, or `null` between epochs. */
  openEpoch(): Promise<OpenEpoch | null> {
    return this.#get<OpenEpoch>('epoch');
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
  beginEpoch({ epoch, queue }: BeginEpochParameters): Promise<void> {
    return this.#store.write([
      { type: 'put', key: 'epoch', value: epoch },
      { type: 'put', key: 'queue', value: queue },
    ]);
  }

  /** Stores the new standings and the queue, forgets the scores of the epoch, and closes it: all or nothing. */
  async finishEpoch({ standings, queue }: FinishEpochParameters): Promise<void> {
    await this.#store.write([
      { type: 'put', key: 'standings', value: standings },
      { type: 'put', key: 'queue', value: queue },
      { type: 'del', key: 'epoch' },
      ...(await this.#store.keys('score:')).map((key) => ({ type: 'del' as const, key })),
    ]);
  }

  /** Loss (nats per token) or verdict of one dataset under one seed, recipe, base model and evaluation set, or `null`. */
  score(key: string): Promise<Checked<number> | null> {
    return this.#get<Checked<number>>(`score:${key}`);
  }

  putScore({ key, score }: PutScoreParameters): Promise<void> {
    return this.#put(`score:${key}`, score);
  }

  /** Hash of the file once downloaded for a pinned commit, or `null`: what tells a good file on disk from a damaged one. */
  download({ repo, commit }: PinnedDataset): Promise<{ sha256: string } | null> {
    return this.#get<{ sha256: string }>(downloadKey({ repo, commit }));
  }

  putDownload({ repo, commit, sha256 }: PutDownloadParameters): Promise<void> {
    return this.#put(downloadKey({ repo, commit }), { sha256 });
  }

  /** The datasets a hotkey has shown, the latest first. */
  async datasets(hotkey: string): Promise<RememberedDataset[]> {
    return (await this.#get<RememberedDataset[]>(datasetKey(hotkey))) ?? [];
  }

  putDatasets({ hotkey, datasets }: PutDatasetsParameters): Promise<void> {
    return this.#put(datasetKey(hotkey), datasets);
  }

  /** Forgets the datasets of every other hotkey, and every other download. */
  async keepOnly(kept: KeepOnlyParameters): Promise<void> {
    const keys = new Set([...kept.hotkeys.map(datasetKey), ...kept.downloads.map(downloadKey)]);
    const stored = [...(await this.#store.keys('dataset:')), ...(await this.#store.keys('download:'))];
    await this.#store.write(stored.filter((key) => !keys.has(key)).map((key) => ({ type: 'del', key })));
  }

  async close(): Promise<void> {
    await this.#store.close();
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

const datasetKey = (hotkey: string) => `dataset:${hotkey}`;
const downloadKey = ({ repo, commit }: PinnedDataset) => `download:${repo}:${commit}`;
