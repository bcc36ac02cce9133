import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';

/**
 * What rows are compared by, one file for the content of a dataset. They are kept out of the database, which is read as a
 * whole when it is opened, and every one of them can be made anew from its dataset.
 */
export class FingerprintFiles {
  readonly #folder: string;
  readonly #version: number;

  /** @param version of what is stored: files of another are as good as none. */
  constructor({ folder, version }: { folder: string; version: number }) {
    this.#folder = folder;
    this.#version = version;
  }

  /** Whether there is one for the dataset with this hash, sound or not. */
  async has(sha256: string): Promise<boolean> {
    return (await stat(this.#path(sha256)).catch(() => null)) !== null;
  }

  /** `null` where there is none, or it is not what was stored. */
  async read(sha256: string): Promise<Uint8Array | null> {
    const path = this.#path(sha256);
    const stored = await onDisk(path, () =>
      readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      }),
    );
    if (stored === null) return null;
    const fingerprint = stored.subarray(SUM_BYTES);
    if (sumOf(fingerprint).equals(stored.subarray(0, SUM_BYTES))) return Uint8Array.from(fingerprint);
    await rm(path, { force: true }).catch(() => {});
    return null;
  }

  /** @throws FlockOffError `disk`. */
  async write(sha256: string, fingerprint: Uint8Array): Promise<void> {
    const path = this.#path(sha256);
    const sealed = Buffer.concat([sumOf(fingerprint), fingerprint]);
    await onDisk({ path, bytes: sealed.length }, () =>
      writeWhole(path, (incomplete) => writeFile(incomplete, sealed, { mode: 0o600 })),
    );
  }

  /** Removes all others. What cannot be removed is left for the next time. */
  async keepOnly(sha256s: Iterable<string>): Promise<void> {
    const kept = new Set([...sha256s].map((sha256) => this.#name(sha256)));
    for (const name of await readdir(this.#folder).catch(() => []))
      if (name.endsWith('.fp') && !kept.has(name)) await rm(join(this.#folder, name), { force: true }).catch(() => {});
  }

  #name(sha256: string): string {
    return `${sha256}.${this.#version}.fp`;
  }

  #path(sha256: string): string {
    return join(this.#folder, this.#name(sha256));
  }
}

const SUM_BYTES = 32;

function sumOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
