import { FlockOffError } from '../../errors/flock-off-error.ts';
import { Candidates, type Comparisons } from './candidates.ts';
import { EvaluationRows } from './evaluation-rows.ts';
import { type Fingerprint, readFingerprint } from './format.ts';
import { JudgedShowing, type OthersRow } from './judged-showing.ts';
import { SourceRow } from './likeness.ts';
import { OwnTimes } from './own-times.ts';
import { findRepeatedRows, type RepeatedRow } from './repeated-rows.ts';
import type { Showings } from './showings.ts';

/**
 * Words of showings that are judged together, about: those of 64 datasets of 20,000 rows. It bounds the memory of a search,
 * and how often all other fingerprints are read.
 */
const WORDS_AT_ONCE = 40_000_000;

export interface SearchParameters {
  showings: Showings;
  /** Fingerprint of the evaluation set; `null` for none. */
  evaluation: Uint8Array | null;
  evaluationRows: 'leave-out' | 'allow';
  /** What was found in a judged showing. */
  onJudged: (found: FoundInShowing) => void;
  /** About how many words are judged together. */
  wordsAtOnce?: number | undefined;
  /** What is judged together from now on. */
  onBatch?: ((batch: Batch) => void) | undefined;
}

/** Datasets that are judged together, and the words of all. */
export interface Batch {
  datasets: number;
  words: number;
}

export interface FoundInShowing {
  /** Of the showing. */
  index: number;
  others: OthersRow[];
  repeats: RepeatedRow[];
}

/**
 * The search of {@link findOthersRows}. Showings are judged in the order of their first rows, so many at once; rows that turn
 * out to be another's claim nothing against those that are judged after them.
 */
export async function searchOthersRows({
  showings,
  evaluation,
  evaluationRows,
  onJudged,
  wordsAtOnce = WORDS_AT_ONCE,
  onBatch,
}: SearchParameters): Promise<void> {
  const evaluationSet = evaluation && new EvaluationRows(readEvaluation(evaluation));
  const waiting = showings.order.filter((index) => showings.all[index]!.judged);
  while (waiting.length > 0) {
    const judged = await loadJudged(showings, waiting, wordsAtOnce);
    onBatch?.({ datasets: judged.length, words: judged.reduce((sum, { print }) => sum + print.words.length, 0) });
    if (evaluationSet)
      for (const one of judged)
        for (let row = 0; row < one.print.rowCount; row++)
          one.compareWithEvaluation(row, evaluationSet.likenesses(one.print, row), evaluationRows);
    const comparisons = await findComparisons(judged, showings);
    await findOwnTimes(judged, comparisons, showings);
    await compareWithOthers(judged, comparisons, showings);
    for (const one of judged) {
      const others = one.found();
      onJudged({ index: one.index, others, repeats: findRepeatedRows(one.print) });
      showings.disown(one.index, rowsOfOthers(others));
    }
  }
}

function readEvaluation(evaluation: Uint8Array): Fingerprint {
  const print = readFingerprint(evaluation);
  if (print) return print;
  throw new FlockOffError({
    code: 'bad-argument',
    what: 'the fingerprint of the evaluation set is of another version or damaged',
    fix: 'make it anew with fingerprintRows',
  });
}

/** Takes the next of those that wait, until they have so many words. */
async function loadJudged(showings: Showings, waiting: number[], wordsAtOnce: number): Promise<JudgedShowing[]> {
  const judged: JudgedShowing[] = [];
  for (let words = 0; waiting.length > 0 && words < wordsAtOnce; ) {
    const index = waiting.shift()!;
    const print = await showings.load(index, { isKept: true });
    if (!print) continue;
    words += print.words.length;
    judged.push(new JudgedShowing({ index, print, owner: showings.owners[index]!, times: showings.timesOf(index) }));
  }
  return judged;
}

/** What it takes most memory for is gone when it ends. */
async function findComparisons(judged: readonly JudgedShowing[], showings: Showings): Promise<Comparisons> {
  const candidates = new Candidates({ judged, showings });
  const prints = new Map(judged.map(({ index, print }) => [index, print]));
  const last = judged.reduce((a, { times }) => times.reduce((b, at) => Math.max(b, at), a), 0);
  const owners = new Set(judged.map(({ owner }) => owner));
  const first = showings.begins.reduce((a, at, i) => (owners.has(showings.owners[i]!) ? Math.min(a, at) : a), last);
  const judgedBegin = judged.reduce((a, { index }) => Math.min(a, showings.begins[index]!), last);
  const claimed = showings.order.filter(
    (index) => showings.begins[index]! < last && showings.all[index]!.claimedUntil > first,
  );
  const hasEnded = (index: number) => showings.all[index]!.claimedUntil <= judgedBegin;
  const addAll = async (indices: readonly number[]) => {
    for (const [i, index] of indices.entries()) {
      const next = indices.find((other, place) => place > i && !prints.has(other));
      const print = prints.get(index) ?? (await showings.load(index, { next }));
      if (print) candidates.add(index, print, last);
    }
  };
  await addAll(claimed.filter((index) => !hasEnded(index)));
  candidates.endStanding();
  await addAll(claimed.filter(hasEnded));
  return candidates.find();
}

async function findOwnTimes(
  judged: readonly JudgedShowing[],
  { rows }: Comparisons,
  showings: Showings,
): Promise<void> {
  for (const [i, one] of judged.entries()) {
    if (rows[i]!.length === 0) continue;
    const own = new OwnTimes(one.print, one.times, rows[i]!);
    one.own = own;
    const last = rows[i]!.reduce((most, row) => Math.max(most, one.times[row]!), 0);
    for (const other of showings.order) {
      // What he shows no earlier than the rows in question tells nothing.
      if (showings.owners[other] !== one.owner || showings.begins[other]! >= last) continue;
      const print = other === one.index ? one.print : await showings.load(other);
      if (print) own.add(print, showings.timesOf(other));
    }
  }
}

async function compareWithOthers(
  judged: readonly JudgedShowing[],
  { keys, total, firstPlace }: Comparisons,
  showings: Showings,
): Promise<void> {
  const sourceRow = new SourceRow();
  const ofIndex = new Map(judged.map((one) => [one.index, one]));
  const groups = groupsOf(keys, (key) => showings.numbers.showingOf(Math.floor(key / total)));
  // A source that was shown earlier is named before one that was shown later.
  groups.sort((a, b) => showings.begins[a.group]! - showings.begins[b.group]! || a.group - b.group);
  for (const { group: index, start, end } of groups) {
    const source = ofIndex.get(index);
    const print = source?.print ?? (await showings.load(index));
    if (!print) continue;
    const copied = new Set(source && rowsOfOthers(source.found()));
    const { claimedUntil } = showings.all[index]!;
    let loaded = -1;
    for (let i = start; i < end; i++) {
      const number = Math.floor(keys[i]! / total);
      const place = keys[i]! % total;
      const which = lastAtMost(firstPlace, place);
      const one = judged[which]!;
      const row = place - firstPlace[which]!;
      const sourceOf = showings.rowOf(number);
      if (one.done[row] || copied.has(sourceOf)) continue;
      if (loaded !== sourceOf) sourceRow.load(print, sourceOf);
      loaded = sourceOf;
      const at = showings.numbers.shownAt(number);
      const likeness = sourceRow.compare(one.print, row, (word, pair) => {
        const own = one.shownAt(row, word, pair);
        return at < own && own < claimedUntil;
      });
      one.note(row, { showing: index, row: sourceOf }, likeness);
    }
  }
}

/** Rows that another hotkey showed: those of the evaluation set are still who showed them first. */
function rowsOfOthers(found: readonly OthersRow[]): number[] {
  return found.flatMap(({ row, source }) => (source === 'evaluation' ? [] : [row]));
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
