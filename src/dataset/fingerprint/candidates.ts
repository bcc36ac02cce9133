import { type Fingerprint, gramOf, isCommon } from './format.ts';
import { ABSENT, GramTable } from './gram-table.ts';
import { firstGramOf, firstPairOf, isShort } from './rows-of.ts';

/** Rows of all showings under one number each. */
export interface NumberedRows {
  ownerOf(number: number): number;
  shownAt(number: number): number;
}

const NONE = 0xffffffff;
/** Distinctive grams a row has before its common ones do not count. */
const ENOUGH = 8;
/** Rows that a judged row is compared with. */
export const MOST_CANDIDATES = 6;

/**
 * Which rows of others a judged row may come from: per gram of the judged rows, the first row of each of the first two owners who
 * showed it. Whoever copies comes later than the one he copies, so no flood of copies hides the first.
 */
export class Candidates {
  readonly #table: GramTable;
  readonly #first: Uint32Array;
  readonly #second: Uint32Array;
  readonly #rows: NumberedRows;

  constructor(judged: readonly Fingerprint[], rows: NumberedRows) {
    const pairKeys = judged.map(keysOfShortPairs);
    this.#table = new GramTable(() => [...judged.map(({ words }) => words), ...pairKeys]);
    this.#first = new Uint32Array(this.#table.size).fill(NONE);
    this.#second = new Uint32Array(this.#table.size).fill(NONE);
    this.#rows = rows;
  }

  /** Adds a row that claims what it says. */
  add(print: Fingerprint, row: number, number: number): void {
    const { words, wordEnd, pairHashes } = print;
    const skipsCommon = countDistinctive(print, row) >= ENOUGH;
    for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++) {
      if (isShort(print, pair)) this.#note(gramOf(pairHashes[2 * pair]!), number);
      for (let i = firstGramOf(print, pair); i < wordEnd[pair]!; i++) {
        const word = words[i]!;
        if (!(skipsCommon && isCommon(word))) this.#note(word, number);
      }
    }
  }

  /** Rows, by number, that share most with a judged row of an owner; none of them is his. */
  of(print: Fingerprint, row: number, owner: number): number[] {
    const found: number[] = [];
    const certain: number[] = [];
    let keys = 0;
    const look = (word: number, into: number[]) => {
      const place = this.#table.placeOf(word);
      if (place === ABSENT) return;
      for (const number of [this.#first[place]!, this.#second[place]!])
        if (number !== NONE && this.#rows.ownerOf(number) !== owner) into.push(number);
    };
    for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++) {
      if (isShort(print, pair)) look(gramOf(print.pairHashes[2 * pair]!), certain);
      for (let i = firstGramOf(print, pair); i < print.wordEnd[pair]!; i++, keys++) look(print.words[i]!, found);
    }
    return mostFrequent(found, keys, certain);
  }

  /** Keeps the first two rows of different owners. */
  #note(word: number, number: number): void {
    const place = this.#table.placeOf(word);
    if (place === ABSENT) return;
    const [first, second] = [this.#first[place]!, this.#second[place]!];
    const { ownerOf, shownAt } = this.#rows;
    if (first === NONE) this.#first[place] = number;
    else if (ownerOf(first) === ownerOf(number)) {
      if (shownAt(number) < shownAt(first)) this.#first[place] = number;
    } else if (shownAt(number) < shownAt(first)) {
      this.#second[place] = first;
      this.#first[place] = number;
    } else if (second === NONE || shownAt(number) < shownAt(second)) this.#second[place] = number;
  }
}

function mostFrequent(found: number[], keys: number, certain: number[]): number[] {
  if (found.length === 0) return [...new Set(certain)].slice(0, MOST_CANDIDATES);
  const counts = new Map<number, number>();
  for (const number of found) counts.set(number, (counts.get(number) ?? 0) + 1);
  for (const number of certain) counts.set(number, (counts.get(number) ?? 0) + 2);
  const fewest = keys <= 8 ? 1 : 2;
  return [...counts]
    .filter(([, count]) => count >= fewest)
    .sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || a - b)
    .slice(0, MOST_CANDIDATES)
    .map(([number]) => number);
}

function countDistinctive(print: Fingerprint, row: number): number {
  let count = 0;
  for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++)
    for (let i = firstGramOf(print, pair); i < print.wordEnd[pair]!; i++) if (!isCommon(print.words[i]!)) count++;
  return count;
}

function keysOfShortPairs(print: Fingerprint): Uint32Array {
  const keys: number[] = [];
  for (let pair = 0; pair < print.wordEnd.length; pair++)
    if (isShort(print, pair)) keys.push(gramOf(print.pairHashes[2 * pair]!));
  return Uint32Array.from(keys);
}
