import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { onDisk } from '../../shared/on-disk.ts';
import { isSealed, SUM_BYTES } from './sealed-fingerprint.ts';

const NOTHING = new Uint8Array(0);

/**
 * Reads files of fingerprints one after another into the same memory. Each is compared with its sum the first time, by a
 * thread of the system, the next one while one is looked at. Reading waits for the disk: whoever searches has nothing else to
 * do, and going around the event loop for each step of it takes longer.
 */
export class FingerprintReader {
  readonly #sound = new Set<string>();
  /** Of the file that is looked at, and of the next. */
  #rooms: [Uint8Array, Uint8Array] = [NOTHING, NOTHING];
  #ahead: { path: string; bytes: Promise<Uint8Array> } | undefined;

  /**
   * Good until the next call; no bytes where there is no file, or it is not what was stored.
   * @param next what is asked for next
   * @throws FlockOffError `disk`.
   */
  async read(path: string, next: string | null = null): Promise<Uint8Array> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    // Another may not write to the same room.
    if (ahead && ahead.path !== path) await ahead.bytes.catch(() => {});
    const bytes = await (ahead?.path === path ? ahead.bytes : this.#load(path));
    if (next === null) return bytes;
    this.#ahead = { path: next, bytes: this.#load(next) };
    // Whoever asks for it hears of it.
    this.#ahead.bytes.catch(() => {});
    return bytes;
  }

  async #load(path: string): Promise<Uint8Array> {
    this.#rooms = [this.#rooms[1], this.#rooms[0]];
    const stored = await onDisk(path, async () => this.#readWhole(path));
    if (stored.length < SUM_BYTES) return NOTHING;
    if (!this.#sound.has(path) && !(await isSealed(stored))) return NOTHING;
    this.#sound.add(path);
    return stored.subarray(SUM_BYTES);
  }

  /** Into the first room. */
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
      if (size > this.#rooms[0].length) this.#rooms[0] = new Uint8Array(size);
      const [room] = this.#rooms;
      let length = 0;
      for (let read = -1; read !== 0 && length < size; length += read)
        read = readSync(file, room, length, size - length, null);
      return room.subarray(0, length);
    } finally {
      closeSync(file);
    }
  }
}
