import { mostCandidates } from './candidates.ts';
import type { Fingerprint } from './format.ts';
import { ABSENT, GramTable, hashOf } from './gram-table.ts';
import { type Likeness, SourceRow } from './likeness.ts';
import { firstGramOf, firstPairOf, firstWordOfRow } from './rows-of.ts';
import { Tally } from './tally.ts';

/** Rows noted per gram. */
const MOST_ROWS = 16;

/** The rows of the evaluation set, looked up by what they say. */
export class EvaluationRows {
  readonly #print: Fingerprint;
  readonly #table: GramTable;
  /** Rows of the set by gram; its place is noted in the table. */
  readonly #rows: number[][] = [];
  readonly #source = new SourceRow();
  readonly #tally = new Tally();

  constructor(print: Fingerprint) {
    this.#print = print;
    this.#table = new GramTable({ words: [print.words, print.pairHashes, print.questionHashes], notes: 1 });
    for (let row = 0; row < print.rowCount; row++)
      this.#forEachGram(print, row, (rows) => {
        if (rows.length < MOST_ROWS && rows.at(-1) !== row) rows.push(row);
      });
  }

  /** What a judged row has from the rows of the set that it shares most with. */
  likenesses(judged: Fingerprint, row: number): Likeness[] {
    this.#forEachGram(judged, row, (rows) => {
      for (const other of rows) this.#tally.add(other, 1);
    });
    const grams = firstWordOfRow(judged, row + 1) - firstWordOfRow(judged, row);
    return this.#tally.takeMostFrequent(1, mostCandidates(grams)).map((other) => {
      this.#source.load(this.#print, other);
      return this.#source.compare(judged, row, () => true);
    });
  }

  /** Calls back with the rows of the set that are noted for each pair, question and gram of a row that the set has. */
  #forEachGram(print: Fingerprint, row: number, found: (rows: number[]) => void): void {
    const end = print.pairEnd[row]!;
    for (let pair = firstPairOf(print, row); pair < end; pair++) {
      this.#look(print.pairHashes[2 * pair]!, found);
      if (print.questionHashes[pair] !== 0) this.#look(print.questionHashes[pair]!, found);
      const last = print.wordEnd[pair]!;
      for (let i = firstGramOf(print, pair); i < last; i++) this.#look(print.words[i]!, found);
    }
  }

  #look(word: number, found: (rows: number[]) => void): void {
    const place = this.#table.placeOf(hashOf(word));
    if (place === ABSENT) return;
    const { notes } = this.#table;
    if (notes[place] === 0) notes[place] = this.#rows.push([]);
    found(this.#rows[notes[place]! - 1]!);
  }
}
