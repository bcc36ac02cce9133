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
    const kept = this.#compact(likeness);
    const judgement = this.#judge(row, [kept]);
    if (judgement && !judgement.isWhole) {
      this.done[row] = 1;
      this.#open.delete(row);
      this.#found.push({ row, source: [source], alike: judgement.alike });
      return;
    }
    open.sources.push(source);
    open.likenesses.push(kept);
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
    const found = new Map(this.#found.map((one) => [one.row, one]));
    const [whole, phrases] = [new Map<string, OthersRow[]>(), new Map<string, OthersRow[]>()];
    let rows = [...this.#open.keys()];
    while (rows.length > 0 && phrases.size <= MOST_PHRASES) {
      for (const row of rows) {
        const judged = this.#judgeOpen(row, phrases);
        if (!judged) continue;
        const { source, alike, isWhole } = judged;
        if (isWhole) addTo(whole, keyOf(source[0]!), { row, source, alike });
        else found.set(row, { row, source, alike });
      }
      // Beside a phrase another answer may stand that is whole.
      const repeated = [...whole].filter(([, some]) => some.length > PHRASE_ROWS);
      for (const [key, some] of repeated) {
        whole.delete(key);
        phrases.set(key, some);
      }
      rows = repeated.flatMap(([, some]) => some.map(({ row }) => row));
    }
    const areCopies = phrases.size > MOST_PHRASES;
    for (const one of [...whole.values(), ...(areCopies ? phrases.values() : [])].flat()) found.set(one.row, one);
    return [...found.values()].sort((a, b) => a.row - b.row);
  }

  /** What makes a row another's where no answer counts that is a phrase. */
  #judgeOpen(row: number, phrases: ReadonlyMap<string, unknown>) {
    const { sources, likenesses } = this.#open.get(row)!;
    const counting = [...sources.keys()].filter((i) => !phrases.has(keyOf(sources[i]!)));
    const some = counting.map((i) => likenesses[i]!);
    const judgement = this.#judge(row, some);
    return judgement && { ...judgement, source: judgement.sources.map((i) => sources[counting[i]!]!) };
  }

  #judge(row: number, likenesses: Likeness[]): Judgement | null {
    const { print } = this;
    return judgeRow({ print, row, nobodys: this.#nobodys.get(row), isEvaluation: false }, likenesses);
  }
}

function keyOf({ showing, row }: RowSource): string {
  return `${showing}.${row}`;
}

function addTo<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
