import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isRunning } from './is-running.ts';
import { makeFolder } from './make-folder.ts';

/** A temporary file of another machine or container is stale after this time without a write. */
const ABANDONED_MS = 3_600_000;
/** The same of one that can be resumed: its writer waits at most five and a half minutes for a rate limit to end. */
const RESUMABLE_MS = 600_000;
const MARK = '.incomplete-';
/** In place of a writer: its process may live on, and is done with the file. */
const LEFT = 'left-0';

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
  for (const { incomplete } of await findAbandoned(path)) await remove(incomplete);
  return nameBy(path, `${machine()}-${process.pid}`);
}

/**
 * As {@link startIncomplete}, for content that has a hash: the file begins with what {@link leaveIncomplete} or a killed
 * process left of the same content, if anything. Of several callers one gets it.
 */
export async function resumeIncomplete(path: string, hash: string): Promise<string> {
  await makeFolder(dirname(path));
  const mine = `${nameBy(path, `${machine()}-${process.pid}`)}-${hash}`;
  const abandoned = await findAbandoned(path);
  const begun = abandoned.filter(({ incomplete }) => incomplete.endsWith(`-${hash}`)).sort((a, b) => b.bytes - a.bytes);
  for (const { incomplete } of begun) if (await isRenamed(incomplete, mine)) break;
  for (const { incomplete } of abandoned) await remove(incomplete);
  return mine;
}

/** Leaves what {@link resumeIncomplete} named to whoever resumes it, also while this process runs. */
export async function leaveIncomplete(path: string, incomplete: string): Promise<void> {
  await rename(incomplete, `${nameBy(path, LEFT)}-${incomplete.split('-').at(-1)}`);
}

function nameBy(path: string, writer: string): string {
  return `${path}${MARK}${writer}-${randomUUID().slice(0, 8)}`;
}

async function isRenamed(from: string, to: string): Promise<boolean> {
  return rename(from, to).then(
    () => true,
    () => false,
  );
}

async function remove(incomplete: string): Promise<void> {
  await rm(incomplete, { force: true, recursive: true }).catch(() => {});
}

async function findAbandoned(path: string): Promise<{ incomplete: string; bytes: number }[]> {
  const [folder, prefix] = [dirname(path), `${basename(path)}${MARK}`];
  const abandoned: { incomplete: string; bytes: number }[] = [];
  for (const name of await readdir(folder)) {
    // Earlier versions had one name for all.
    if (name !== prefix.slice(0, -1) && !name.startsWith(prefix)) continue;
    const incomplete = join(folder, name);
    const found = await stat(incomplete).catch(() => null);
    if (found && isAbandoned(name.slice(prefix.length), found.mtimeMs))
      abandoned.push({ incomplete, bytes: found.size });
  }
  return abandoned;
}

/** Whether a process of another machine or container still runs cannot be checked; the file's age decides. */
function isAbandoned(writer: string, mtimeMs: number): boolean {
  const [where, pid, _id, hash] = writer.split('-');
  if (writer.startsWith(LEFT) || (where === machine() && !isRunning(Number(pid)))) return true;
  return Date.now() - mtimeMs > (hash === undefined ? ABANDONED_MS : RESUMABLE_MS);
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
