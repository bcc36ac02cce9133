import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { startIncomplete, writeWhole } from '../../shared/incomplete-file.ts';
import { makeFolder } from '../../shared/make-folder.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { dump } from './dump.ts';
import { examine } from './examine.ts';
import { readHeadFile } from './head.ts';
import { damagedStore } from './repair.ts';
import { SealedStore, tighten } from './sealed-store.ts';
import { openFault, stateLocked, stateOfLaterVersion } from './state-errors.ts';
import { withId } from './store-id.ts';
import { isNewer, type Verified, verify } from './verify.ts';

/** What a backup holds. */
export interface StateBackup {
  entries: number;
  /** Writes before it was made. */
  writes: number;
}

/** A compaction takes files away while they are copied; the next one is minutes off. */
const ATTEMPTS = 10;
const ATTEMPT_MS = 300;
/** The first line: what the others are. */
const TITLE = 'flock-off state backup, format 1';

/** Writes what a store holds into one file, which is verified by the store's own head. See `ValidatorState.backup`. */
export async function backupStore({ path, to }: { path: string; to: string }): Promise<StateBackup> {
  const { entries, verified } = await onDisk(openFault(path), () => readLive(path));
  const lines = [TITLE, ...[...entries].map((entry) => JSON.stringify(entry))];
  const bytes = await promisify(gzip)(`${lines.join('\n')}\n`);
  // It holds salts.
  const write = (file: string) => writeFile(file, bytes, { mode: 0o600, flush: true });
  await onDisk({ path: to, bytes: bytes.length }, () => writeWhole(to, write));
  return sizeOf(verified);
}

/** Makes a store of a backup. See `ValidatorState.restore`. */
export async function restoreStore({ path, from }: { path: string; from: string }): Promise<StateBackup> {
  const verified = verify(await readBackup(from));
  if (isNewer(verified.head)) throw stateOfLaterVersion(from, verified.head!.version);
  if (verified.damage !== null || verified.values.size === 0)
    throw noBackup(from, verified.damage ?? 'it holds no entries');
  await onDisk(openFault(path), async () => {
    if ((await readdir(path).catch(() => [])).length > 0)
      throw new FlockOffError({
        code: 'bad-argument',
        what: `there is a state in ${path} already`,
        fix: 'move that folder away first, if the backup is to take its place',
        facts: { name: path },
      });
    const incomplete = await startIncomplete(path);
    await makeFolder(incomplete);
    await tighten(incomplete);
    const sequence = (verified.head?.sequence ?? 0) + 1;
    await (await SealedStore.open(incomplete, { values: withId(verified.values), sequence })).close();
    await rename(incomplete, path);
  });
  return sizeOf(verified);
}

/** The entries of a store as of one of its writes, not older than the last one before the call. */
export async function readLive(
  path: string,
  clock: Clock = systemClock,
): Promise<{ entries: Map<string, string>; verified: Verified }> {
  if ((await readdir(path).catch(() => [])).length === 0)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `${path} holds no state of a validator`,
      fix: 'check the folder',
      facts: { name: path },
    });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const before = (await readHeadFile(path)).head;
    const { kind, entries } = await dump(path, 'live');
    const verified = verify(entries);
    if (isNewer(before, verified.head)) throw stateOfLaterVersion(path, (verified.head ?? before)!.version);
    const isOlder = (verified.head?.sequence ?? 0) < (before?.sequence ?? 0);
    if (kind === 'whole' && verified.damage === null && !isOlder) return { entries, verified };
    await clock.sleep({ durationMs: ATTEMPT_MS });
  }
  // Where nobody has it open, it was not the copying.
  const examined = await examine(path);
  throw examined.kind === 'damaged' ? await damagedStore(path, examined.damage) : stateLocked(path);
}

async function readBackup(from: string): Promise<Map<string, string>> {
  const bytes = await onDisk(from, () => readFile(from));
  try {
    const [title, ...lines] = (await promisify(gunzip)(bytes)).toString('utf8').trimEnd().split('\n');
    if (title !== TITLE) throw new Error(`its first line is not "${TITLE}"`);
    return new Map(lines.map((line) => JSON.parse(line) as [string, string]));
  } catch (error) {
    throw noBackup(from, (error as Error).message);
  }
}

function noBackup(from: string, why: string): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `${from} is no whole backup of a state: ${why}`,
    fix: 'take another one',
    facts: { name: from },
  });
}

function sizeOf({ values, head }: Verified): StateBackup {
  return { entries: values.size, writes: head?.sequence ?? 0 };
}
