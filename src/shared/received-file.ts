import type { FileHandle } from 'node:fs/promises';
import type { ReceivedBytes } from './body-from.ts';
import { digester, type FileDigest } from './file-digest.ts';
import { type OnDiskParameters, onDisk } from './on-disk.ts';

/** A connection that breaks after this many bytes is replaced at once, and does not count as a failed attempt. */
const PROGRESS_BYTES = 1024 * 1024;

/** Where a file comes from. */
export interface FileSource {
  /** How many it has, as far as is known. */
  bytes: number;
  /** Its bytes from `offset` on, over a new connection; from the beginning where the server cannot begin elsewhere. */
  bytesFrom(offset: number): Promise<ReceivedBytes>;
  /** Called with how many have arrived. */
  onProgress?(bytesDone: number): void;
}

/** A file that is being received, possibly over several connections: each goes on where the last one broke off. */
export class ReceivedFile {
  readonly #file: FileHandle;
  readonly #where: string | OnDiskParameters;
  #bytes = 0;
  #digester: ReturnType<typeof digester> | null = null;
  #digest: FileDigest | null = null;

  /** @param where what the disk's faults name. */
  constructor(file: FileHandle, where: string | OnDiskParameters) {
    this.#file = file;
    this.#where = where;
  }

  /**
   * Writes what is missing of the file, and reads nothing behind its end: whether it is the right one, its hash tells.
   * @throws what reading the source throws, once a connection has brought too little; FlockOffError `disk`.
   */
  async fill(source: FileSource): Promise<FileDigest> {
    if (source.bytes !== this.#bytes) this.discard();
    this.#bytes = source.bytes;
    let furthest = this.#seen;
    while (this.#seen < source.bytes) {
      try {
        await this.#receive(await source.bytesFrom(this.#seen), source.onProgress);
      } catch (error) {
        if (this.#seen - furthest < PROGRESS_BYTES) throw error;
        furthest = this.#seen;
      }
    }
    if (!this.#digest) {
      await onDisk(this.#where, async () => {
        // What was discarded may have been longer.
        await this.#file.truncate(source.bytes);
        // Some file systems say only now that there is no room.
        await this.#file.sync();
      });
      this.#digest = (this.#digester ?? digester(0)).digest();
    }
    return this.#digest;
  }

  /** Discards what was received, to start again. */
  discard(): void {
    this.#digester = null;
    this.#digest = null;
  }

  get #seen(): number {
    return this.#digester?.seen ?? 0;
  }

  async #receive({ offset, bytes }: ReceivedBytes, onProgress?: (bytesDone: number) => void): Promise<void> {
    if (offset !== this.#seen) this.discard();
    this.#digester ??= digester(this.#bytes);
    const received = this.#digester;
    for await (const chunk of bytes) {
      const piece = chunk.subarray(0, this.#bytes - received.seen);
      await onDisk(this.#where, () => writeAll(this.#file, piece, received.seen));
      received.update(piece);
      onProgress?.(received.seen);
      if (received.seen === this.#bytes) return;
    }
    const ended = new Error(`it ended after ${received.seen} of ${this.#bytes} bytes`);
    // A short answer that did not break off is likely another page, not the beginning of the file.
    if (received.seen < PROGRESS_BYTES) this.discard();
    throw ended;
  }
}

/** One call may write less than it is given: on a full disk the rest is refused by the next one. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
