import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { RepoId } from '../../schema/model-id.ts';
import { DEFAULT_CACHE } from './base-model.ts';
import { ModelCache } from './model-cache.ts';
import { TOKENIZER_FILES } from './model-files.ts';

export interface FindTokenizerParameters {
  /** A folder with the tokenizer's files, or a hub id `namespace/name`. */
  model: string;
  /** The cache that is shared with Python. */
  hubCacheDir: string;
}

/**
 * The folder of a base model's tokenizer, as `main` was last seen, `null` where this machine has none. Asks nobody, and
 * needs none of the weights.
 * @throws FlockOffError `disk` when a file that is there cannot be read.
 */
export async function findTokenizer({ model, hubCacheDir }: FindTokenizerParameters): Promise<string | null> {
  if (await isFolder(model)) return resolve(model);
  if (!RepoId.safeParse(model).success) return null;
  for (const cache of [new ModelCache(hubCacheDir, model), new ModelCache(join(DEFAULT_CACHE, 'hub'), model)]) {
    const commit = await cache.commitAt('main');
    if (commit !== null && (await holdsTokenizer(cache, commit))) return cache.snapshot(commit);
  }
  return null;
}

async function holdsTokenizer(cache: ModelCache, commit: string): Promise<boolean> {
  for (const file of TOKENIZER_FILES) if ((await cache.holds(commit, file)) === 'absent') return false;
  return true;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
