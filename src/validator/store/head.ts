import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** What a store held after one of its writes. */
export type Head = z.infer<typeof Head>;
export const Head = z.object({
  version: z.int(),
  /** Writes so far. */
  sequence: z.int().positive(),
  entries: z.int().nonnegative(),
  /** Over all entries. */
  digest: z.string(),
  /** The digest one write earlier. */
  before: z.string(),
});

/** Of the format that this version writes. */
export const VERSION = 1;

const FILE = 'HEAD';
/** Far enough apart that no write of one can damage the other. */
const SLOT_BYTES = 4096;

/**
 * The head of a store in a small file beside its LevelDB, synced after each write to that: it may lag by the one write that
 * a crash interrupted, and never leads. So a LevelDB that has lost its latest writes is known by it. Two slots alternate, so
 * that an interrupted write leaves the other intact.
 */
export class HeadFile {
  readonly #folder: string;
  #file: FileHandle | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(head: Head): Promise<void> {
    const json = JSON.stringify(head);
    const record = Buffer.alloc(SLOT_BYTES);
    record.write(`${sumOf(json)} ${json}\n`);
    const path = join(this.#folder, FILE);
    this.#file ??= await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (this.#file) {
      await this.#file.write(record, 0, record.length, (head.sequence % 2) * SLOT_BYTES);
      await this.#file.datasync();
      return;
    }
    // Both slots are allocated now, so that a disk that fills up later cannot stop a write.
    this.#file = await open(path, 'wx', 0o600);
    await this.#file.write(Buffer.concat([record, record]), 0, 2 * SLOT_BYTES, 0);
    await this.#file.sync();
    await syncFolder(this.#folder);
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }
}

/** The latest head that can be read, `null` when there is none, and whether the file is there. */
export async function readHeadFile(folder: string): Promise<{ head: Head | null; exists: boolean }> {
  const bytes = await readFile(join(folder, FILE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!bytes) return { head: null, exists: false };
  const heads = [0, SLOT_BYTES].flatMap((at) => readSlot(bytes.subarray(at, at + SLOT_BYTES).toString('latin1')) ?? []);
  return { head: heads.sort((a, b) => b.sequence - a.sequence)[0] ?? null, exists: true };
}

function readSlot(text: string): Head | null {
  const end = text.indexOf('\n');
  const [sum, json] = [text.slice(0, 64), text.slice(65, Math.max(65, end))];
  if (sumOf(json) !== sum) return null;
  return Head.safeParse(JSON.parse(json)).data ?? null;
}

function sumOf(json: string): string {
  return createHash('sha256').update(json).digest('hex');
}

/** So that the name is there after a power cut. Not every system can. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
