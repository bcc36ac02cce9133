import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { writeWhole } from '../shared/incomplete-file.ts';
import { onDisk } from '../shared/on-disk.ts';
import { MOST_LOST } from './wire.ts';

const Note = z.object({ at: z.string().nullable(), lost: z.array(z.string()) });

/** Keeps on disk which try of a task a worker is at, so that the process after this one knows what this one ended with. */
export class LostWork {
  /** Hashes of tries, again for each time. */
  readonly lost: readonly string[];
  readonly #path: string;

  private constructor(path: string, lost: readonly string[]) {
    this.#path = path;
    this.lost = lost;
  }

  static async open({ cacheDir, publicKey }: { cacheDir: string; publicKey: string }): Promise<LostWork> {
    const path = join(cacheDir, 'worker', `at-work-${publicKey.slice(0, 16)}.json`);
    const { at, lost } = await readNote(path);
    return new LostWork(path, [...lost, ...(at === null ? [] : [at])].slice(-MOST_LOST));
  }

  /** @throws FlockOffError `disk`. */
  async begin(tryHash: string): Promise<void> {
    await this.#write(tryHash);
  }

  /** However it ended, this process did not end with it. */
  async end(): Promise<void> {
    await this.#write(null).catch(() => {});
  }

  async #write(at: string | null): Promise<void> {
    const text = JSON.stringify({ at, lost: this.lost });
    await onDisk(this.#path, () => writeWhole(this.#path, (incomplete) => writeFile(incomplete, text)));
  }
}

async function readNote(path: string): Promise<z.infer<typeof Note>> {
  try {
    return Note.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return { at: null, lost: [] };
  }
}
