import type { Fingerprint } from './format.ts';
import { GramTable, hashOf } from './gram-table.ts';
import { HashParts } from './hash-parts.ts';
import { type NumberedRows, RowNumbers } from './row-numbers.ts';

/** In place of a row's number where there is none. */
export const NONE = 0xffffffff;

/** Hashes of one part that are looked at together, and of those that may be wanted. */
const [ADDED_ROOM, KEPT_ROOM] = [2 ** 14, 2 ** 12];

/** Words of judged rows whose holders are looked up together. */
const FOUND_AT_ONCE = 2 ** 21;

/** So many are found in vain, as a share of those that are sought, before it is looked which are still worth finding. */
const IN_VAIN = 1 / 8;

/** What is to be known of the grams of some rows. */
export interface SoughtGrams {
  /** Of the judged rows. */
  prints: readonly Fingerprint[];
  rows: NumberedRows;
}

/** Of a print of judged rows, two rows that hold each word, pair hash and question: their numbers, {@link NONE} for none. */
export interface HeldBy {
  ofWords: Uint32Array;
  ofPairs: Uint32Array;
  ofQuestions: Uint32Array;
}

/**
 * Per gram of the judged rows, the first row of each of the first two owners who showed it. Whoever copies comes later than
 * the one he copies, so no flood of copies hides the first.
 */
export class GramHolders {
  readonly #prints: readonly Fingerprint[];
  readonly #numbers: RowNumbers;
  /** Noted are the first row, and the first of another owner. */
  readonly #table: GramTable;
  /** Hashes of rows of others. */
  readonly #added: HashParts;
  /** Of those, what is wanted, or nearly all of it. */
  readonly #kept: HashParts;
  #claimsStand = true;
  /** How often a gram was found that nothing was to be noted of. */
  #inVain = 0;
  /** What {@link GramHolders.find} finds, and the room for it. */
  #found: Uint32Array | undefined;
  #room = new Uint32Array(0);

  constructor({ prints, rows }: SoughtGrams) {
    this.#prints = prints;
    this.#numbers = new RowNumbers(rows);
    const table = new GramTable({ words: prints.flatMap(listsOf), notes: 2, empty: NONE });
    this.#table = table;
    const { wantedBits, bits } = table;
    const kept = new HashParts({
      bits,
      room: KEPT_ROOM,
      take: (part, pairs, start, end) => {
        table.readPart(part);
        this.#takePlaces(pairs, start, table.keepPlaces(pairs, start, end));
      },
    });
    this.#kept = kept;
    this.#added = new HashParts({
      bits: wantedBits,
      room: ADDED_ROOM,
      take: (part, pairs, start, end) => {
        table.readWanted(part);
        const last = table.keepWanted(pairs, start, end);
        for (let i = start; i < last; i += 2) kept.add(pairs[i]!, pairs[i + 1]!);
      },
    });
  }

  /**
   * Adds words of a row of another, from a start to an end. Rows come in the order of their showings.
   * @param skipped a bit: words that have it are left out
   */
  add(words: Uint32Array, start: number, end: number, number: number, skipped = 0): void {
    this.#added.addWords(words, start, end, number, skipped);
  }

  /**
   * Ends the rows of a showing. Leaves out from now on what can be noted no more, when much of that was found.
   * @param begin when the first row was shown of those; no row that is still to come was shown before
   */
  endShowing(begin: number): void {
    if (this.#inVain <= IN_VAIN * this.#table.count) return;
    this.#inVain = 0;
    // They may have been shown before that.
    this.#added.handAll();
    const { notes } = this.#table;
    // Whether a row that is still to come can be among the first two.
    this.#table.sift((place) => {
      const second = notes[2 * place + 1]!;
      return second === NONE || (this.#claimsStand && this.#numbers.shownAt(second) > begin);
    });
  }

  /** Rows that are added from now on take no place of those that were added before. */
  endStanding(): void {
    this.#handAll();
    this.#claimsStand = false;
  }

  /** Who holds what the prints say, one print after another; each good until the next. Nothing is added any more. */
  *find(): Generator<HeldBy> {
    this.#handAll();
    const { notes } = this.#table;
    this.#table.sift((place) => notes[2 * place] !== NONE);
    for (let start = 0, end = 0; start < this.#prints.length; start = end) {
      let words = 0;
      while (end < this.#prints.length && words < FOUND_AT_ONCE) words += wordsOf(this.#prints[end++]!);
      const prints = this.#prints.slice(start, end);
      const found = this.#findTogether(prints.flatMap(listsOf), words);
      let last = 0;
      for (const print of prints) {
        const [ofWords, ofPairs, ofQuestions] = listsOf(print).map(({ length }) => {
          last += 2 * length;
          return found.subarray(last - 2 * length, last);
        });
        yield { ofWords: ofWords!, ofPairs: ofPairs!, ofQuestions: ofQuestions! };
      }
    }
  }

  #findTogether(lists: readonly Uint32Array[], count: number): Uint32Array {
    if (this.#room.length < 2 * count) this.#room = new Uint32Array(2 * count);
    const found = this.#room.subarray(0, 2 * count).fill(NONE);
    this.#found = found;
    let number = 0;
    for (const words of lists) for (let i = 0; i < words.length; i++) this.#added.add(hashOf(words[i]!), number++);
    this.#handAll();
    this.#found = undefined;
    return found;
  }

  #handAll(): void {
    this.#added.handAll();
    this.#kept.handAll();
  }

  #takePlaces(pairs: Uint32Array, start: number, end: number): void {
    if (this.#found) this.#findAll(this.#found, pairs, start, end);
    else if (this.#claimsStand) for (let i = start; i < end; i += 2) this.#note(pairs[i]!, pairs[i + 1]!);
    else for (let i = start; i < end; i += 2) this.#noteAfter(pairs[i]!, pairs[i + 1]!);
  }

  #findAll(found: Uint32Array, pairs: Uint32Array, start: number, end: number): void {
    const { notes } = this.#table;
    for (let i = start; i < end; i += 2) {
      const [place, at] = [2 * pairs[i]!, 2 * pairs[i + 1]!];
      found[at] = notes[place]!;
      found[at + 1] = notes[place + 1]!;
    }
  }

  /** Keeps the first two rows of different owners. */
  #note(place: number, number: number): void {
    const { notes } = this.#table;
    const numbers = this.#numbers;
    const first = notes[2 * place]!;
    const second = notes[2 * place + 1]!;
    if (first === NONE) {
      notes[2 * place] = number;
      return;
    }
    const at = numbers.shownAt(number);
    if (second !== NONE && at >= numbers.shownAt(second)) {
      this.#inVain++;
      return;
    }
    const isEarlier = at < numbers.shownAt(first);
    if (numbers.ownerOf(first) !== numbers.ownerOf(number)) notes[2 * place + 1] = isEarlier ? first : number;
    if (isEarlier) notes[2 * place] = number;
  }

  #noteAfter(place: number, number: number): void {
    const { notes } = this.#table;
    const first = notes[2 * place]!;
    if (first === NONE) notes[2 * place] = number;
    else if (notes[2 * place + 1] !== NONE) this.#inVain++;
    else if (this.#numbers.ownerOf(first) !== this.#numbers.ownerOf(number)) notes[2 * place + 1] = number;
  }
}

function listsOf({ words, pairHashes, questionHashes }: Fingerprint): Uint32Array[] {
  return [words, pairHashes, questionHashes];
}

function wordsOf(print: Fingerprint): number {
  return listsOf(print).reduce((sum, { length }) => sum + length, 0);
}
