import { MOST_CANDIDATES } from './candidates.ts';
import type { Fingerprint } from './format.ts';
import { ABSENT, GramTable } from './gram-table.ts';
import { type Likeness, SourceRow } from './likeness.ts';
import { firstGramOf, firstPairOf } from './rows-of.ts';

/** Rows noted per gram. */
const MOST_ROWS = 16;

/** The rows of the evaluation set, looked up by what they say. */
export class EvaluationRows {
  readonly #print: Fingerprint;
  readonly #table: GramTable;
  readonly #rows: number[][];
  readonly #source = new SourceRow();

  constructor(print: Fingerprint) {
    this.#print = print;
    this.#table = new GramTable(() => [print.words, print.pairHashes, print.questionHashes]);
    this.#rows = Array.from({ length: this.#table.size }, () => []);
    for (let row = 0; row < print.rowCount; row++) {
      for (const word of keysOf(print, row)) {
        const rows = this.#rows[this.#table.placeOf(word)];
        if (rows && rows.length < MOST_ROWS && rows.at(-1) !== row) rows.push(row);
      }
    }
  }

  /** What a judged row has from the rows of the set that it shares most with. */
  likenesses(judged: Fingerprint, row: number): Likeness[] {
    const counts = new Map<number, number>();
    for (const word of keysOf(judged, row)) {
      const place = this.#table.placeOf(word);
      if (place !== ABSENT)
        for (const other of this.#rows[place] ?? []) counts.set(other, (counts.get(other) ?? 0) + 1);
    }
    if (counts.size === 0) return [];
    return [...counts]
      .sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || a - b)
      .slice(0, MOST_CANDIDATES)
      .map(([other]) => {
        this.#source.load(this.#print, other);
        return this.#source.compare(judged, row, () => true);
      });
  }
}

function* keysOf(print: Fingerprint, row: number): Generator<number> {
  for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++) {
    yield print.pairHashes[2 * pair]!;
    if (print.questionHashes[pair] !== 0) yield print.questionHashes[pair]!;
    for (let i = firstGramOf(print, pair); i < print.wordEnd[pair]!; i++) yield print.words[i]!;
  }
}
