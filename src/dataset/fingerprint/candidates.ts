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
const WORDS_AT_ONCE = 5_000_000;

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
 * showed it. Whoever copies comes later than the one he copies, so no flood of copies hides the first. Added first are showings
 * on which a claim stands, then those on which it has ended: of these only copies count that were made before.
 */
export class Candidates {
  readonly #judged: readonly JudgedShowing[];
  readonly #showings: Showings;
  /** Noted are the first row, and the first of another owner. */
  readonly #table: GramTable;
  readonly #parts = new HashParts();
  /** For {@link Candidates.#holdersOf}: judged row, and row of another. */
  readonly #heldRows = new GrowingList();
  readonly #holders = new GrowingList();
  /** When the first row was shown of those that are still to be added. */
  #begin = 0;

  constructor(judged: readonly JudgedShowing[], showings: Showings) {
    this.#judged = judged;
    this.#showings = showings;
    const words = judged.flatMap(({ print }) => [print.words, print.pairHashes, print.questionHashes]);
    this.#table = new GramTable({ words, notes: 2, empty: NONE });
    this.#parts.handOn = (gathered, start, end) => {
      const kept = this.#table.keepOpen(gathered, start, end);
      for (let i = start; i < kept; i += 2) {
        const place = this.#table.openPlaceOf(gathered[i]!);
        if (place !== ABSENT) this.#note(place, gathered[i + 1]!);
      }
    };
  }

  /** Adds the rows of a showing that claim what they say and were shown before a time. Showings are added in their order. */
  add(index: number, print: Fingerprint, last: number): void {
    const { pairHashes, questionHashes, words, wordEnd, pairEnd } = print;
    const parts = this.#parts;
    const { times } = this.#showings.all[index]!;
    for (let row = 0; row < print.rowCount; row++) {
      if (times[row]! >= last || !this.#showings.claims(index, row)) continue;
      const number = this.#showings.numberOf(index, row);
      const skipsCommon = countDistinctive(print, row) >= ENOUGH;
      const end = pairEnd[row]!;
      for (let pair = firstPairOf(print, row); pair < end; pair++) {
        parts.add(hashOf(pairHashes[2 * pair]!), number);
        if (questionHashes[pair] !== 0) parts.add(hashOf(questionHashes[pair]!), number);
        const lastWord = wordEnd[pair]!;
        for (let i = firstGramOf(print, pair); i < lastWord; i++)
          if (!skipsCommon || !isCommon(words[i]!)) parts.add(hashOf(words[i]!), number);
      }
    }
  }

  /** Rows that are added from now on take no place of those that were added before. */
  endStanding(): void {
    this.#parts.finish();
    const { notes } = this.#table;
    const showings = this.#showings;
    this.#parts.handOn = (gathered, start, end) => {
      for (let i = start; i < end; i += 2) {
        const place = this.#table.openPlaceOf(gathered[i]!);
        if (place === ABSENT) continue;
        const number = gathered[i + 1]!;
        const first = notes[place + 1]!;
        if (first === NONE) notes[place + 1] = number;
        else if (notes[place + 2] === NONE && showings.ownerOf(first) !== showings.ownerOf(number))
          notes[place + 2] = number;
      }
    };
  }

  /** The rows that share most with each judged row; none of them is its owner's, and each was shown earlier. */
  find(): Comparisons {
    this.#parts.finish();
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
        chooseSources(one, this.#showings, holders, first, (row, source) => {
          if (compared.at(-1) !== row) compared.push(row);
          sources.add(source);
          places.add(total + row);
        });
        total += one.print.rowCount;
        first += one.print.rowCount;
      }
    }
    const to = places.view();
    const keys = Float64Array.from(sources.view(), (source, i) => source * total + to[i]!).sort();
    return { rows, keys, total, firstPlace };
  }

  /** Which rows of others hold pairs, questions and grams of the rows of some judged showings; one that holds several, often. */
  #holdersOf(judged: readonly JudgedShowing[]): Holders {
    const [rows, numbers] = [this.#heldRows, this.#holders];
    rows.clear();
    numbers.clear();
    const showings = this.#showings;
    const owners = Uint32Array.from(
      judged.flatMap(({ print, owner }) => new Array<number>(print.rowCount).fill(owner)),
    );
    const { notes } = this.#table;
    this.#parts.handOn = (gathered, start, end) => {
      for (let i = start; i < end; i += 2) {
        const place = this.#table.placeOf(gathered[i]!);
        const row = gathered[i + 1]!;
        const first = notes[place + 1]!;
        const second = notes[place + 2]!;
        if (first === NONE) continue;
        if (showings.ownerOf(first) !== owners[row]) {
          rows.add(row);
          numbers.add(first);
        }
        if (second !== NONE && showings.ownerOf(second) !== owners[row]) {
          rows.add(row);
          numbers.add(second);
        }
      }
    };
    let first = 0;
    for (const one of judged) {
      for (let row = 0; row < one.print.rowCount; row++) if (!one.done[row]) this.#lookUp(one.print, row, first + row);
      first += one.print.rowCount;
    }
    this.#parts.finish();
    return groupByRow(rows.view(), numbers.view(), first);
  }

  #lookUp(print: Fingerprint, row: number, number: number): void {
    const parts = this.#parts;
    const end = print.pairEnd[row]!;
    for (let pair = firstPairOf(print, row); pair < end; pair++) {
      const hash = hashOf(print.pairHashes[2 * pair]!);
      for (let i = 0; i < PAIR_WEIGHT; i++) parts.add(hash, number);
      if (print.questionHashes[pair] !== 0)
        for (let i = 0; i < QUESTION_WEIGHT; i++) parts.add(hashOf(print.questionHashes[pair]!), number);
      const last = print.wordEnd[pair]!;
      for (let i = firstGramOf(print, pair); i < last; i++) parts.add(hashOf(print.words[i]!), number);
    }
  }

  /** Keeps the first two rows of different owners. */
  #note(place: number, number: number): void {
    const { notes } = this.#table;
    const showings = this.#showings;
    const first = notes[place + 1]!;
    const second = notes[place + 2]!;
    if (first === NONE) {
      notes[place + 1] = number;
      return;
    }
    const at = showings.shownAt(number);
    if (second === NONE || at < showings.shownAt(second)) {
      const isEarlier = at < showings.shownAt(first);
      if (showings.ownerOf(first) === showings.ownerOf(number)) {
        if (isEarlier) notes[place + 1] = number;
        return;
      }
      notes[place + 2] = isEarlier ? first : number;
      if (isEarlier) notes[place + 1] = number;
    }
    this.#begin = showings.begins[showings.showingOf(number)]!;
    if (this.#isClosed(place)) this.#table.close(place, this.#isClosed);
  }

  /** Whether no row that is still to come can be among the first two. */
  readonly #isClosed = (place: number): boolean => {
    const second = this.#table.notes[place + 2]!;
    return second !== NONE && this.#showings.shownAt(second) <= this.#begin;
  };
}

/** Numbers of rows of others by judged row. */
interface Holders {
  /** Per judged row: where its numbers end. */
  ends: Uint32Array;
  numbers: Uint32Array;
}

function groupByRow(rows: Uint32Array, numbers: Uint32Array, rowCount: number): Holders {
  const ends = new Uint32Array(rowCount);
  for (let i = 0; i < rows.length; i++) ends[rows[i]!]!++;
  let sum = 0;
  for (let row = 0; row < rowCount; row++) {
    sum += ends[row]!;
    ends[row] = sum - ends[row]!;
  }
  const grouped = new Uint32Array(sum);
  for (let i = 0; i < rows.length; i++) grouped[ends[rows[i]!]!++] = numbers[i]!;
  return { ends, numbers: grouped };
}

/** @param first the judged row among `holders` with which the showing begins. */
function chooseSources(
  { print, done, times }: JudgedShowing,
  showings: Showings,
  { ends, numbers }: Holders,
  first: number,
  found: (row: number, source: number) => void,
): void {
  const tally = new Tally();
  for (let row = 0; row < print.rowCount; row++) {
    const end = ends[first + row]!;
    let i = first + row === 0 ? 0 : ends[first + row - 1]!;
    if (i === end || done[row]) continue;
    for (; i < end; i++) tally.add(numbers[i]!, 1);
    let grams = 0;
    for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++)
      grams += print.wordEnd[pair]! - firstGramOf(print, pair);
    const fewest = grams <= 8 ? 1 : Math.max(2, Math.floor(grams / 16));
    for (const source of tally.takeMostFrequent(fewest, MOST_CANDIDATES))
      if (showings.shownAt(source) < times[row]!) found(row, source);
  }
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
