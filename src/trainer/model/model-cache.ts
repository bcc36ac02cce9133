import { constants } from 'node:fs';
import {
  access,
  copyFile,
  link,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { CONTENT_HASH, digestFile, hasHash } from '../../shared/file-digest.ts';
import { startIncomplete, writeWhole } from '../../shared/incomplete-file.ts';
import { makeFolder } from '../../shared/make-folder.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { sha256OfFile } from '../../shared/sha256-of-file.ts';
import type { HashOf } from './known-hashes.ts';
import { SINGLE_WEIGHTS, TOKENIZER_FILES, WEIGHTS_INDEX, weightFiles } from './model-files.ts';

export const COMMIT = /^[0-9a-f]{40}$/;

/** What a cache has of a file: `unnamed` where it is there and nothing says which hash it must have. */
export type Holding = 'whole' | 'unnamed' | 'absent';

/**
 * One model in a cache of Python's huggingface_hub, in its layout: `blobs/` holds each content under its hash,
 * `snapshots/<commit>/<file>` links to them, and `refs/<revision>` names the commit that a branch or tag was last seen
 * at. Nothing there is removed; what is written appears whole, and replaces only what does not have the hash it is named by.
 */
export class ModelCache {
  readonly #folder: string;
  readonly #hashOf: HashOf;

  /** @param model `namespace/name`. */
  constructor(cacheDir: string, model: string, hashOf: HashOf = sha256OfFile) {
    this.#hashOf = hashOf;
    this.#folder = resolve(cacheDir, `models--${model.replaceAll('/', '--')}`);
  }

  /** The folder with the files of one commit, as links. */
  snapshot(commit: string): string {
    return join(this.#folder, 'snapshots', commit);
  }

  blob(hash: string): string {
    return join(this.#folder, 'blobs', hash);
  }

  /** Where a file is received to; not a name that Python's downloads have. */
  arriving(name: string): string {
    return `${this.blob(name)}.flock-off`;
  }

  /**
   * What there is of a file at a commit, by its content.
   * @param hash which it must have; default: the one that its link points to.
   * @throws FlockOffError `disk` when it cannot be read.
   */
  async holds(commit: string, file: string, hash?: string | null): Promise<Holding> {
    const path = join(this.snapshot(commit), file);
    const wanted = hash ?? (await linkedHash(path));
    if (wanted === null) return (await isThere(path)) ? 'unnamed' : 'absent';
    return (await this.#hasContent(path, wanted)) ? 'whole' : 'absent';
  }

  /**
   * What there is of all that a model needs, as far as its own files tell.
   * @throws FlockOffError `disk` when a file cannot be read.
   */
  async holdsModel(commit: string): Promise<Holding> {
    const folder = this.snapshot(commit);
    const weights = await weightFiles(folder).catch(() => null);
    if (weights === null) return 'absent';
    const found = new Set<Holding>();
    const index = weights.includes(SINGLE_WEIGHTS) ? [] : [WEIGHTS_INDEX];
    for (const file of ['config.json', ...TOKENIZER_FILES, ...index, ...weights])
      found.add(await this.holds(commit, file));
    return found.has('absent') ? 'absent' : found.has('unnamed') ? 'unnamed' : 'whole';
  }

  /** Why nothing can be written for a commit, `null` where it can. Makes the folders. */
  async refusesWriting(commit: string): Promise<unknown> {
    try {
      for (const folder of [join(this.#folder, 'blobs'), this.snapshot(commit)]) {
        await makeFolder(folder);
        await access(folder, constants.W_OK);
      }
      return null;
    } catch (error) {
      return error;
    }
  }

  /** Takes a file of this machine as a blob, unless it has another content; without a copy where possible. */
  async adopt(path: string, hash: string): Promise<boolean> {
    if (!(await this.#hasContent(path, hash))) return false;
    if (path === this.blob(hash)) return true;
    const incomplete = await startIncomplete(this.arriving(hash));
    try {
      await linkOrCopy(await realpath(path), incomplete);
      await rename(incomplete, this.blob(hash));
      return true;
    } finally {
      await rm(incomplete, { force: true }).catch(() => {});
    }
  }

  /** Shows a blob as a file of a commit: by a relative link, or where links cannot be made, by the content. */
  async show(commit: string, file: string, hash: string): Promise<void> {
    const path = join(this.snapshot(commit), file);
    const target = relative(dirname(path), this.blob(hash));
    if ((await readlink(path).catch(() => null)) === target) return;
    const incomplete = await startIncomplete(path);
    try {
      await symlink(target, incomplete).catch(() => linkOrCopy(this.blob(hash), incomplete));
      await rename(incomplete, path);
    } finally {
      await rm(incomplete, { force: true }).catch(() => {});
    }
  }

  /** The commit that a branch or tag was last seen at, if any. */
  async commitAt(revision: string): Promise<string | null> {
    const path = this.#ref(revision);
    const commit = path === null ? '' : await readFile(path, 'utf8').catch(() => '');
    return COMMIT.test(commit) ? commit : null;
  }

  async putCommitAt(revision: string, commit: string): Promise<void> {
    const path = this.#ref(revision);
    if (path === null || revision === commit || (await this.commitAt(revision)) === commit) return;
    await writeWhole(path, (incomplete) => writeFile(incomplete, commit));
  }

  async #hasContent(path: string, hash: string): Promise<boolean> {
    const what = `the cached model file ${path} cannot be read`;
    const fix = 'make it readable; or remove it, and it is downloaded again';
    if (!(await isThere(path))) return false;
    return onDisk({ path, what, fix }, async () =>
      hash.length === 64 ? (await this.#hashOf(path)) === hash : hasHash(await digestFile(path), hash),
    );
  }

  /** `null` for a name that would lead elsewhere. */
  #ref(revision: string): string | null {
    const refs = join(this.#folder, 'refs');
    const path = join(refs, revision);
    return path.startsWith(refs + sep) ? path : null;
  }
}

/** The hash that a file of a snapshot is linked to, `null` where it is no link or the cache names blobs by something else. */
async function linkedHash(path: string): Promise<string | null> {
  const target = basename(await readlink(path).catch(() => ''));
  return CONTENT_HASH.test(target) ? target : null;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_FICLONE));
}
