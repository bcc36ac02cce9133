import { type Fingerprint, isCommon } from './format.ts';
import { ABSENT, GramTable, hashOf } from './gram-table.ts';
import { GrowingList } from './growing-list.ts';
import { HashParts } from './hash-parts.ts';
import type { JudgedShowing } from './judged-showing.ts';
import { firstGramOf, firstPairOf } from './rows-of.ts';
import type { Showings } from './showings.ts';
import { Tally } from './tally.ts';

const NONE = 0xffffffff;
/** Distinctive grams a row has before its common ones do not count. */
const ENOUGH = 8;
/** How many grams a whole pair counts for, and a question. */
const [PAIR_WEIGHT, QUESTION_WEIGHT] = [4, 2];
/** Rows that a judged row is compared with. */
export const MOST_CANDIDATES = 6;
/** Words of judged rows whose holders are looked up at once. */
const WORDS_AT_ONCE = 2_000_000;

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
 * Which rows of others a judged row may come from: per gram of the judged rows, the first row of each of the first two owners who
 * showed it. Whoever copies comes later than the one he copies, so no flood of copies hides the first.
 */
export class Candidates {
  readonly #judged: readonly JudgedShowing[];
  readonly #showings: Showings;
  readonly #table: GramTable;
  /** Two per place: the first row, and the first of another owner. */
  readonly #holders: Uint32Array;
  readonly #sources: HashParts;
  /** When the first row was shown of those that are still to be added. */
  #begin = 0;

  constructor(judged: readonly JudgedShowing[], showings: Showings) {
    this.#judged = judged;
    this.#showings = showings;
    this.#table = new GramTable(
      judged.flatMap(({ print: { words, pairHashes, questionHashes } }) => [words, pairHashes, questionHashes]),
    );
    this.#holders = new Uint32Array(2 * this.#table.size).fill(NONE);
    this.#sources = new HashParts(this.#table.partBits, (gathered, start, end) => {
      for (let i = start; i < end; i += 2) {
        const place = this.#table.openPlaceOf(gathered[i]!);
        if (place !== ABSENT) this.#note(place, gathered[i + 1]!);
      }
    });
  }

  /** Adds the rows of a showing that claim what they say and were shown before a time. Showings are added in their order. */
  add(index: number, print: Fingerprint, last: number): void {
    const { pairHashes, questionHashes, words, wordEnd, pairEnd } = print;
    const sources = this.#sources;
    const times = this.#showings.timesOf(index);
    for (let row = 0; row < print.rowCount; row++) {
      if (times[row]! >= last || !this.#showings.claims(index, row)) continue;
      const number = this.#showings.numberOf(index, row);
      const skipsCommon = countDistinctive(print, row) >= ENOUGH;
      const end = pairEnd[row]!;
      for (let pair = firstPairOf(print, row); pair < end; pair++) {
        sources.add(hashOf(pairHashes[2 * pair]!), number);
        if (questionHashes[pair] !== 0) sources.add(hashOf(questionHashes[pair]!), number);
        const lastWord = wordEnd[pair]!;
        for (let i = firstGramOf(print, pair); i < lastWord; i++)
          if (!skipsCommon || !isCommon(words[i]!)) sources.add(hashOf(words[i]!), number);
      }
    }
  }

  /** The rows that share most with each judged row; none of them is its owner's, and each was shown earlier. */
  find(): Comparisons {
    this.#sources.finish();
    const [sources, places] = [new GrowingList(), new GrowingList()];
    const [rows, firstPlace]: [number[][], number[]] = [[], []];
    let total = 0;
    for (let start = 0, end = 0; start < this.#judged.length; start = end) {
      for (let words = 0; end < this.#judged.length && (end === start || words < WORDS_AT_ONCE); end++)
        words += this.#judged[end]!.print.words.length;
      const some = this.#judged.slice(start, end);
      const holders = this.#holdersOf(some);
      let first = 0;
      for (const one of some) {
        const compared: number[] = [];
        firstPlace.push(total);
        rows.push(compared);
        first = this.#chooseSources(one, holders, first, (row, source) => {
          if (compared.at(-1) !== row) compared.push(row);
          sources.add(source);
          places.add(total + row);
        });
        total += one.print.rowCount;
      }
    }
    const to = places.view();
    const keys = Float64Array.from(sources.view(), (source, i) => source * total + to[i]!).sort();
    return { rows, keys, total, firstPlace };
  }

  /** Two numbers of rows for each pair, question and gram of the rows of some judged showings. */
  #holdersOf(judged: readonly JudgedShowing[]): Uint32Array {
    const room = judged.reduce((sum, { print }) => sum + 2 * print.wordEnd.length + print.words.length, 0);
    const holders = new Uint32Array(2 * room);
    const lookups = new HashParts(this.#table.partBits, (gathered, start, end) => {
      for (let i = start; i < end; i += 2) {
        const [place, to] = [this.#table.placeOf(gathered[i]!), 2 * gathered[i + 1]!];
        holders[to] = this.#holders[2 * place]!;
        holders[to + 1] = this.#holders[2 * place + 1]!;
      }
    });
    let count = 0;
    for (const { print } of judged) {
      for (let pair = 0; pair < print.wordEnd.length; pair++) {
        lookups.add(hashOf(print.pairHashes[2 * pair]!), count++);
        lookups.add(hashOf(print.questionHashes[pair]!), count++);
        const end = print.wordEnd[pair]!;
        for (let i = firstGramOf(print, pair); i < end; i++) lookups.add(hashOf(print.words[i]!), count++);
      }
    }
    lookups.finish();
    return holders;
  }

  /**
   * @param first where the holders of the showing begin
   * @returns where they end
   */
  #chooseSources(
    { print, owner, done, times }: JudgedShowing,
    holders: Uint32Array,
    first: number,
    found: (row: number, source: number) => void,
  ): number {
    const showings = this.#showings;
    const tally = new Tally();
    let next = first;
    const count = (weight: number) => {
      const [a, b] = [holders[2 * next]!, holders[2 * next + 1]!];
      if (a !== NONE && showings.ownerOf(a) !== owner) tally.add(a, weight);
      if (b !== NONE && showings.ownerOf(b) !== owner) tally.add(b, weight);
      next++;
    };
    for (let row = 0; row < print.rowCount; row++) {
      let grams = 0;
      const end = print.pairEnd[row]!;
      for (let pair = firstPairOf(print, row); pair < end; pair++) {
        const gramsOfPair = print.wordEnd[pair]! - firstGramOf(print, pair);
        if (done[row]) {
          next += 2 + gramsOfPair;
          continue;
        }
        count(PAIR_WEIGHT);
        if (print.questionHashes[pair] !== 0) count(QUESTION_WEIGHT);
        else next++;
        for (let i = 0; i < gramsOfPair; i++) count(1);
        grams += gramsOfPair;
      }
      const fewest = grams <= 8 ? 1 : Math.max(2, Math.floor(grams / 16));
      for (const source of tally.takeMostFrequent(fewest, MOST_CANDIDATES))
        if (showings.shownAt[source]! < times[row]!) found(row, source);
    }
    return next;
  }

  /** Keeps the first two rows of different owners. */
  #note(place: number, number: number): void {
    const holders = this.#holders;
    const { shownAt, begins } = this.#showings;
    const [first, second] = [holders[2 * place]!, holders[2 * place + 1]!];
    if (first === NONE) {
      holders[2 * place] = number;
      return;
    }
    const at = shownAt[number]!;
    if (this.#showings.ownerOf(first) === this.#showings.ownerOf(number)) {
      if (at < shownAt[first]!) holders[2 * place] = number;
      return;
    }
    if (at < shownAt[first]!) {
      holders[2 * place + 1] = first;
      holders[2 * place] = number;
    } else if (second === NONE || at < shownAt[second]!) holders[2 * place + 1] = number;
    this.#begin = begins[this.#showings.showingOf(number)]!;
    if (this.#isClosed(place)) this.#table.close(place, this.#isClosed);
  }

  /** Whether no row that is still to come can be among the first two. */
  readonly #isClosed = (place: number): boolean => {
    const second = this.#holders[2 * place + 1]!;
    return second !== NONE && this.#showings.shownAt[second]! <= this.#begin;
  };
}

function countDistinctive(print: Fingerprint, row: number): number {
  let count = 0;
  const end = print.pairEnd[row]!;
  for (let pair = firstPairOf(print, row); pair < end; pair++) {
    const last = print.wordEnd[pair]!;
    for (let i = firstGramOf(print, pair); i < last; i++) if (!isCommon(print.words[i]!)) count++;
  }
  return count;
}
