import { writeFile } from 'node:fs/promises';
import type { Subtensor } from '../../chain/subtensor.ts';
import { verifyPulse } from '../../chain/timelock/pulse.ts';
import { ChainPulseSource, firstPulse, type PulseSource } from '../../chain/timelock/pulse-source.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Announcement } from '../../evaluation-sets/announcement.ts';
import { entryFault, type SetEntry } from '../../evaluation-sets/list.ts';
import { lockedPath, type PartFault } from '../../evaluation-sets/locked-file.ts';
import { openSet } from '../../evaluation-sets/open-set.ts';
import { beaconOf, opensAtMs, opensText } from '../../evaluation-sets/schedule.ts';
import type { HubEvaluationSetStore } from '../../hub/evaluation-set-store.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { amount } from '../check/words.ts';
import type { LockedCompetition } from './locked-rule.ts';
import { say } from './services.ts';

/** The list that the chain names, verified. */
export interface Listed {
  announcement: Announcement;
  /** Whether it was named too late for an epoch that begins now. */
  isLate: boolean;
  entries: Map<number, SetEntry>;
  timeMs: number;
  next: number;
  store: HubEvaluationSetStore;
}

export interface OpenListedParameters {
  subtensor: Subtensor;
  index: number;
  /** Hex; default: the chain's, or drand's. */
  pulse?: string;
  drand: PulseSource;
  out: string;
  signal: AbortSignal;
}

/**
 * Opens a set of a list and writes its rows.
 * @throws FlockOffError `bad-argument` where it is void, or not open yet.
 */
export async function openListed(
  { rule }: LockedCompetition,
  { entries, announcement: { commit }, timeMs, store }: Listed,
  { subtensor, index, pulse, drand, out, signal }: OpenListedParameters,
): Promise<void> {
  const entry = entries.get(index);
  const fault = entryFault(rule, entry);
  if (entry === undefined)
    throw bad(`set ${index} is not listed`, `name one of ${[...entries.keys()].join(', ') || 'those that are'}`);
  if (fault !== null) throw bad(`set ${index} is void: ${fault}`, 'name another one');
  const { round } = entry;
  const signature = pulse === undefined ? await findPulse() : Buffer.from(pulse, 'hex');
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

  async function findPulse(): Promise<Uint8Array> {
    const beacon = beaconOf(rule);
    // No server is asked for what is not out.
    const sources = [new ChainPulseSource({ subtensor }), ...(timeMs < opensAtMs(rule, index) ? [] : [drand])];
    const signature = await firstPulse({ sources, round, beacon, signal });
    if (signature !== null) return signature;
    throw bad(
      `there is no pulse of round ${round}: the set opens ${opensText(rule, index)}`,
      'wait until then, or pass what a report has of it with --pulse',
    );
  }
}

function bad(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix });
}
