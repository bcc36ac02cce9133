import { readdir, rm, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { isRunning } from '../shared/is-running.ts';
import { makeFolder } from '../shared/make-folder.ts';

/** Where this package keeps what it downloaded, outside node_modules: `$XDG_CACHE_HOME/flock-off` or `~/.cache/flock-off`. */
export function defaultCacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'flock-off');
}

const INCOMPLETE = '.incomplete-';
const ABANDONED_AFTER_MS = 3_600_000;

/** A folder of the cache that appears whole or not at all: fill `incomplete`, then rename it to `folder`. */
export function cacheEntry(parent: string, name: string) {
  return {
    folder: join(parent, name),
    async start(): Promise<{ incomplete: string }> {
      const incomplete = join(parent, `${INCOMPLETE}${process.pid}`);
      try {
        await removeAbandoned(parent);
        await rm(incomplete, { recursive: true, force: true });
        await makeFolder(incomplete);
      } catch (error) {
        throw new FlockOffError({
          code: 'disk',
          what: `the cache folder ${parent} cannot be written (${messageOf(error)})`,
          fix: 'make it writable, or set XDG_CACHE_HOME to a folder that is',
          facts: { path: parent },
          cause: error,
        });
      }
      return { incomplete };
    },
  };
}

/** @throws FlockOffError `disk` when the file system of `folder` has less than `bytes` left. */
export async function checkFreeSpace(folder: string, bytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free >= bytes) return;
  throw new FlockOffError({
    code: 'disk',
    what: `${gigabytes(bytes)} of disk are needed in ${folder}, ${gigabytes(free)} are free`,
    fix: 'make room, or set XDG_CACHE_HOME to a folder on another disk',
    facts: { path: folder, bytes, freeBytes: free },
  });
}

/** Bytes that this user may still write on the file system of `folder`. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Deletes what killed runs left behind. A folder that still changes belongs to a run beside this one. */
async function removeAbandoned(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((candidate) => candidate.startsWith(INCOMPLETE))) {
    const folder = join(parent, name);
    const info = await stat(folder).catch(() => null);
    if (info && (!isRunning(Number(name.slice(INCOMPLETE.length))) || Date.now() - info.mtimeMs > ABANDONED_AFTER_MS)) {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
