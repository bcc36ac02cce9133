import type { EvaluationSetsRule } from '../schema/evaluation-sets.ts';
import { entryFault, type SetEntry } from './list.ts';
import { type PartFault, saltedHash } from './locked-file.ts';
import { opensAtMs } from './schedule.ts';

/** Sets that an epoch tries, one after the other, before it is measured on none. */
export const MOST_TRIED = 4;

/** Why an epoch has no list to choose from. */
export const LIST_FAULTS = ['not-announced', 'late', 'withheld', 'broken'] as const;
export type ListFault = (typeof LIST_FAULTS)[number];
/** Why a set is void. */
export const SET_FAULTS = ['not-listed', 'wrong-round', 'too-large', 'no-pulse', 'withheld', 'garbage'] as const;
export type SetFault = (typeof SET_FAULTS)[number];

/** What a part of a set turned out to hold: with its salt, what was pinned of it can be verified without the rows. */
export interface UsedPart {
  /** `null` where it counts. */
  fault: PartFault | null;
  /** Of its rows' file, hex; `null` where they are not known. */
  sha256: string | null;
  /** Hex. */
  salt: string | null;
}

/** A set that an epoch tried. */
export interface TriedSet {
  index: number;
  /** `null` where the epoch is measured on it. */
  fault: SetFault | null;
  /** The beacon's signature of its round, hex: the chain forgets it after a week. `null` where it was not had. */
  pulse: string | null;
  /** One for each of the entry; none where it was not opened. */
  parts: UsedPart[];
}

/** Which time-locked set an epoch was measured on, and why: with the rule and the commitments, all of it can be verified. */
export interface UsedSets {
  fault: ListFault | null;
  /** Of the list, from the line before the first set that could be taken to its end. */
  lines: string[];
  /** In order; the last one is the set that was taken, where one was. */
  tried: TriedSet[];
}

/** For a later set an epoch would wait until it has taken the place of the next day's. */
const DAY_MS = 86_400_000;

/** The last set that an epoch may be measured on, whatever is listed: it opens less than a day after the first. */
export function lastCandidate(rule: EvaluationSetsRule, from: number): number {
  const betweenMs = opensAtMs(rule, from + 1) - opensAtMs(rule, from);
  return from + Math.max(0, Math.ceil(DAY_MS / betweenMs) - 1);
}

/** The sets that an epoch may be measured on, in order: the first that are listed from number `from` on. */
export function candidates(rule: EvaluationSetsRule, from: number, entries: ReadonlyMap<number, unknown>): number[] {
  const last = lastCandidate(rule, from);
  return [...entries.keys()].filter((index) => index >= from && index <= last).slice(0, MOST_TRIED);
}

/** The set that was taken, `null` for none. */
export function takenSet({ tried }: UsedSets): TriedSet | null {
  const last = tried.at(-1);
  return last?.fault === null ? last : null;
}

export interface CheckTriedParameters {
  rule: EvaluationSetsRule;
  tried: TriedSet;
  entry: SetEntry | undefined;
  /** Whether a signature (hex) is the beacon's for a round. */
  isPulse: (round: number, signature: string) => boolean;
}

/** What of a tried set is not as the list has it: a place within it, and what is wrong. */
export function checkTried({
  rule,
  tried,
  entry,
  isPulse,
}: CheckTriedParameters): { place: string; why: string } | null {
  const fault = entryFault(rule, entry);
  const { parts, pulse } = tried;
  if (fault !== null || entry === undefined)
    return tried.fault === fault ? null : { place: 'fault', why: `is ${tried.fault}, and the list gives ${fault}` };
  if (tried.fault === 'not-listed' || tried.fault === 'wrong-round' || tried.fault === 'too-large')
    return { place: 'fault', why: `is ${tried.fault}, and the list gives no such fault` };
  if (pulse !== null && !isPulse(entry.round, pulse))
    return { place: 'pulse', why: `is not the beacon's signature of round ${entry.round}` };
  const isOpened = tried.fault === null || tried.fault === 'garbage';
  if (isOpened && pulse === null) return { place: 'pulse', why: 'is missing' };
  if (isOpened && parts.length !== entry.parts.length)
    return { place: 'parts', why: `are ${parts.length}, and the list has ${entry.parts.length}` };
  const isSound = parts.some(({ fault }) => fault === null);
  if (isSound !== (tried.fault === null))
    return { place: 'fault', why: `is ${tried.fault}, and ${isSound ? 'a' : 'no'} part of it counts` };
  for (const [i, { fault, sha256, salt }] of parts.entries()) {
    if (fault !== null) continue;
    if (sha256 !== null && salt !== null)
      if (saltedHash(Buffer.from(salt, 'hex'), sha256) === entry.parts[i]!.plain.saltedSha256) continue;
    return { place: `parts[${i}].sha256`, why: 'is not what the list has pinned' };
  }
  return null;
}
