import { mkdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import type { PendingReveal, PendingRevealStore } from '../chain/weight-setter.ts';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type { Checked } from '../schema/verdict.ts';

/** The epoch a validator is in: kept until its weights are on the chain, so that a restart goes on with the same draw. */
export interface OpenEpoch {
  /** Seed of every training run of the epoch, 0..65535. */
  epochSeed: number;
  /** The miners the queue picked. */
  hotkeys: string[];
  startBlock: number;
}

/** What a dataset looked like when it was last read, for finding its copies when it is not in the draw itself. */
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
 * Everything a validator must not forget, in an embedded LevelDB: the queue, moving-average weights, losses by dataset hash,
 * remembered datasets and pending reveals. Every write is synced to disk before it resolves, so a killed validator goes on
 * where it stopped.
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
      delete: (id) => this.#db.del(`reveal:${id}`, { sync: true }),
    };
  }

  /**
   * Opens (or creates) the state in the folder `path`.
   * @throws FlockOffError `state-locked` when another process has it open, `disk` when it cannot be read or written.
   */
  static async open({ path }: { path: string }): Promise<ValidatorState> {
    const db = new ClassicLevel<string, unknown>(path, { valueEncoding: 'json' });
    try {
      await mkdir(path, { recursive: true });
      await db.open();
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
    return new ValidatorState(db);
  }

  /** The epoch in progress, or `null` between epochs. */
  openEpoch(): Promise<OpenEpoch | null> {
    return this.#get<OpenEpoch>('epoch');
  }

  /** The serialised {@link EvalQueue}, or `null` on the first start. */
  queue(): Promise<unknown> {
    return this.#get<unknown>('queue');
  }

  /** Moving-average weight by hotkey, as of the last finished epoch. */
  async weights(): Promise<Record<string, number>> {
    return (await this.#get<Record<string, number>>('weights')) ?? {};
  }

  /** Stores a new draw together with the queue that made it. */
  async beginEpoch(epoch: OpenEpoch, queue: unknown): Promise<void> {
    await this.#db.batch(
      [
        { type: 'put', key: 'epoch', value: epoch },
        { type: 'put', key: 'queue', value: queue },
      ],
      { sync: true },
    );
  }

  /** Stores the new averages and the queue, forgets the scores of the epoch, and closes it: all or nothing. */
  async finishEpoch(weights: Record<string, number>, queue: unknown): Promise<void> {
    const scores = await this.#db.keys({ gt: 'score:', lt: 'score;' }).all();
    await this.#db.batch(
      [
        { type: 'put', key: 'weights', value: weights },
        { type: 'put', key: 'queue', value: queue },
        { type: 'del', key: 'epoch' },
        ...scores.map((key) => ({ type: 'del' as const, key })),
      ],
      { sync: true },
    );
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
    return this.#get<{ sha256: string }>(`download:${repo}:${commit}`);
  }

  putDownload(repo: string, commit: string, { sha256 }: { sha256: string }): Promise<void> {
    return this.#put(`download:${repo}:${commit}`, { sha256 });
  }

  /** The dataset a hotkey last showed, or `null`. */
  dataset(hotkey: string): Promise<RememberedDataset | null> {
    return this.#get<RememberedDataset>(`dataset:${hotkey}`);
  }

  putDataset(hotkey: string, dataset: RememberedDataset): Promise<void> {
    return this.#put(`dataset:${hotkey}`, dataset);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  async #get<T>(key: string): Promise<T | null> {
    return ((await this.#db.get(key)) as T | undefined) ?? null;
  }

  #put(key: string, value: unknown): Promise<void> {
    return this.#db.put(key, value, { sync: true });
  }

  async #values<T>(prefix: string): Promise<T[]> {
    return (await this.#db.values({ gt: prefix, lt: `${prefix}\uffff` }).all()) as T[];
  }
}
