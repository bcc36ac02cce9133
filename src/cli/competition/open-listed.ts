import { writeFile } from 'node:fs/promises';
import type { Snapshot } from '../../chain/node/snapshot.ts';
import type { Subtensor } from '../../chain/subtensor.ts';
import { verifyPulse } from '../../chain/timelock/pulse.ts';
import { readPulse } from '../../chain/timelock/read-pulse.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Announcement } from '../../evaluation-sets/announcement.ts';
import { entryFault, type SetEntry } from '../../evaluation-sets/list.ts';
import { lockedPath, type PartFault } from '../../evaluation-sets/locked-file.ts';
import { openSet } from '../../evaluation-sets/open-set.ts';
import { beaconOf } from '../../evaluation-sets/schedule.ts';
import type { HubEvaluationSetStore } from '../../hub/evaluation-set-store.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { amount } from '../check/words.ts';
import { type LockedCompetition, opensText } from './locked-rule.ts';
import { say } from './services.ts';

/** The list that the chain names, verified. */
export interface Listed {
  announcement: Announcement;
  entries: Map<number, SetEntry>;
  timeMs: number;
  next: number;
  store: HubEvaluationSetStore;
}

export interface OpenListedParameters {
  subtensor: Subtensor;
  index: number;
  /** Hex; default: the chain's. */
  pulse?: string;
  out: string;
  signal: AbortSignal;
}

/**
 * Opens a set of a list and writes its rows.
 * @throws FlockOffError `bad-argument` where it is void, or not open yet.
 */
export async function openListed(
  { rule }: LockedCompetition,
  { entries, announcement: { commit }, store }: Listed,
  { subtensor, index, pulse, out, signal }: OpenListedParameters,
): Promise<void> {
  const entry = entries.get(index);
  const fault = entryFault(rule, entry);
  if (entry === undefined || fault !== null) throw bad(`set ${index} is void: ${fault}`, 'name another one');
  const { round } = entry;
  const signature = pulse === undefined ? await pulseOfChain() : Buffer.from(pulse, 'hex');
  if (!verifyPulse({ round, signature, publicKey: beaconOf(rule).publicKey }))
    throw bad(`that is not the beacon's signature of round ${round}`, 'take it from a report, inputs.sets.tried');
  const files: (Uint8Array | PartFault)[] = [];
  for (const { sha256, bytes } of entry.parts) {
    const at = { repo: rule.repo, commit, path: lockedPath(sha256), maxBytes: bytes };
    const file = await store.read({ ...at, signal });
    files.push(file === 'missing' ? 'withheld' : file === 'too-large' ? 'changed' : file);
  }
  const { set, parts } = await openSet({ rule, entry, files, signature, signal });
  const faults = parts.flatMap((part, i) => (part.fault === null ? [] : `part ${i + 1} is ${part.fault}`));
  if (set === null) throw bad(`set ${index} is void: ${faults.join(', ')}`, 'epochs were measured on the next one');
  await onDisk(out, () => writeWhole(out, (incomplete) => writeFile(incomplete, set.data)));
  say(
    `${out}: set ${index}, ${amount(set.evaluation.rows.length, 'row')} as they were pinned, sha256 ${set.evaluation.sha256}`,
    ...faults,
  );

  async function pulseOfChain(): Promise<Uint8Array> {
    const use = (snapshot: Snapshot) => readPulse(snapshot, round);
    const { signature } = await subtensor.read({ what: `looking for drand round ${round}`, use, signal });
    if (signature !== null) return signature;
    throw bad(
      `the chain has no pulse of round ${round}: the set opens ${opensText(rule, index)}, and a week later the chain forgets it`,
      'wait until then, or pass what a report has of it with --pulse',
    );
  }
}

function bad(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix });
}
