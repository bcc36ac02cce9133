import { COMMON, type Fingerprint } from './format.ts';
import { GramHolders, type HeldBy, NONE } from './gram-holders.ts';
import { GrowingList } from './growing-list.ts';
import type { JudgedShowing } from './judged-showing.ts';
import { firstGramOf, firstPairOf } from './rows-of.ts';
import type { Showings } from './showings.ts';
import { Tally } from './tally.ts';

/** Distinctive grams a row has before its common ones do not count. */
const ENOUGH = 8;
/** How many grams a whole pair counts for, and a question. */
const [PAIR_WEIGHT, QUESTION_WEIGHT] = [4, 2];
/** Rows that a judged row is compared with: of a long one more, or a copied answer would hide among longer pieces of others. */
const [FEW_CANDIDATES, MANY_CANDIDATES] = [6, 64];
/** Grams of a row for each more. An answer that is somebody's has twice as many, and of each gram two rows are known. */
const GRAMS_OF_CANDIDATE = 5;
/** Grams that a row shares at least with one that it is compared with, of a long one: so many an answer has that is somebody's. */
const ENOUGH_SHARED = 4;

/** With how many rows one of so many grams is compared at most. */
export function mostCandidates(grams: number): number {
  return Math.min(MANY_CANDIDATES, Math.max(FEW_CANDIDATES, Math.floor(grams / GRAMS_OF_CANDIDATE)));
}

export interface CandidatesParameters {
  judged: readonly JudgedShowing[];
  showings: Showings;
}

/** Rows of others that judged rows are compared with. */
export interface Comparisons {
  /** Per judged showing: rows that are compared with any. */
  rows: number[][];
  /** Number of a row of another * `total` + place of a judged row among all judged, sorted. */
  keys: Float64Array;
  total: number;
  /** Per judged showing: the place of its first row among all judged. */
  firstPlace: number[];
}

/**
 * Which rows of others a judged row may come from, by its grams ({@link GramHolders}). Added first are showings on which a claim
 * stands, then those on which it has ended: of these only copies count that were made before.
 */
export class Candidates {
  readonly #judged: readonly JudgedShowing[];
  readonly #showings: Showings;
  readonly #holders: GramHolders;

  constructor({ judged, showings }: CandidatesParameters) {
    this.#judged = judged;
    this.#showings = showings;
    this.#holders = new GramHolders({ prints: judged.map(({ print }) => print), rows: showings.numbers.rows });
  }

  /** Adds the rows of a showing that claim what they say and were shown before a time. Showings are added in their order. */
  add(index: number, print: Fingerprint, last: number): void {
    const { pairHashes, questionHashes, words, wordEnd, pairEnd } = print;
    const showings = this.#showings;
    const holders = this.#holders;
    for (let row = 0; row < print.rowCount; row++) {
      const number = showings.numberOf(index, row);
      if (showings.numbers.shownAt(number) >= last || !showings.claims(index, row)) continue;
      const skipped = skippedOf(print, row);
      for (let pair = firstPairOf(print, row); pair < pairEnd[row]!; pair++) {
        holders.add(pairHashes, 2 * pair, 2 * pair + 1, number);
        if (questionHashes[pair] !== 0) holders.add(questionHashes, pair, pair + 1, number);
        holders.add(words, firstGramOf(print, pair), wordEnd[pair]!, number, skipped);
      }
    }
    holders.endShowing(showings.begins[index]!);
  }

  /** Rows that are added from now on take no place of those that were added before. */
  endStanding(): void {
    this.#holders.endStanding();
  }

  /** The rows that share most with each judged row; none of them is its owner's, and each was shown earlier. */
  find(): Comparisons {
    const [sources, places] = [new GrowingList(), new GrowingList()];
    const [rows, firstPlace]: [number[][], number[]] = [[], []];
    let total = 0;
    for (const held of this.#holders.find()) {
      const one = this.#judged[rows.length]!;
      const compared: number[] = [];
      firstPlace.push(total);
      rows.push(compared);
      this.#chooseSources(one, held, (row, source) => {
        if (compared.at(-1) !== row) compared.push(row);
        sources.add(source);
        places.add(total + row);
      });
      total += one.print.rowCount;
    }
    const to = places.view();
    const keys = Float64Array.from(sources.view(), (source, i) => source * total + to[i]!).sort();
    return { rows, keys, total, firstPlace };
  }

  #chooseSources(
    { print, done, times, owner }: JudgedShowing,
    { ofWords, ofPairs, ofQuestions }: HeldBy,
    found: (row: number, source: number) => void,
  ): void {
    const { numbers } = this.#showings;
    const tally = new Tally();
    const count = (holders: Uint32Array, start: number, end: number, weight: number) => {
      for (let i = 2 * start; i < 2 * end; i++) {
        const number = holders[i]!;
        if (number !== NONE && numbers.ownerOf(number) !== owner) tally.add(number, weight);
      }
    };
    for (let row = 0; row < print.rowCount; row++) {
      if (done[row]) continue;
      let grams = 0;
      for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++) {
        const [start, end] = [firstGramOf(print, pair), print.wordEnd[pair]!];
        count(ofPairs, 2 * pair, 2 * pair + 1, PAIR_WEIGHT);
        if (print.questionHashes[pair] !== 0) count(ofQuestions, pair, pair + 1, QUESTION_WEIGHT);
        count(ofWords, start, end, 1);
        grams += end - start;
      }
      const fewest = grams <= 8 ? 1 : Math.min(ENOUGH_SHARED, Math.max(2, Math.floor(grams / 16)));
      for (const source of tally.takeMostFrequent(fewest, mostCandidates(grams)))
        if (numbers.shownAt(source) < times[row]!) found(row, source);
    }
  }
}

/** The bit of words that are left out: common ones, of a row that has enough others. */
function skippedOf(print: Fingerprint, row: number): number {
  const { words, wordEnd, pairEnd } = print;
  let distinctive = 0;
  for (let pair = firstPairOf(print, row); pair < pairEnd[row]!; pair++) {
    const last = wordEnd[pair]!;
    for (let i = firstGramOf(print, pair); i < last; i++) {
      distinctive += 1 - (words[i]! & COMMON);
      if (distinctive === ENOUGH) return COMMON;
    }
  }
  return 0;
}
