import { createHash } from 'node:crypto';
import { readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { sha256OfFile } from '../../shared/sha256-of-file.ts';

/** SHA-256 of a file as 64 hex digits, or `null` when there is no such file. */
export type HashOf = (path: string) => Promise<string | null>;

/**
 * Hashes of files that are read for them once: a note in a folder says which file it was, by path, device, inode, size and
 * times of change. Whatever writes to the file changes these; a disk that damages it does not.
 */
export class KnownHashes {
  readonly #folder: string;
  readonly #recheck: boolean;

  /** @param recheck reads every file again. */
  constructor(folder: string, { recheck = false }: { recheck?: boolean } = {}) {
    this.#folder = folder;
    this.#recheck = recheck;
  }

  /** @throws the errors of the system, as `sha256OfFile` does. */
  readonly of: HashOf = async (path) => {
    const before = await identityOf(path);
    const noted = before === null || this.#recheck ? null : await this.#noted(before);
    if (noted !== null) return noted;
    const sha256 = await sha256OfFile(path);
    if (before !== null && sha256 !== null && same(before, await identityOf(path))) await this.#note(before, sha256);
    return sha256;
  };

  /** Takes the hash of a file that has just been written. */
  async learn(path: string, sha256: string): Promise<void> {
    const identity = await identityOf(path);
    if (identity !== null) await this.#note(identity, sha256);
  }

  /** Of all files: what was read of one turned out wrong. */
  async forget(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true }).catch(() => {});
  }

  async #noted(identity: Identity): Promise<string | null> {
    try {
      const note = JSON.parse(await readFile(this.#place(identity), 'utf8')) as { file: Identity; sha256: string };
      return same(note.file, identity) ? note.sha256 : null;
    } catch {
      return null;
    }
  }

  /** Where it cannot be written, the file is read again next time. */
  async #note(file: Identity, sha256: string): Promise<void> {
    const text = JSON.stringify({ file, sha256 });
    await writeWhole(this.#place(file), (incomplete) => writeFile(incomplete, text)).catch(() => {});
  }

  #place({ path }: Identity): string {
    return join(this.#folder, `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`);
  }
}

/** Numbers as text: they are larger than JSON's. */
type Identity = Record<'path' | 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs', string>;

async function identityOf(given: string): Promise<Identity | null> {
  try {
    const path = await realpath(given);
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return { path, dev: `${dev}`, ino: `${ino}`, size: `${size}`, mtimeNs: `${mtimeNs}`, ctimeNs: `${ctimeNs}` };
  } catch {
    return null;
  }
}

function same(a: Identity, b: Identity | null): boolean {
  return b !== null && (Object.keys(a) as (keyof Identity)[]).every((key) => a[key] === b[key]);
}
