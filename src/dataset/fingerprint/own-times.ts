import type { Fingerprint } from './format.ts';
import { ABSENT, GramTable } from './gram-table.ts';
import { firstWordOfRow } from './rows-of.ts';

/** When an owner first showed what some of his rows say, gram by gram: whoever edits a row of his own forfeits nothing. */
export class OwnTimes {
  readonly #print: Fingerprint;
  readonly #shownAt: Float64Array;
  readonly #table: GramTable;
  readonly #times: Float64Array;

  /** @param rows the rows that are asked for. */
  constructor(print: Fingerprint, shownAt: Float64Array, rows: readonly number[]) {
    this.#print = print;
    this.#shownAt = shownAt;
    const wordsOf = (row: number) => print.words.subarray(firstWordOfRow(print, row), firstWordOfRow(print, row + 1));
    this.#table = new GramTable(() => rows.map(wordsOf));
    this.#times = new Float64Array(this.#table.size).fill(Number.POSITIVE_INFINITY);
  }

  /** Adds what the owner shows or has shown; the dataset itself, too. */
  add(print: Fingerprint, shownAt: Float64Array): void {
    for (let row = 0; row < print.rowCount; row++) {
      const at = shownAt[row]!;
      for (let i = firstWordOfRow(print, row); i < firstWordOfRow(print, row + 1); i++) {
        const place = this.#table.placeOf(print.words[i]!);
        if (place !== ABSENT && at < this.#times[place]!) this.#times[place] = at;
      }
    }
  }

  /** When the owner first showed the gram of a word of a row. */
  of(row: number, word: number): number {
    const place = this.#table.placeOf(this.#print.words[word]!);
    return place === ABSENT ? this.#shownAt[row]! : Math.min(this.#times[place]!, this.#shownAt[row]!);
  }
}
