import type { FileHandle } from 'node:fs/promises';
import { digester, type FileDigest } from '../shared/file-digest.ts';
import { onDisk } from '../shared/on-disk.ts';

/** What a connection must bring before it breaks to be followed by the next one at once. */
const PROGRESS_BYTES = 1024 * 1024;

/** A file that is being received, possibly over several connections: each goes on where the last one broke off. */
export class ReceivedFile {
  readonly #file: FileHandle;
  readonly #path: string;
  #bytes = 0;
  #digester: ReturnType<typeof digester> | null = null;
  #digest: FileDigest | null = null;

  constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /**
   * Writes what is missing of a blob. `null` when it has more than `maxBytes`.
   * @throws what reading the blob throws, once a connection has brought too little; FlockOffError `disk`.
   */
  async fill(blob: Blob, maxBytes: number): Promise<FileDigest | null> {
    if (blob.size !== this.#bytes) this.discard();
    this.#bytes = blob.size;
    this.#digester ??= digester(blob.size);
    while (this.#digester.seen < blob.size) {
      const before = this.#digester.seen;
      try {
        if (!(await this.#receive(before === 0 ? blob : blob.slice(before), maxBytes))) return null;
        if (this.#digester.seen < blob.size)
          throw new Error(`it ended after ${this.#digester.seen} of ${blob.size} bytes`);
      } catch (error) {
        if (this.#digester.seen - before < PROGRESS_BYTES) throw error;
      }
    }
    if (!this.#digest) {
      // Some file systems say only now that there is no room.
      await onDisk(this.#path, () => this.#file.sync());
      this.#digest = this.#digester.digest();
    }
    return this.#digest;
  }

  /** Begins anew: what was received is not what it should be. */
  discard(): void {
    this.#digester = null;
    this.#digest = null;
  }

  async #receive(rest: Blob, maxBytes: number): Promise<boolean> {
    const received = this.#digester!;
    for await (const chunk of rest.stream() as unknown as AsyncIterable<Uint8Array>) {
      if (received.seen + chunk.length > maxBytes) return false;
      await onDisk(this.#path, () => writeAll(this.#file, chunk, received.seen));
      received.update(chunk);
    }
    return true;
  }
}

/** One call may write less than it is given: on a full disk the rest is refused by the next one. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
