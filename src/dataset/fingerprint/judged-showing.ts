import type { Fingerprint } from './format.ts';
import { type Judgement, judgeRow } from './judge-row.ts';
import { heldEnough, heldSomething, type Likeness } from './likeness.ts';
import type { OwnTimes } from './own-times.ts';
import { isShort } from './rows-of.ts';

/** A row of a judged showing that is another's. */
export interface OthersRow {
  /** From 0. */
  row: number;
  /** The rows it was taken from, the one with most of it first; one to three. */
  source: RowSource[] | 'evaluation';
  /** Share (0..1) of its content that is theirs; of theirs that it holds, where it holds a long answer whole among more. */
  alike: number;
}

export interface RowSource {
  /** Index in the showings. */
  showing: number;
  row: number;
}

/**
 * Rows of one dataset that hold the same answer of another among more of their own: so many, and it is a phrase such as a
 * disclaimer, whoever showed it first.
 */
const PHRASE_ROWS = 16;
/** So many phrases a dataset may have: more are another's answers, each repeated with other filler. */
const MOST_PHRASES = 8;

/** A showing whose rows are judged, and what has been found. */
export class JudgedShowing {
  readonly index: number;
  readonly print: Fingerprint;
  readonly owner: number;
  /** Per row: when its owner showed it. */
  readonly times: Uint32Array;
  /** Per row: 1 when it needs no further comparing. */
  readonly done: Uint8Array;
  own: OwnTimes | undefined;
  readonly #found: OthersRow[] = [];
  /** By row: what several hold of it, none enough alone. */
  readonly #open = new Map<number, { sources: RowSource[]; likenesses: Likeness[] }>();
  /** By length: lists of zeros, instead of one for each likeness. */
  readonly #nothing = new Map<number, { bytes: Uint8Array; numbers: Uint16Array }>();
  /** By row: words of the evaluation set, where they are nobody's. */
  readonly #nobodys = new Map<number, Uint8Array>();

  constructor({ index, print, owner, times }: Pick<JudgedShowing, 'index' | 'print' | 'owner' | 'times'>) {
    this.index = index;
    this.print = print;
    this.owner = owner;
    this.times = times;
    this.done = new Uint8Array(print.rowCount);
  }

  /** @param evaluationRows whether content of the evaluation set is reported, or nobody's. */
  compareWithEvaluation(row: number, likenesses: Likeness[], evaluationRows: 'leave-out' | 'allow'): void {
    if (likenesses.length === 0) return;
    const { print } = this;
    const judgement = judgeRow({ print, row, isEvaluation: true }, likenesses);
    if (judgement) {
      this.done[row] = 1;
      if (evaluationRows === 'leave-out') this.#found.push({ row, source: 'evaluation', alike: judgement.alike });
    } else if (evaluationRows === 'allow') {
      const held = new Uint8Array(likenesses[0]!.held.length);
      for (const likeness of likenesses) for (const [i, state] of likeness.held.entries()) held[i]! |= state;
      this.#nobodys.set(row, held);
    }
  }

  /** When this owner first showed what a word of a row says; of a short pair, what the pair says. */
  shownAt(row: number, word: number, pair: number): number {
    if (!this.own) return this.times[row]!;
    return isShort(this.print, pair) ? this.own.ofPair(row, pair) : this.own.of(row, word);
  }

  /** Notes what a row has from a row of another. */
  note(row: number, source: RowSource, likeness: Likeness): void {
    if (!heldSomething(likeness)) return;
    const open = this.#open.get(row) ?? { sources: [], likenesses: [] };
    const judgement = this.#judge(row, [likeness]);
    if (judgement && !judgement.isWhole) {
      this.done[row] = 1;
      this.#open.delete(row);
      this.#found.push({ row, source: [source], alike: judgement.alike });
      return;
    }
    open.sources.push(source);
    open.likenesses.push(this.#compact(likeness));
    this.#open.set(row, open);
  }

  /** The same in less memory: of most rows little is held but a whole answer. */
  #compact(likeness: Likeness): Likeness {
    const { held, heldPairs, heldNumbers, sameQuestions, ...rest } = likeness;
    return {
      ...rest,
      held: heldEnough(likeness) ? held : this.#zeros(held.length).bytes,
      heldPairs: heldPairs.some(Boolean) ? heldPairs : this.#zeros(heldPairs.length).bytes,
      heldNumbers: heldNumbers.some(Boolean) ? heldNumbers : this.#zeros(heldPairs.length).numbers,
      sameQuestions: sameQuestions.some(Boolean) ? sameQuestions : this.#zeros(heldPairs.length).bytes,
    };
  }

  #zeros(length: number): { bytes: Uint8Array; numbers: Uint16Array } {
    const known = this.#nothing.get(length) ?? { bytes: new Uint8Array(length), numbers: new Uint16Array(length) };
    this.#nothing.set(length, known);
    return known;
  }

  /** What was found so far, in order. */
  found(): OthersRow[] {
    const all = [...this.#found];
    const whole = new Map<string, OthersRow[]>();
    for (const [row, { sources, likenesses }] of this.#open) {
      const judgement = this.#judge(row, likenesses);
      if (!judgement) continue;
      const source = judgement.sources.map((i) => sources[i]!);
      const found = { row, source, alike: judgement.alike };
      if (!judgement.isWhole) {
        all.push(found);
        continue;
      }
      const key = `${source[0]!.showing}.${source[0]!.row}`;
      const rows = whole.get(key);
      if (rows) rows.push(found);
      else whole.set(key, [found]);
    }
    const isPhrase = (rows: OthersRow[]) => rows.length > PHRASE_ROWS;
    const areCopies = [...whole.values()].filter(isPhrase).length > MOST_PHRASES;
    for (const rows of whole.values()) if (areCopies || !isPhrase(rows)) for (const row of rows) all.push(row);
    return all.sort((a, b) => a.row - b.row);
  }

  #judge(row: number, likenesses: Likeness[]): Judgement | null {
    const { print } = this;
    return judgeRow({ print, row, nobodys: this.#nobodys.get(row), isEvaluation: false }, likenesses);
  }
}
