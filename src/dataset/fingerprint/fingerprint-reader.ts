import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { onDisk } from '../../shared/on-disk.ts';
import { openSealed, SUM_BYTES } from './sealed-fingerprint.ts';

const NOTHING = new Uint8Array(0);

/** Reads files of fingerprints one after another into the same memory. Each is compared with its sum the first time. */
export class FingerprintReader {
  #room = new Uint8Array(0);
  readonly #sound = new Set<string>();

  /**
   * Good until the next call; no bytes where there is no file, or it is not what was stored.
   * @throws FlockOffError `disk`.
   */
  async read(path: string): Promise<Uint8Array> {
    const stored = await onDisk(path, async () => this.#readWhole(path));
    if (stored.length < SUM_BYTES) return NOTHING;
    if (this.#sound.has(path)) return stored.subarray(SUM_BYTES);
    const fingerprint = openSealed(stored);
    if (fingerprint) this.#sound.add(path);
    return fingerprint ?? NOTHING;
  }

  #readWhole(path: string): Uint8Array {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING;
      throw error;
    }
    try {
      const { size } = fstatSync(file);
      if (size > this.#room.length) this.#room = new Uint8Array(size);
      let length = 0;
      for (let read = -1; read !== 0 && length < size; length += read)
        read = readSync(file, this.#room, length, size - length, null);
      return this.#room.subarray(0, length);
    } finally {
      closeSync(file);
    }
  }
}
