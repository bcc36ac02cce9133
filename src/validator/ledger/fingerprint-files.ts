import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSealed, sealFingerprint } from '../../dataset/fingerprint/sealed-fingerprint.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';

/**
 * What rows are compared by, one file for the content of a dataset: kept out of the database, which is read as a whole
 * when it is opened.
 */
export class FingerprintFiles {
  readonly #folder: string;

  constructor({ folder }: { folder: string }) {
    this.#folder = folder;
  }

  async has(name: string): Promise<boolean> {
    return (await stat(this.fileOf(name)).catch(() => null)) !== null;
  }

  async read(name: string): Promise<Uint8Array | null> {
    const path = this.fileOf(name);
    const stored = await onDisk(path, () =>
      readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      }),
    );
    if (stored === null) return null;
    const fingerprint = openSealed(stored);
    if (fingerprint) return Uint8Array.from(fingerprint);
    await rm(path, { force: true }).catch(() => {});
    return null;
  }

  /** @throws FlockOffError `disk`. */
  async write({ name, fingerprint }: { name: string; fingerprint: Uint8Array }): Promise<void> {
    const path = this.fileOf(name);
    const sealed = sealFingerprint(fingerprint);
    await onDisk({ path, bytes: sealed.length }, () =>
      writeWhole(path, (incomplete) => writeFile(incomplete, sealed, { mode: 0o600 })),
    );
  }

  /** What cannot be removed is left for the next time. */
  async keepOnly(names: readonly string[]): Promise<void> {
    const kept = new Set(names.map((name) => this.fileOf(name)));
    for (const file of await readdir(this.#folder).catch(() => [])) {
      const path = join(this.#folder, file);
      if (file.endsWith(SUFFIX) && !kept.has(path)) await rm(path, { force: true }).catch(() => {});
    }
  }

  fileOf(name: string): string {
    return join(this.#folder, `${name}${SUFFIX}`);
  }
}

const SUFFIX = '.fp';
