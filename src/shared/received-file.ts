import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { ReceivedBytes } from './body-from.ts';
import { digester, type FileDigest, hasHash } from './file-digest.ts';
import type { HubFault } from './hub-refusal.ts';
import { leaveIncomplete, resumeIncomplete, startIncomplete } from './incomplete-file.ts';
import { type OnDiskParameters, onDisk } from './on-disk.ts';

/** After so many bytes a broken connection is resumed at once; an incomplete file with less is not kept. */
const PROGRESS_BYTES = 1024 * 1024;

/** What is known of a file's content. */
export interface FileContent {
  bytes: number;
  /** SHA-256 or git blob id, `null` where it is not known. */
  hash: string | null;
}

/** Where a file comes from. */
export interface FileSource extends FileContent {
  /** Its bytes from `offset` on, over a new connection; from the beginning where the server cannot begin elsewhere. */
  bytesFrom(offset: number): Promise<ReceivedBytes>;
  /** Makes the error of a source that serves something else. */
  fault: HubFault;
  /** Called with how many have arrived. */
  onProgress?(bytesDone: number): void;
}

/**
 * A file that is being received, possibly over several connections and by several processes after each other: each goes
 * on where the last one broke off, and the hash of the whole decides. It appears under its name when it is complete.
 */
export class ReceivedFile {
  readonly #path: string;
  readonly #where: string | OnDiskParameters;
  #incomplete = '';
  #file: FileHandle | null = null;
  #content: FileContent = { bytes: 0, hash: null };
  #digester: ReturnType<typeof digester> | null = null;
  #isDiskSound = true;

  /** @param where what the disk's faults name; default: the path. */
  constructor(path: string, where: string | OnDiskParameters = path) {
    this.#path = path;
    this.#where = where;
  }

  /**
   * Writes what is missing of the file, and reads nothing behind its end: whether it is the right one, its hash tells.
   * @throws what reading the source throws, once a connection has brought too little; the source's fault for wrong
   *   bytes, of which nothing is kept; FlockOffError `disk`.
   */
  async fill(source: FileSource): Promise<FileDigest> {
    const file = await this.#open(source);
    let furthest = this.#seen;
    while (this.#seen < source.bytes) {
      try {
        await this.#receive(file, await source.bytesFrom(this.#seen), source.onProgress);
      } catch (error) {
        if (this.#seen - furthest < PROGRESS_BYTES) throw error;
        furthest = this.#seen;
      }
    }
    await this.#onDisk(async () => {
      // A discarded part may have been longer than the file.
      await file.truncate(source.bytes);
      // Some file systems report only now that the disk is full.
      await file.sync();
    });
    const digest = (this.#digester ?? digester(0)).digest();
    // A digest can be taken once: filling the file again starts over.
    this.#digester = null;
    if (source.hash === null || hasHash(digest, source.hash)) return digest;
    throw source.fault('the bytes received are not those of the file');
  }

  /** Gives the filled file its name, or another one on the same disk. */
  async complete(path = this.#path): Promise<void> {
    await this.#file?.close();
    this.#file = null;
    await this.#onDisk(() => rename(this.#incomplete, path));
  }

  /** Closes an incomplete file: enough of a beginning stays, for the next download of this content. */
  async close(): Promise<void> {
    if (this.#file === null) return;
    await this.#file.close().catch(() => {});
    this.#file = null;
    const isKept = this.#isDiskSound && this.#content.hash !== null && this.#seen >= PROGRESS_BYTES;
    if (isKept) await leaveIncomplete(this.#path, this.#incomplete).catch(() => {});
    else await rm(this.#incomplete, { force: true }).catch(() => {});
    this.#digester = null;
  }

  get #seen(): number {
    return this.#digester?.seen ?? 0;
  }

  async #open({ bytes, hash }: FileContent): Promise<FileHandle> {
    if (this.#file && bytes === this.#content.bytes && hash === this.#content.hash) return this.#file;
    await this.close();
    this.#content = { bytes, hash };
    return this.#onDisk(async () => {
      const path = this.#path;
      this.#incomplete = hash === null ? await startIncomplete(path) : await resumeIncomplete(path, hash);
      this.#file = await open(this.#incomplete, constants.O_RDWR | constants.O_CREAT);
      const kept = (await this.#file.stat()).size;
      if (kept > 0 && kept <= bytes) await this.#takeUp(this.#file);
      return this.#file;
    });
  }

  async #takeUp(file: FileHandle): Promise<void> {
    const taken = digester(this.#content.bytes);
    for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) taken.update(chunk as Buffer);
    this.#digester = taken;
  }

  async #receive(
    file: FileHandle,
    { offset, bytes }: ReceivedBytes,
    onProgress?: (bytesDone: number) => void,
  ): Promise<void> {
    if (offset !== this.#seen) this.#digester = null;
    this.#digester ??= digester(this.#content.bytes);
    const received = this.#digester;
    for await (const chunk of bytes) {
      const piece = chunk.subarray(0, this.#content.bytes - received.seen);
      await this.#onDisk(() => writeAll(file, piece, received.seen));
      received.update(piece);
      onProgress?.(received.seen);
      if (received.seen === this.#content.bytes) return;
    }
    const ended = new Error(`it ended after ${received.seen} of ${this.#content.bytes} bytes`);
    // A short answer that did not break off is likely another page, not the beginning of the file.
    if (received.seen < PROGRESS_BYTES) this.#digester = null;
    throw ended;
  }

  async #onDisk<T>(work: () => Promise<T>): Promise<T> {
    return onDisk(this.#where, work).catch((error: unknown) => {
      this.#isDiskSound = false;
      throw error;
    });
  }
}

/** One call may write less than it is given: on a full disk the rest is refused by the next one. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
