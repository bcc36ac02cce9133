import { join } from 'node:path';
import { DEFAULT_CACHE, knownHashes } from './base-model.ts';
import { ModelCache } from './model-cache.ts';

export interface FindKeptModelParameters {
  /** `namespace/name`. */
  model: string;
  /** 40-hex commit sha. */
  commit: string;
  /** The cache that is shared with Python. */
  hubCacheDir: string;
  /** As of a trainer. */
  cacheDir?: string;
}

/**
 * The folder of a base model at a commit, `null` where this machine does not have all of it. Asks nobody.
 * @throws FlockOffError `disk` when a file that is there cannot be read.
 */
export async function findKeptModel(parameters: FindKeptModelParameters): Promise<string | null> {
  const { model, commit, hubCacheDir, cacheDir = DEFAULT_CACHE } = parameters;
  const hashOf = knownHashes({ cacheDir }).of;
  for (const folder of [hubCacheDir, join(cacheDir, 'hub')]) {
    const cache = new ModelCache(folder, model, hashOf);
    if ((await cache.holdsModel(commit)) !== 'absent') return cache.snapshot(commit);
  }
  return null;
}
