import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { type Head, HeadFile, VERSION } from './head.ts';
import { digestOf, seal, unseal } from './seal.ts';
import { stateLocked } from './state-errors.ts';
import { HEAD_KEY } from './verify.ts';

export type Operation = { type: 'put'; key: string; value: unknown } | { type: 'del'; key: string };

/** What is known to be in the folder, or what is to be in it from its first write on. */
export type Beginning =
  | { head: Head; sums: ReadonlyMap<string, string> }
  | { values: ReadonlyMap<string, unknown>; sequence: number };

/**
 * JSON values by key in a LevelDB that does not trust its disk: every value is sealed with its key, a head over all entries is
 * written with each write, and again in a file of its own. What is read is what was last written, or an error is thrown.
 * Only the owner may read the files.
 */
export class SealedStore {
  readonly #path: string;
  readonly #db: ClassicLevel<string, string>;
  readonly #headFile: HeadFile;
  #head: Head;
  #sums: ReadonlyMap<string, string>;
  /** After a write that failed nobody knows what the files hold: the store has to be opened again. */
  #failed: FlockOffError | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #tightened = new Set<string>();

  private constructor(path: string, db: ClassicLevel<string, string>, head: Head, sums: ReadonlyMap<string, string>) {
    this.#path = path;
    this.#db = db;
    this.#headFile = new HeadFile(path);
    this.#head = head;
    this.#sums = sums;
  }

  /**
   * Opens a folder whose entries were looked at before.
   * @throws FlockOffError `state-locked`; what LevelDB and the system throw.
   */
  static async open(path: string, beginning: Beginning): Promise<SealedStore> {
    // Loaded here: it is a native addon, and who keeps no state does without.
    const { ClassicLevel } = await import('classic-level');
    const db = new ClassicLevel<string, string>(path, { valueEncoding: 'utf8' });
    await db.open();
    const seen = 'head' in beginning ? beginning : null;
    const sums = seen?.sums ?? new Map<string, string>();
    const head = seen?.head ?? nothing(beginning);
    const store = new SealedStore(path, db, head, sums);
    try {
      if ((await db.get(HEAD_KEY)) !== (seen ? seal(HEAD_KEY, head).sealed : undefined)) throw stateLocked(path);
      if ('values' in beginning) await store.write(puts(beginning.values));
      else await store.#headFile.write(head); // a crash may have come before it
      await store.#tighten();
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Keys that begin so, sorted. */
  keys(prefix: string): Promise<string[]> {
    return this.#inTurn(async () => [...this.#sums.keys()].filter((key) => key.startsWith(prefix)).sort());
  }

  /**
   * The value, or `null`.
   * @throws FlockOffError `state-damaged` when the disk has another than was stored, `disk` when it cannot be read.
   */
  get(key: string): Promise<unknown> {
    return this.#inTurn(async () => {
      const sum = this.#sums.get(key);
      if (sum === undefined) return null;
      const read = unseal(key, (await this.#db.get(key)) ?? '');
      if (read?.sum === sum) return read.value;
      throw new FlockOffError({
        code: 'state-damaged',
        what: `the validator state in ${this.#path} is damaged: the entry ${key} is not what was stored`,
        fix: 'check the disk, then start again: that tells what a repair would give back',
        facts: { path: this.#path, key },
      });
    });
  }

  /** All or nothing, and on the disk when it resolves. */
  write(operations: Operation[]): Promise<void> {
    return this.#inTurn(async () => {
      if (operations.length === 0) return;
      const sums = new Map(this.#sums);
      const batch = operations.map((operation) => {
        if (operation.type === 'del') {
          sums.delete(operation.key);
          return operation;
        }
        const { sealed, sum } = seal(operation.key, operation.value);
        sums.set(operation.key, sum);
        return { ...operation, value: sealed };
      });
      const head = nextHead(this.#head, sums);
      batch.push({ type: 'put', key: HEAD_KEY, value: seal(HEAD_KEY, head).sealed });
      await this.#db.batch(batch, { sync: true });
      await this.#headFile.write(head);
      this.#sums = sums;
      this.#head = head;
      await this.#tighten();
    });
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#db.close();
    await this.#headFile.close();
    // LevelDB writes tables in the background, too.
    await this.#tighten().catch(() => {});
  }

  /** One after the other: a value is never looked at between its write and the write of what is known of it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(async () => {
      if (this.#failed) throw this.#failed;
      try {
        return await work();
      } catch (error) {
        if (error instanceof FlockOffError) throw error;
        this.#failed = new FlockOffError({
          code: 'disk',
          what: `the validator state in ${this.#path} cannot be read or written (${messageOf(error)})`,
          fix: 'make room on the disk, check the rights of that folder, and start again: it goes on where it stopped',
          facts: { path: this.#path },
          cause: error,
        });
        throw this.#failed;
      }
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  #tighten(): Promise<void> {
    return tighten(this.#path, this.#tightened);
  }
}

/** LevelDB's, and the head. Whatever else somebody keeps in that folder is not ours. */
const OWN_FILE = /^(CURRENT|HEAD|LOCK|LOG(\.old)?|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp))$/;

/** Salts are in the files: only their owner may read them. LevelDB makes them readable for everybody. */
export async function tighten(path: string, done = new Set<string>()): Promise<void> {
  // Who does not own them has no say, and may still work with them.
  if (done.size === 0) await chmod(path, 0o700).catch(() => {});
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (!entry.isFile() || done.has(entry.name) || !OWN_FILE.test(entry.name)) continue;
    await chmod(join(path, entry.name), 0o600).catch(() => {});
    done.add(entry.name);
  }
}

function nothing(beginning: Beginning): Head {
  const sequence = 'sequence' in beginning ? beginning.sequence - 1 : 0;
  return { version: VERSION, sequence, entries: 0, digest: digestOf(new Map()), before: '' };
}

function nextHead({ sequence, digest }: Head, sums: ReadonlyMap<string, string>): Head {
  return { version: VERSION, sequence: sequence + 1, entries: sums.size, digest: digestOf(sums), before: digest };
}

function puts(values: ReadonlyMap<string, unknown>): Operation[] {
  return [...values].map(([key, value]) => ({ type: 'put', key, value }));
}
