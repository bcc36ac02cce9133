import { readdir } from 'node:fs/promises';
import { type Dump, dump } from './dump.ts';
import { readHeadFile } from './head.ts';
import { stateLocked, stateOfLaterVersion } from './state-errors.ts';
import { damageBeside, isNewer, type Verified, verify } from './verify.ts';

/** What a folder holds, looked at without changing it. */
export type Examined =
  /** Nothing was stored in it yet. */
  { kind: 'fresh' } | { kind: 'sound'; verified: Verified } | { kind: 'damaged'; damage: string };

/**
 * Looks whether a store is what its last write left.
 * @throws FlockOffError `state-locked` when it is in use, `bad-argument` when a later version wrote it; the errors of the
 *   system.
 */
export async function examine(path: string): Promise<Examined> {
  const examined = await examineOnce(path);
  // Somebody who had it open may have ended while it was copied, with writes that are in a part of the copy only.
  return examined.kind === 'damaged' ? examineOnce(path) : examined;
}

async function examineOnce(path: string): Promise<Examined> {
  const names = await readdir(path);
  const beside = await readHeadFile(path);
  if (isNewer(beside.head)) throw stateOfLaterVersion(path, beside.head!.version);
  // LevelDB makes its manifest first and its log last: without any of these nothing was ever written.
  if (!beside.exists && !names.some((name) => /^(CURRENT|\d+\.(log|ldb|sst))$/.test(name))) return { kind: 'fresh' };
  const seen = await look(path, 'as it is');
  if (seen.kind !== 'whole') return { kind: 'damaged', damage: inWords(seen) };
  const verified = verify(seen.entries);
  if (isNewer(verified.head)) throw stateOfLaterVersion(path, verified.head!.version);
  const damage = verified.damage ?? damageBeside(verified, beside);
  if (damage !== null) return { kind: 'damaged', damage };
  return verified.values.size > 0 ? { kind: 'sound', verified } : { kind: 'fresh' };
}

/** What of a store LevelDB's repair gives back, tried on a copy; `null` when that is nothing. Throws as {@link examine}. */
export async function tryRepair(path: string): Promise<Verified | null> {
  for (const how of ['repaired', 'as it is'] as const) {
    // Where it fails on the way, what came before counts.
    const verified = verify((await look(path, how)).entries);
    if (verified.values.size > 0) return verified;
  }
  return null;
}

async function look(path: string, how: 'as it is' | 'repaired'): Promise<Exclude<Dump, { kind: 'locked' }>> {
  const seen = await dump(path, how);
  if (seen.kind === 'locked') throw stateLocked(path);
  if (seen.kind === 'refused' && REFUSED.test(seen.message)) throw new Error(seen.message);
  return seen;
}

/** What the system says of rights and room, which is no damage. */
const REFUSED = /permission denied|operation not permitted|no space left|quota|read-only|too many open files/i;

function inWords(seen: Extract<Dump, { kind: 'crashed' | 'refused' }>): string {
  return seen.kind === 'crashed' ? `the database ${seen.how}` : `the database says "${seen.message.split('\n')[0]}"`;
}
