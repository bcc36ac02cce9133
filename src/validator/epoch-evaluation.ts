import { createHash } from 'node:crypto';
import type { Dataset } from '../dataset/check.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { type Announcement, announcedIn, listFault } from '../evaluation-sets/announcement.ts';
import { entryFault, readList, type SetEntry } from '../evaluation-sets/list.ts';
import { type OpenedSet, openSet } from '../evaluation-sets/open-set.ts';
import { firstSetFor, voidAtMs } from '../evaluation-sets/schedule.ts';
import { candidates, lastCandidate, MOST_TRIED, type TriedSet, type UsedSets } from '../evaluation-sets/used-sets.ts';
import { safeLogger } from '../shared/logger.ts';
import { isTransientError } from '../shared/retry.ts';
import { intakeOf, pointersUntilOf } from './policy.ts';
import { SetReader } from './set-reader.ts';
import type { OpenEpoch } from './state-store.ts';
import type { Validator } from './validator.ts';

/** What the datasets of an epoch are measured on. */
export interface EpochEvaluation {
  /** The set that was opened; where none could be, one without rows, so that nobody's rows are of it. */
  evaluation: Dataset;
  /** `null` where the competition has one set for all epochs. */
  sets: UsedSets | null;
  /** Why nothing can be measured, a clause; `null` where it can. */
  closed: string | null;
}

/**
 * The evaluation set of an epoch. Where sets are time-locked: the first one of the list whose round is later, by the margin,
 * than the block that the epoch begins with, or than the moment until which the policy takes pointers. The list is the one
 * that the chain named by then, so all validators see the same. Waits until the set opens; one that is void is passed over,
 * and the next one is waited for. An epoch for which nobody was drawn takes no set, and keeps what is there of
 * the next ones.
 * @throws FlockOffError `bad-argument` where the validator has no store of sets, or the policy asks for rows of a set that
 *   nobody can know; `hub-unreachable` (transient); what reading the chain throws.
 */
export async function openEpochEvaluation(
  validator: Validator,
  epoch: Pick<OpenEpoch, 'startBlock' | 'timeMs' | 'commitments' | 'hotkeys'>,
  signal?: AbortSignal,
): Promise<EpochEvaluation> {
  const { competition, evaluation, evaluationSets: store } = validator;
  const rule = competition.evaluationSets;
  if (rule === undefined) return { evaluation, sets: null, closed: null };
  const reader = new SetReader({ validator, rule, store: requireStore(validator, store), signal });
  const announcement = announcedIn(rule, epoch.commitments);
  const until = pointersUntilOf(validator, epoch);
  if (epoch.hotkeys.length === 0) {
    if (announcement !== null) await lookAhead(reader, announcement, firstSetFor(rule, until.timeMs));
    return { evaluation: NO_SET, sets: noList(null), closed: null };
  }
  const fault = listFault(announcement, until);
  const { sets, opened } =
    fault !== null || announcement === null
      ? { sets: noList(fault), opened: null }
      : await firstSound(validator, reader, announcement, firstSetFor(rule, until.timeMs));
  if (opened !== null) return { evaluation: opened.evaluation, sets, closed: null };
  const tried = sets.tried.map(({ index, fault }) => `set ${index} is void (${fault})`).join(', ');
  const closed = `nothing was measured: ${sets.fault ? `the list of evaluation sets is ${LIST_TEXTS[sets.fault]}` : tried || 'no evaluation set is listed for this epoch'}`;
  safeLogger(validator.logger).warn(`${closed}; nobody's share changes by this epoch`);
  return { evaluation: NO_SET, sets, closed };
}

/** When the last set is void that an epoch may wait for, in Unix milliseconds; `null` where it waits for none. */
export function waitsUntilMs(
  validator: Pick<Validator, 'competition' | 'policy'>,
  epoch: Pick<OpenEpoch, 'startBlock' | 'timeMs' | 'commitments' | 'hotkeys'>,
): number | null {
  const rule = validator.competition.evaluationSets;
  if (rule === undefined || epoch.hotkeys.length === 0) return null;
  const announcement = announcedIn(rule, epoch.commitments);
  const until = pointersUntilOf(validator, epoch);
  if (announcement === null || listFault(announcement, until) !== null) return null;
  const from = firstSetFor(rule, until.timeMs);
  const last = Math.min(announcement.index, lastCandidate(rule, from));
  return last < from ? null : voidAtMs(rule, last);
}

const NO_SET: Dataset = {
  ...{ rows: [], bytes: 0, codePoints: 0, likelyTokens: 0, warnings: [] },
  sha256: createHash('sha256').digest('hex'),
};

const LIST_TEXTS = {
  'not-announced': 'not named on the chain in the block that the epoch began with',
  late: 'named on the chain only after the time for the pointers that it would measure',
  withheld: 'not to be had',
  broken: 'not the one that the chain names, whole and signed',
};

function noList(fault: UsedSets['fault']): UsedSets {
  return { fault, lines: [], tried: [] };
}

/** @throws FlockOffError `bad-argument` where a validator cannot do what a rule of time-locked sets takes. */
function requireStore(validator: Validator, store: Validator['evaluationSets']): NonNullable<typeof store> {
  if (store === undefined)
    throw new FlockOffError({
      code: 'bad-argument',
      what: 'the competition has time-locked evaluation sets, and the validator has nothing to read them from',
      fix: 'pass it `evaluationSets: new HubEvaluationSetStore()`',
      facts: { name: 'evaluationSets' },
    });
  if (intakeOf(validator).evaluationRows === 'require')
    throw new FlockOffError({
      code: 'bad-argument',
      what: 'the policy takes rows of the evaluation set only, and the competition has sets that nobody can know before',
      fix: "found the competition with another policy, without evaluationSets, or, of daily-winner, with evaluationRows: 'leave-out'",
      facts: { name: 'policy', value: validator.competition.policy.name },
    });
  return store;
}

interface Chosen {
  sets: UsedSets;
  opened: OpenedSet | null;
}

async function firstSound(
  validator: Validator,
  reader: SetReader,
  announcement: Announcement,
  from: number,
): Promise<Chosen> {
  const { rule } = reader;
  const logger = safeLogger(validator.logger);
  const { commit } = announcement;
  const lines = await reader.list(announcement, voidAtMs(rule, from));
  if (typeof lines === 'string') return { sets: noList(lines === 'withheld' ? 'withheld' : 'broken'), opened: null };
  const read = await readList({ lines, rule, announcement, from });
  if ('problem' in read) {
    logger.warn(`the list of evaluation sets at ${rule.repo}@${commit} is not used: it ${read.problem}`);
    return { sets: noList('broken'), opened: null };
  }
  const tried: TriedSet[] = [];
  const sets: UsedSets = { fault: null, lines: read.lines, tried };
  const indexes = candidates(rule, from, read.entries);
  for (const index of indexes) await fetchAhead(reader, read.entries.get(index), commit);
  for (const index of indexes) {
    const { opened, ...one } = await tryOpen(reader, { index, entry: read.entries.get(index), commit });
    tried.push(one);
    if (opened !== null) return { sets, opened };
    logger.warn(`evaluation set ${index} is void: ${one.fault}`, { parts: one.parts.map(({ fault }) => fault) });
  }
  return { sets, opened: null };
}

/**
 * Once, what is there of the list and of the next sets, though nobody is measured: else whoever lists them could choose, when
 * the day's datasets are known, which of them to take away.
 */
async function lookAhead(reader: SetReader, announcement: Announcement, from: number): Promise<void> {
  const { rule, signal } = reader;
  try {
    const lines = await reader.list(announcement, 0);
    const read = typeof lines === 'string' ? null : await readList({ lines, rule, announcement, from });
    if (read === null || 'problem' in read) return;
    for (const entry of [...read.entries.values()].slice(0, MOST_TRIED))
      await fetchAhead(reader, entry, announcement.commit);
  } catch (error) {
    if (signal?.aborted || !isTransientError(error)) throw error;
  }
}

/** As early as can be. */
async function fetchAhead(reader: SetReader, entry: SetEntry | undefined, commit: string): Promise<void> {
  if (entry !== undefined && entryFault(reader.rule, entry) === null) await reader.fetchAhead(entry, commit);
}

async function tryOpen(
  reader: SetReader,
  { index, entry, commit }: { index: number; entry: SetEntry | undefined; commit: string },
): Promise<TriedSet & { opened: OpenedSet | null }> {
  const { rule, signal } = reader;
  const nothing = { index, pulse: null, parts: [], opened: null };
  const fault = entryFault(rule, entry);
  if (fault !== null || entry === undefined) return { ...nothing, fault: fault ?? 'not-listed' };
  const untilMs = voidAtMs(rule, index);
  const signature = await reader.pulse(entry.round, untilMs);
  if (signature === null) return { ...nothing, fault: 'no-pulse' };
  const files = await reader.files(entry, { commit, untilMs });
  const { set, parts } = await openSet({ rule, entry, files, signature, signal });
  if (set !== null) await reader.keep(set);
  const isWithheld = parts.every((part) => part.fault === 'withheld');
  return {
    ...{ index, pulse: Buffer.from(signature).toString('hex'), parts, opened: set },
    fault: set !== null ? null : isWithheld ? 'withheld' : 'garbage',
  };
}
