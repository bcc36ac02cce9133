import { type Fingerprint, isCommon } from './format.ts';
import { ABSENT, GramTable } from './gram-table.ts';
import { GrowingList } from './growing-list.ts';
import { firstGramOf, firstPairOf } from './rows-of.ts';

/** Rows of all showings under one number each. */
export interface NumberedRows {
  ownerOf(number: number): number;
  shownAt(number: number): number;
}

const NONE = 0xffffffff;
/** Distinctive grams a row has before its common ones do not count. */
const ENOUGH = 8;
/** How many grams a whole pair counts for, and a question. */
const [PAIR_WEIGHT, QUESTION_WEIGHT] = [4, 2];
/** Rows that a judged row is compared with. */
export const MOST_CANDIDATES = 6;

/**
 * Which rows of others a judged row may come from: per gram of the judged rows, the first row of each of the first two owners who
 * showed it. Whoever copies comes later than the one he copies, so no flood of copies hides the first.
 */
export class Candidates {
  readonly #table: GramTable;
  /** Two per place: the first row, and the first of another owner. Side by side, since each look waits for memory. */
  readonly #holders: Uint32Array;
  readonly #rows: NumberedRows;
  readonly #found = new GrowingList();

  constructor(judged: readonly Fingerprint[], rows: NumberedRows) {
    const keys = judged.flatMap(({ words, pairHashes, questionHashes }) => [words, pairHashes, questionHashes]);
    this.#table = new GramTable(() => keys);
    this.#holders = new Uint32Array(2 * this.#table.size).fill(NONE);
    this.#rows = rows;
  }

  /**
   * Adds a row that claims what it says.
   *
   * @param begin when the first row was shown of those that are still to be added
   */
  add(print: Fingerprint, row: number, number: number, begin: number): void {
    const { words, pairHashes, questionHashes, pairEnd } = print;
    let skipsCommon: boolean | undefined;
    const note = (_: number, place: number) => this.#note(place, number, begin);
    const noteGram = (index: number, place: number) => {
      if (isCommon(words[index]!)) {
        skipsCommon ??= countDistinctive(print, row) >= ENOUGH;
        if (skipsCommon) return;
      }
      this.#note(place, number, begin);
    };
    for (let pair = firstPairOf(print, row); pair < pairEnd[row]!; pair++) {
      this.#table.forEachOpen(pairHashes, 2 * pair, 2 * pair + 1, note);
      if (questionHashes[pair] !== 0) this.#table.forEachOpen(questionHashes, pair, pair + 1, note);
      this.#table.forEachOpen(words, firstGramOf(print, pair), print.wordEnd[pair]!, noteGram);
    }
  }

  /** Rows, by number, that share most with a judged row of an owner; none of them is his. */
  of(print: Fingerprint, row: number, owner: number): number[] {
    this.#found.clear();
    let keys = 0;
    for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++) {
      this.#look(print.pairHashes[2 * pair]!, owner, PAIR_WEIGHT);
      if (print.questionHashes[pair] !== 0) this.#look(print.questionHashes[pair]!, owner, QUESTION_WEIGHT);
      for (let i = firstGramOf(print, pair); i < print.wordEnd[pair]!; i++, keys++)
        this.#look(print.words[i]!, owner, 1);
    }
    return mostFrequent(this.#found.view(), keys <= 8 ? 1 : Math.max(2, Math.floor(keys / 16)));
  }

  #look(word: number, owner: number, weight: number): void {
    const place = this.#table.placeOf(word);
    if (place === ABSENT) return;
    const [first, second] = [this.#holders[2 * place]!, this.#holders[2 * place + 1]!];
    for (let i = 0; i < weight; i++) {
      if (first !== NONE && this.#rows.ownerOf(first) !== owner) this.#found.add(first);
      if (second !== NONE && this.#rows.ownerOf(second) !== owner) this.#found.add(second);
    }
  }

  /** Keeps the first two rows of different owners. */
  #note(place: number, number: number, begin: number): void {
    const [first, second] = [this.#holders[2 * place]!, this.#holders[2 * place + 1]!];
    const rows = this.#rows;
    if (first === NONE) {
      this.#holders[2 * place] = number;
      return;
    }
    if (rows.ownerOf(first) === rows.ownerOf(number)) {
      if (rows.shownAt(number) < rows.shownAt(first)) this.#holders[2 * place] = number;
      return;
    }
    if (rows.shownAt(number) < rows.shownAt(first)) {
      this.#holders[2 * place + 1] = first;
      this.#holders[2 * place] = number;
    } else if (second === NONE || rows.shownAt(number) < rows.shownAt(second)) this.#holders[2 * place + 1] = number;
    const isClosed = (p: number) =>
      this.#holders[2 * p + 1] !== NONE && rows.shownAt(this.#holders[2 * p + 1]!) <= begin;
    if (isClosed(place)) this.#table.close(place, isClosed);
  }
}

/** Numbers that occur most often in a list, at least so often; the most frequent first, then the smallest. */
function mostFrequent(found: Uint32Array, fewest: number): number[] {
  found.sort();
  const numbers: [number: number, count: number][] = [];
  for (let start = 0, end = 0; start < found.length; start = end) {
    while (end < found.length && found[end] === found[start]) end++;
    if (end - start >= fewest) numbers.push([found[start]!, end - start]);
  }
  if (numbers.length > 1) numbers.sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || a - b);
  return numbers.slice(0, MOST_CANDIDATES).map(([number]) => number);
}

function countDistinctive(print: Fingerprint, row: number): number {
  let count = 0;
  for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++)
    for (let i = firstGramOf(print, pair); i < print.wordEnd[pair]!; i++) if (!isCommon(print.words[i]!)) count++;
  return count;
}
