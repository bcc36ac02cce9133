import { ClassicLevel } from 'classic-level';
import type { PendingReveal, PendingRevealStore } from '../chain/weight-setter.ts';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type { Checked } from '../schema/verdict.ts';
import { makeFolder } from '../shared/make-folder.ts';
import type { Standings } from './standing.ts';

/** The epoch a validator is in: kept until its weights are on the chain, so that a restart goes on with the same draw. */
export interface OpenEpoch {
  /** Seed of every training run of the epoch, 0..65535. */
  epochSeed: number;
  /** The miners the queue picked. */
  hotkeys: string[];
  startBlock: number;
}

/** What a dataset looked like when it was read, for finding its copies when it is not in the draw itself. */
export interface RememberedDataset {
  repo: string;
  commit: string;
  commitBlock: number;
  sha256: string;
  /** Per row: its normalised hash. */
  rowHashes: string[];
  /** Per row: the block in which this hotkey first showed it. */
  rowBlocks: number[];
}

/**
 * Everything a validator must not forget, in an embedded LevelDB: the queue, what every miner has reached, losses by
 * dataset hash, remembered datasets and pending reveals. Every write is synced to disk before it resolves, so a killed
 * validator goes on where it stopped.
 *
 * Every method throws FlockOffError `disk` when the folder cannot be read or written any more, such as on a full disk.
 * What was stored before is not lost; the state has to be opened again.
 */
export class ValidatorState {
  readonly #db: ClassicLevel<string, unknown>;
  /** Pending commit-reveals, for {@link WeightSetter}. */
  readonly pendingReveals: PendingRevealStore;

  private constructor(db: ClassicLevel<string, unknown>) {
    this.#db = db;
    this.pendingReveals = {
      list: () => this.#values<PendingReveal>('reveal:'),
      put: (reveal) => this.#put(`reveal:${reveal.id}`, reveal),
      delete: (id) => this.#onDisk(() => this.#db.del(`reveal:${id}`, { sync: true })),
    };
  }

  /**
   * Opens (or creates) the state in the folder `path`.
   * @throws FlockOffError `state-locked` when another process has it open, `disk` when it cannot be read or written.
   */
  static async open({ path }: { path: string }): Promise<ValidatorState> {
    try {
      await makeFolder(path);
      // It begins to open at once, by itself.
      const db = new ClassicLevel<string, unknown>(path, { valueEncoding: 'json' });
      await db.open();
      return new ValidatorState(db);
    } catch (error) {
      const cause = (error as { cause?: { code?: string } }).cause;
      if (cause?.code === 'LEVEL_LOCKED') {
        throw new FlockOffError({
          code: 'state-locked',
          what: `the validator state in ${path} is in use by another process`,
          fix: 'stop the other validator, or give this one its own --data_dir',
          facts: { path },
          cause: error,
        });
      }
      throw new FlockOffError({
        code: 'disk',
        what: `the validator state in ${path} cannot be opened (${messageOf(cause ?? error)})`,
        fix: 'check the free space and the rights of that folder, or move it away to start afresh',
        facts: { path },
        cause: error,
      });
    }
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
  beginEpoch(epoch: OpenEpoch, queue: unknown): Promise<void> {
    return this.#batch([
      { type: 'put', key: 'epoch', value: epoch },
      { type: 'put', key: 'queue', value: queue },
    ]);
  }

  /** Stores the new standings and the queue, forgets the scores of the epoch, and closes it: all or nothing. */
  async finishEpoch(standings: Standings, queue: unknown): Promise<void> {
    await this.#batch([
      { type: 'put', key: 'standings', value: standings },
      { type: 'put', key: 'queue', value: queue },
      { type: 'del', key: 'epoch' },
      ...(await this.#keys('score:')).map((key) => ({ type: 'del' as const, key })),
    ]);
  }

  /** Loss (nats per token) or verdict of one dataset under one seed, recipe, base model and evaluation set, or `null`. */
  score(key: string): Promise<Checked<number> | null> {
    return this.#get<Checked<number>>(`score:${key}`);
  }

  putScore(key: string, score: Checked<number>): Promise<void> {
    return this.#put(`score:${key}`, score);
  }

  /** Hash of the file once downloaded for a pinned commit, or `null`: what tells a good file on disk from a damaged one. */
  download(repo: string, commit: string): Promise<{ sha256: string } | null> {
    return this.#get<{ sha256: string }>(downloadKey(repo, commit));
  }

  putDownload(repo: string, commit: string, { sha256 }: { sha256: string }): Promise<void> {
    return this.#put(downloadKey(repo, commit), { sha256 });
  }

  /** The datasets a hotkey has shown, the latest first. */
  async datasets(hotkey: string): Promise<RememberedDataset[]> {
    return (await this.#get<RememberedDataset[]>(datasetKey(hotkey))) ?? [];
  }

  putDatasets(hotkey: string, datasets: RememberedDataset[]): Promise<void> {
    return this.#put(datasetKey(hotkey), datasets);
  }

  /** Forgets the datasets of every other hotkey, and every other download. */
  async keepOnly(kept: { hotkeys: string[]; downloads: { repo: string; commit: string }[] }): Promise<void> {
    const keys = new Set([
      ...kept.hotkeys.map(datasetKey),
      ...kept.downloads.map(({ repo, commit }) => downloadKey(repo, commit)),
    ]);
    const stored = [...(await this.#keys('dataset:')), ...(await this.#keys('download:'))];
    await this.#batch(stored.filter((key) => !keys.has(key)).map((key) => ({ type: 'del', key })));
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  async #get<T>(key: string): Promise<T | null> {
    return ((await this.#onDisk(() => this.#db.get(key))) as T | undefined) ?? null;
  }

  #put(key: string, value: unknown): Promise<void> {
    return this.#onDisk(() => this.#db.put(key, value, { sync: true }));
  }

  #batch(operations: Operation[]): Promise<void> {
    return this.#onDisk(() => this.#db.batch(operations, { sync: true }));
  }

  async #values<T>(prefix: string): Promise<T[]> {
    return (await this.#onDisk(() => this.#db.values(startingWith(prefix)).all())) as T[];
  }

  #keys(prefix: string): Promise<string[]> {
    return this.#onDisk(() => this.#db.keys(startingWith(prefix)).all());
  }

  async #onDisk<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new FlockOffError({
        code: 'disk',
        what: `the validator state in ${this.#db.location} cannot be read or written (${messageOf(error)})`,
        fix: 'make room on the disk, check the rights of that folder, and start again: it goes on where it stopped',
        facts: { path: this.#db.location },
        cause: error,
      });
    }
  }
}

type Operation = { type: 'put'; key: string; value: unknown } | { type: 'del'; key: string };

const datasetKey = (hotkey: string) => `dataset:${hotkey}`;
const downloadKey = (repo: string, commit: string) => `download:${repo}:${commit}`;

function startingWith(prefix: string) {
  return { gt: prefix, lt: `${prefix}\uffff` };
}
