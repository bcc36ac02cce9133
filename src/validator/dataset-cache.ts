import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { messageOf } from '../errors/flock-off-error.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { type Logger, silentLogger } from '../shared/logger.ts';
import { makeFolder } from '../shared/make-folder.ts';

/** The part of a cache folder that validators share: each leaves alone what another one uses. */
export interface DatasetCache {
  cacheDir: string;
  /** Names the validator among those that share the folder. */
  validatorId: string;
  clock?: Clock;
  logger?: Logger;
}

/** A validator whose mark is older is taken to be gone: marks are renewed once an epoch. */
const GONE_MS = 7 * 86_400_000;
const MARK = 'used-by-';

/** Where the dataset of one commit lies in the cache. */
export function datasetFolder(cacheDir: string, repo: string, commit: string): string {
  return join(cacheDir, 'datasets', ...repo.split('/'), commit);
}

export function datasetPath(cacheDir: string, repo: string, commit: string): string {
  return join(datasetFolder(cacheDir, repo, commit), 'data.jsonl');
}

/** Where the runs of one validator that were interrupted lie until its epoch is over. */
export function checkpointFolder({ cacheDir, validatorId }: DatasetCache): string {
  return join(cacheDir, 'checkpoints', validatorId);
}

/** Makes a dataset's folder, and says in it that this validator uses it. Others do not remove it then. */
export async function markUsed(folder: string, { validatorId, clock = systemClock }: DatasetCache): Promise<void> {
  const mark = join(folder, MARK + validatorId);
  const now = new Date(clock.nowMs());
  for (let attempt = 1; ; attempt++) {
    try {
      await makeFolder(folder);
      await writeFile(mark, '');
      return await utimes(mark, now, now);
    } catch (error) {
      // Another validator may remove the folder this very moment.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 3) throw error;
    }
  }
}

/**
 * Removes the datasets that this validator does not need any more and no other one uses, and its checkpoints. What cannot be
 * removed is logged and left for the next time.
 */
export async function pruneCache(cache: DatasetCache, needed: ReadonlySet<string>): Promise<void> {
  const { cacheDir, validatorId, logger = silentLogger } = cache;
  const unneeded = (path: string, remove: () => Promise<void>) =>
    remove().catch((error: NodeJS.ErrnoException) => {
      // Another validator was first.
      if (error.code !== 'ENOENT')
        logger.warn(`${path} is not needed any more and cannot be removed: ${messageOf(error)}`);
    });
  for (const folder of await commitFolders(join(cacheDir, 'datasets'))) {
    if (needed.has(folder)) await markUsed(folder, cache).catch(() => {});
    else await unneeded(folder, () => removeUnused(folder, cache));
  }
  const checkpoints = join(cacheDir, 'checkpoints');
  for (const name of await readdir(checkpoints).catch(() => [])) {
    const path = join(checkpoints, name);
    // Files there are those of version 0.1.0.
    if (name === validatorId || name.endsWith('.safetensors') || (await isGone(path, cache)))
      await unneeded(path, () => rm(path, { recursive: true, force: true }));
  }
}

async function removeUnused(folder: string, cache: DatasetCache): Promise<void> {
  await rm(join(folder, MARK + cache.validatorId), { force: true });
  if (await isUsed(folder, cache)) return;
  // Under another name nobody begins to use it any more; who began before has left a mark.
  const aside = `${folder}.${randomUUID().slice(0, 8)}`;
  await rename(folder, aside);
  if (await isUsed(aside, cache)) await rename(aside, folder).catch(() => rm(aside, { recursive: true, force: true }));
  else await rm(aside, { recursive: true, force: true });
}

async function isUsed(folder: string, cache: DatasetCache): Promise<boolean> {
  for (const name of await readdir(folder))
    if (name.startsWith(MARK) && !(await isGone(join(folder, name), cache))) return true;
  return false;
}

async function isGone(path: string, { clock = systemClock }: DatasetCache): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found === null || clock.nowMs() - found.mtimeMs > GONE_MS;
}

/** The folders namespace/name/commit. */
async function commitFolders(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true }).catch(() => []);
  return entries.filter((entry) => entry.split(sep).length === 3).map((entry) => join(root, entry));
}
