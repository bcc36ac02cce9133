import type { Fingerprint } from './format.ts';
import { ABSENT, GramTable, hashOf } from './gram-table.ts';
import { NEVER } from './row-numbers.ts';
import { firstGramOf, firstPairOf, firstWordOfRow, isShort } from './rows-of.ts';

/** When an owner first showed what some rows say, gram by gram, so that editing a row of one's own costs nothing. */
export class OwnTimes {
  readonly #print: Fingerprint;
  readonly #shownAt: Uint32Array;
  readonly #table: GramTable;

  /** @param rows the rows that are asked for. */
  constructor(print: Fingerprint, shownAt: Uint32Array, rows: readonly number[]) {
    this.#print = print;
    this.#shownAt = shownAt;
    const wordsOf = (row: number) => print.words.subarray(firstWordOfRow(print, row), firstWordOfRow(print, row + 1));
    this.#table = new GramTable({ words: [...rows.map(wordsOf), print.pairHashes], notes: 1, empty: NEVER });
  }

  /** Adds what the owner shows or has shown; the dataset itself, too. */
  add(print: Fingerprint, shownAt: Uint32Array): void {
    for (let row = 0; row < print.rowCount; row++) {
      const at = shownAt[row]!;
      const end = firstWordOfRow(print, row + 1);
      for (let i = firstWordOfRow(print, row); i < end; i++) this.#note(print.words[i]!, at);
      for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++)
        if (isShort(print, pair)) this.#note(print.pairHashes[2 * pair]!, at);
    }
  }

  /** When the owner first showed the gram of a word of a row. */
  of(row: number, word: number): number {
    return Math.min(this.#shownAt[row]!, this.#at(this.#print.words[word]!));
  }

  /** When the owner first gave a short answer to a question: this very pair, or most of what is asked. */
  ofPair(row: number, pair: number): number {
    const times: number[] = [];
    for (let i = firstGramOf(this.#print, pair); i < this.#print.wordEnd[pair]!; i++)
      times.push(this.#at(this.#print.words[i]!));
    const mostAsked = times.sort((a, b) => a - b)[Math.floor(0.7 * times.length)] ?? NEVER;
    return Math.min(this.#shownAt[row]!, this.#at(this.#print.pairHashes[2 * pair]!), mostAsked);
  }

  /** @param word of a row that is asked for */
  #at(word: number): number {
    return this.#table.notes[this.#table.placeOf(hashOf(word))]!;
  }

  #note(word: number, at: number): void {
    const { notes } = this.#table;
    const place = this.#table.placeOf(hashOf(word));
    if (place !== ABSENT) notes[place] = Math.min(at, notes[place]!);
  }
}
