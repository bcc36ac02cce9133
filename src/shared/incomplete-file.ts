import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isRunning } from './is-running.ts';
import { makeFolder } from './make-folder.ts';

/** A temporary file of another machine or container is stale after this time without a write. */
const ABANDONED_MS = 3_600_000;
const MARK = '.incomplete-';

/**
 * Writes a file atomically, also where several processes write it at once: each writes a temporary file of its own, and
 * the last rename wins.
 * @throws what `write` throws, and the errors of the system; then nothing of it stays.
 */
export async function writeWhole<T>(path: string, write: (incomplete: string) => Promise<T>): Promise<T> {
  const incomplete = await startIncomplete(path);
  try {
    const result = await write(incomplete);
    await rename(incomplete, path);
    return result;
  } catch (error) {
    await rm(incomplete, { force: true, recursive: true }).catch(() => {});
    throw error;
  }
}

/**
 * A name beside `path` that no other call of any process has, for what becomes `path` once it is complete. Makes the
 * folder, and removes what killed processes left of the same file.
 */
export async function startIncomplete(path: string): Promise<string> {
  await makeFolder(dirname(path));
  await removeAbandoned(path);
  return `${path}${MARK}${machine()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

async function removeAbandoned(path: string): Promise<void> {
  const [folder, prefix] = [dirname(path), `${basename(path)}${MARK}`];
  for (const name of await readdir(folder)) {
    // Earlier versions had one name for all.
    if (name !== prefix.slice(0, -1) && !name.startsWith(prefix)) continue;
    const incomplete = join(folder, name);
    if (await isAbandoned(incomplete, name.slice(prefix.length)))
      await rm(incomplete, { force: true, recursive: true }).catch(() => {});
  }
}

/** Whether a process of another machine or container still runs cannot be checked; the file's age decides. */
async function isAbandoned(incomplete: string, writer: string): Promise<boolean> {
  const [where, pid] = writer.split('-');
  if (where === machine() && !isRunning(Number(pid))) return true;
  const { mtimeMs } = await stat(incomplete).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
  return Date.now() - mtimeMs > ABANDONED_MS;
}

let known: string | undefined;

/** Names what counts processes as this one does: containers on one machine have numbers of their own. */
function machine(): string {
  known ??= createHash('sha256')
    .update([hostname(), ...linuxIds()].join())
    .digest('hex')
    .slice(0, 12);
  return known;
}

function linuxIds(): string[] {
  try {
    return [readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), readlinkSync('/proc/self/ns/pid')];
  } catch {
    return [];
  }
}
