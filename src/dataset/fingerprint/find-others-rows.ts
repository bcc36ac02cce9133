import { FlockOffError } from '../../errors/flock-off-error.ts';
import { yieldToEventLoop } from '../../shared/yield-to-event-loop.ts';
import { Candidates } from './candidates.ts';
import { EvaluationRows } from './evaluation-rows.ts';
import { readFingerprint } from './format.ts';
import { GrowingList } from './growing-list.ts';
import { JudgedShowing, type OthersRow } from './judged-showing.ts';
import { SourceRow } from './likeness.ts';
import { OwnTimes } from './own-times.ts';
import { findRepeatedRows, type RepeatedRow } from './repeated-rows.ts';
import { type Showing, Showings } from './showings.ts';

export interface FindOthersRowsParameters {
  showings: readonly Showing[];
  /** Fingerprint of the evaluation set; `null` for none. */
  evaluation: Uint8Array | null;
  /** `leave-out`: its content is reported whoever shows it. `allow`: its content is nobody's. */
  evaluationRows: 'leave-out' | 'allow';
  signal?: AbortSignal | undefined;
}

export interface FoundRows {
  /** By the index of each judged showing: rows that are another's, in order. */
  others: Map<number, OthersRow[]>;
  /** By the index of each judged showing: repeated rows, in order. */
  repeats: Map<number, RepeatedRow[]>;
  /** Indices of showings whose fingerprint is of another version or damaged: they claim nothing and are not judged. */
  unreadable: number[];
}

/** Between two looks at the signal. */
const ROWS_AT_ONCE = 2048;

/**
 * Finds rows of the judged showings whose content another owner showed before this one did, while his claim on it stood,
 * and rows of the evaluation set. Whatever an owner has shown himself, in any showing, counts from then on for himself.
 *
 * Fingerprints are read one after another, first all, then those with likely sources; those of the judged stay in memory.
 *
 * @throws FlockOffError `bad-argument` when a fingerprint has other rows than `shownAt`, or that of the evaluation set cannot
 * be read; whatever `signal` was aborted with, and what reading a fingerprint throws.
 */
export async function findOthersRows({
  showings: all,
  evaluation,
  evaluationRows,
  signal,
}: FindOthersRowsParameters): Promise<FoundRows> {
  const showings = new Showings(all);
  const judged: JudgedShowing[] = [];
  for (const [index, showing] of all.entries()) {
    const print = showing.judged && (await showings.load(index));
    if (print) judged.push(new JudgedShowing(index, showing, print, showings.owners[index]!));
  }
  if (evaluation) await compareWithEvaluation(judged, readEvaluation(evaluation), evaluationRows, signal);
  const comparisons = await findComparisons(judged, showings, signal);
  await findOwnTimes(judged, comparisons, showings, signal);
  await compareWithOthers(judged, comparisons, showings, signal);
  return {
    others: new Map(judged.map((one) => [one.index, one.finish()])),
    repeats: new Map(judged.map(({ index, print }) => [index, findRepeatedRows(print)])),
    unreadable: [...showings.unreadable].sort((a, b) => a - b),
  };
}

function readEvaluation(evaluation: Uint8Array): EvaluationRows {
  const print = readFingerprint(evaluation);
  if (print) return new EvaluationRows(print);
  throw new FlockOffError({
    code: 'bad-argument',
    what: 'the fingerprint of the evaluation set is of another version or damaged',
    fix: 'make it anew with fingerprintRows',
  });
}

async function compareWithEvaluation(
  judged: readonly JudgedShowing[],
  evaluation: EvaluationRows,
  evaluationRows: 'leave-out' | 'allow',
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const one of judged) {
    for (let row = 0; row < one.print.rowCount; row++) {
      if (row % ROWS_AT_ONCE === 0) await yieldToEventLoop(signal);
      one.compareWithEvaluation(row, evaluation.likenesses(one.print, row), evaluationRows);
    }
  }
}

/** Rows of others that judged rows are compared with: by judged showing and row, and as they come when showings are read. */
interface Comparisons {
  /** Per judged showing: rows that are compared with any. */
  rows: number[][];
  /** Number of a row of another * `total` + place of a judged row among all judged, sorted. */
  keys: Float64Array;
  total: number;
  /** Per judged showing: the place of its first row among all judged. */
  firstPlace: number[];
}

async function findComparisons(
  judged: readonly JudgedShowing[],
  showings: Showings,
  signal: AbortSignal | undefined,
): Promise<Comparisons> {
  const candidates = new Candidates(
    judged.map(({ print }) => print),
    showings,
  );
  const last = judged.reduce((a, { showing }) => showing.shownAt.reduce((b, at) => Math.max(b, at), a), 0);
  const owners = new Set(judged.map(({ owner }) => owner));
  const first = showings.begins.reduce((a, at, i) => (owners.has(showings.owners[i]!) ? Math.min(a, at) : a), last);
  for (const index of showings.order) {
    const { shownAt, claimedUntil } = showings.all[index]!;
    await yieldToEventLoop(signal);
    if (showings.begins[index]! >= last) continue;
    const isJudged = judged.find((one) => one.index === index);
    const print = isJudged?.print ?? (await showings.load(index));
    if (!print || claimedUntil <= first) continue;
    for (let row = 0; row < print.rowCount; row++)
      if (shownAt[row]! < last && showings.claims(index, row))
        candidates.add(print, row, showings.numberOf(index, row), showings.begins[index]!);
  }
  const [sources, places] = [new GrowingList(), new GrowingList()];
  const firstPlace: number[] = [];
  let total = 0;
  for (const one of judged) {
    firstPlace.push(total);
    for (let row = 0; row < one.print.rowCount; row++, total++) {
      if (row % ROWS_AT_ONCE === 0) await yieldToEventLoop(signal);
      if (one.done[row]) continue;
      for (const source of candidates.of(one.print, row, one.owner)) {
        if (showings.shownAt(source) >= one.showing.shownAt[row]!) continue;
        sources.add(source);
        places.add(total);
      }
    }
  }
  const [from, to] = [sources.view(), places.view()];
  const rows = judged.map((one, i) => rowsBetween(to, firstPlace[i]!, firstPlace[i]! + one.print.rowCount));
  return { rows, keys: Float64Array.from(from, (source, i) => source * total + to[i]!).sort(), total, firstPlace };
}

/** Different places of a sorted list from one to another, counted from the first. */
function rowsBetween(places: Uint32Array, first: number, end: number): number[] {
  const rows: number[] = [];
  for (const place of places)
    if (place >= first && place < end && rows.at(-1) !== place - first) rows.push(place - first);
  return rows;
}

async function findOwnTimes(
  judged: readonly JudgedShowing[],
  { rows }: Comparisons,
  showings: Showings,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const [i, one] of judged.entries()) {
    if (rows[i]!.length === 0) continue;
    const own = new OwnTimes(one.print, one.showing.shownAt, rows[i]!);
    one.own = own;
    for (const [other, { shownAt }] of showings.all.entries()) {
      if (showings.owners[other] !== one.owner) continue;
      await yieldToEventLoop(signal);
      const print = other === one.index ? one.print : await showings.load(other);
      if (print) own.add(print, shownAt);
    }
  }
}

async function compareWithOthers(
  judged: readonly JudgedShowing[],
  { keys, total, firstPlace }: Comparisons,
  showings: Showings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sourceRow = new SourceRow();
  let starts = groupsOf(keys, (key) => showings.showingOf(Math.floor(key / total)));
  // A source that was shown earlier is named before one that was shown later.
  starts = starts.sort((a, b) => showings.begins[a.group]! - showings.begins[b.group]! || a.group - b.group);
  for (const { group: index, start, end } of starts) {
    await yieldToEventLoop(signal);
    const print = await showings.load(index);
    if (!print) continue;
    const { claimedUntil } = showings.all[index]!;
    let loaded = -1;
    for (let i = start; i < end; i++) {
      if (i % ROWS_AT_ONCE === 0) await yieldToEventLoop(signal);
      const number = Math.floor(keys[i]! / total);
      const place = keys[i]! % total;
      const which = lastAtMost(firstPlace, place);
      const one = judged[which]!;
      const row = place - firstPlace[which]!;
      if (one.done[row]) continue;
      const source = showings.rowOf(number);
      if (loaded !== source) sourceRow.load(print, source);
      loaded = source;
      const at = showings.shownAt(number);
      const likeness = sourceRow.compare(one.print, row, (word, pair) => {
        const own = one.shownAt(row, word, pair);
        return at < own && own < claimedUntil;
      });
      one.note(row, { showing: index, row: source }, likeness);
    }
  }
}

function groupsOf(keys: Float64Array, groupOf: (key: number) => number) {
  const groups: { group: number; start: number; end: number }[] = [];
  for (let start = 0, end = 0; start < keys.length; start = end) {
    const group = groupOf(keys[start]!);
    while (end < keys.length && groupOf(keys[end]!) === group) end++;
    groups.push({ group, start, end });
  }
  return groups;
}

/** Index of the last of sorted numbers that is not above a number. */
function lastAtMost(numbers: readonly number[], most: number): number {
  let index = numbers.length - 1;
  while (numbers[index]! > most) index--;
  return index;
}
