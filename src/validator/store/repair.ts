import { rename, rm } from 'node:fs/promises';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { startIncomplete } from '../../shared/incomplete-file.ts';
import { makeFolder } from '../../shared/make-folder.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { examine, tryRepair } from './examine.ts';
import { readHeadFile } from './head.ts';
import { SealedStore, tighten } from './sealed-store.ts';
import { openFault } from './state-errors.ts';
import { withId } from './store-id.ts';
import type { Verified } from './verify.ts';

/** What a repair gave back. */
export interface StateRepair {
  /** Entries that are as they were stored. */
  entries: number;
  /** How many there were after the last write; `null` when that is not known. */
  entriesBefore: number | null;
  /** Writes that are gone; `null` when some entries are older than others, or it is not known. */
  writesLost: number | null;
  /** Where the damaged folder lies now. */
  damagedPath: string;
  /** Whether nothing that was stored is missing or older. */
  whole: boolean;
  /** All this in one clause. */
  message: string;
}

/**
 * Replaces a damaged store by what can be had back of it; the damaged folder is kept beside it. `null`, and nothing is
 * touched, when it is sound.
 * @throws FlockOffError `state-damaged` when nothing can be had back; `state-locked`, `bad-argument` and `disk` as {@link examine}.
 */
export async function repairStore(path: string): Promise<StateRepair | null> {
  return onDisk(openFault(path), async () => {
    await finishRepair(path);
    await makeFolder(path);
    await tighten(path);
    const examined = await examine(path);
    if (examined.kind !== 'damaged') return null;
    const got = await tryRepair(path);
    if (got === null) throw stateDamaged(path, examined.damage, null);
    const { head } = await readHeadFile(path);
    const repaired = repairedPath(path);
    const incomplete = await startIncomplete(repaired);
    const sequence = Math.max(head?.sequence ?? 0, got.head?.sequence ?? 0) + 1;
    await makeFolder(incomplete);
    await tighten(incomplete);
    await (await SealedStore.open(incomplete, { values: withId(got.values), sequence })).close();
    await rm(repaired, { recursive: true, force: true });
    await rename(incomplete, repaired);
    const damagedPath = `${path}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    await rename(path, damagedPath);
    await finishRepair(path);
    return { ...(await weigh(damagedPath, got)), damagedPath };
  });
}

/** A repair that was killed between two names has its result ready. */
export async function finishRepair(path: string): Promise<void> {
  await rename(repairedPath(path), path).catch(() => {});
}

/** The error for a damaged store, after a repair was tried on a copy. */
export async function damagedStore(path: string, damage: string): Promise<FlockOffError> {
  const got = await tryRepair(path).catch(() => null);
  return stateDamaged(path, damage, got && (await weigh(path, got)));
}

function stateDamaged(path: string, damage: string, got: Omit<StateRepair, 'damagedPath'> | null): FlockOffError {
  const repair = 'start once with --repair_state (ValidatorState.repair), which keeps the damaged folder beside';
  const fix = !got
    ? `a repair was tried on a copy and gives back nothing: restore a backup of the folder; only as the last resort move it away to start afresh: the averages, the open epoch, the datasets seen and the salts of weights not yet revealed are lost with it`
    : got.whole
      ? `a repair was tried on a copy and gives back ${got.message}: ${repair}`
      : `a repair was tried on a copy and gives back ${got.message}: restore a later backup of the folder, or accept the loss and ${repair}`;
  return new FlockOffError({
    code: 'state-damaged',
    what: `the validator state in ${path} is damaged: ${damage}`,
    fix,
    facts: { path, damage, repair: got },
  });
}

async function weigh(path: string, got: Verified): Promise<Omit<StateRepair, 'damagedPath'>> {
  const beside = (await readHeadFile(path)).head;
  // A lost head file costs only the certainty that nothing newer is missing.
  const last = beside && beside.sequence >= (got.head?.sequence ?? 0) ? beside : got.head;
  const entries = got.values.size;
  const writesLost = last && got.head && got.damage === null ? last.sequence - got.head.sequence : null;
  const whole = writesLost === 0 && beside !== null;
  return { entries, entriesBefore: last?.entries ?? null, writesLost, whole, message: message() };

  function message(): string {
    if (got.unsealed) return `${entries} entries, of an earlier version, whose values cannot be checked`;
    if (whole) return `all ${entries} entries as they were last written`;
    if (writesLost === 0) return `${entries} entries, of which nobody knows whether they are the latest`;
    const of = last ? `${entries} of ${last.entries} entries` : `${entries} entries`;
    if (writesLost === null) return `${of}, some of which may be older than the last write`;
    return `${of}, as they were ${writesLost} ${writesLost === 1 ? 'write' : 'writes'} earlier`;
  }
}

const repairedPath = (path: string) => `${path}.repaired`;
