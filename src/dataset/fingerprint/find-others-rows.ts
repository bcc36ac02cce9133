import { FlockOffError } from '../../errors/flock-off-error.ts';
import { yieldToEventLoop } from '../../shared/yield-to-event-loop.ts';
import { Candidates } from './candidates.ts';
import { EvaluationRows } from './evaluation-rows.ts';
import { type Fingerprint, readFingerprint } from './format.ts';
import { type Judgement, judgeRow } from './judge-row.ts';
import { HELD, type Likeness, SourceRow } from './likeness.ts';
import { OwnTimes } from './own-times.ts';
import { findRepeatedRows, type RepeatedRow } from './repeated-rows.ts';
import { isShort } from './rows-of.ts';

/** A dataset that a hotkey shows or has shown. */
export interface Showing {
  /** Whose rows are compared with everybody else's: a hotkey, or the coldkey of several. */
  owner: string;
  /** Bytes of {@link fingerprintRows}, or what reads them when their turn comes; called up to three times. */
  fingerprint: Uint8Array | (() => Uint8Array | Promise<Uint8Array>);
  /** Per row: when this owner first showed it, as block * 65536 + index of the transaction in the block. */
  shownAt: Float64Array;
  /** Copies that others show from then on are free. Unit of `shownAt`; Infinity while the rows are claimed. */
  claimedUntil: number;
  /** A bit a row, lowest first: 1 for the rows that are the owner's. The others claim nothing. Default: all are. */
  own?: Uint8Array;
  /** Whether its rows are judged. All showings, judged ones too, claim rows. */
  judged: boolean;
}

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

export interface FindOthersRowsParameters {
  showings: readonly Showing[];
  /** Fingerprint of the evaluation set; `null` for none. */
  evaluation: Uint8Array | null;
  /** `leave-out`: its content is reported whoever shows it. `allow`: its content is nobody's. */
  evaluationRows: 'leave-out' | 'allow';
  signal?: AbortSignal | undefined;
}

export interface FoundRows {
  /** By the index of each judged showing: rows that are another's, in order. */
  others: Map<number, OthersRow[]>;
  /** By the index of each judged showing: repeated rows, in order. */
  repeats: Map<number, RepeatedRow[]>;
  /** Indices of showings whose fingerprint is of another version or damaged: they claim nothing and are not judged. */
  unreadable: number[];
}

/** Rows of one dataset that hold the same answer of another among more of their own: so many, and it is a common phrase. */
const COMMON_PHRASE_ROWS = 16;
/** Between two looks at the signal. */
const ROWS_AT_ONCE = 4096;

interface JudgedShowing {
  index: number;
  showing: Showing;
  print: Fingerprint;
  owner: number;
  found: OthersRow[];
  /** By row: what was found of it so far. */
  open: Map<number, { sources: RowSource[]; likenesses: Likeness[]; nobodys?: Uint8Array | undefined }>;
  /** Rows that need no further comparing. */
  done: Uint8Array;
  /** By row: words of the evaluation set, where its content is nobody's. */
  nobodys: Map<number, Uint8Array>;
  /** By showing and row of the source: rows that hold it whole among more. */
  whole: Map<string, OthersRow[]>;
  own?: OwnTimes;
}

/**
 * Finds rows of the judged showings whose content another owner showed before this one did, while his claim on it stood,
 * and rows of the evaluation set. Whatever an owner has shown himself, in any showing, counts from then on for himself.
 *
 * Fingerprints are read one after another, first all, then those with likely sources; those of the judged stay in memory.
 *
 * @throws FlockOffError `bad-argument` when a fingerprint has other rows than `shownAt`, or that of the evaluation set cannot
 * be read; whatever `signal` was aborted with, and what reading a fingerprint throws.
 */
export async function findOthersRows(parameters: FindOthersRowsParameters): Promise<FoundRows> {
  const search = new Search(parameters);
  await search.loadJudged();
  await search.compareWithEvaluation();
  await search.compareWithOthers(await search.findComparisons());
  return search.results();
}

class Search {
  readonly #showings: readonly Showing[];
  readonly #evaluation: EvaluationRows | null;
  readonly #evaluationRows: 'leave-out' | 'allow';
  readonly #signal: AbortSignal | undefined;
  readonly #owners: number[];
  /** Per showing: the number of its first row. */
  readonly #firstNumber: Float64Array;
  readonly #judged: JudgedShowing[] = [];
  readonly #unreadable = new Set<number>();
  /** Showings from the first on. */
  readonly #order: number[];

  constructor({ showings, evaluation, evaluationRows, signal }: FindOthersRowsParameters) {
    this.#showings = showings;
    this.#evaluationRows = evaluationRows;
    this.#signal = signal;
    const ids = new Map<string, number>();
    this.#owners = showings.map(({ owner }) => ids.get(owner) ?? ids.set(owner, ids.size).size - 1);
    this.#firstNumber = new Float64Array(showings.length + 1);
    for (const [i, { shownAt }] of showings.entries())
      this.#firstNumber[i + 1] = this.#firstNumber[i]! + shownAt.length;
    const begins = showings.map(({ shownAt }) => shownAt.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY));
    this.#order = begins.map((_, i) => i).sort((a, b) => begins[a]! - begins[b]! || a - b);
    const print = evaluation && readFingerprint(evaluation);
    if (evaluation && !print)
      throw new FlockOffError({
        code: 'bad-argument',
        what: 'the fingerprint of the evaluation set is of another version or damaged',
        fix: 'make it anew with fingerprintRows',
      });
    this.#evaluation = print && new EvaluationRows(print);
  }

  async loadJudged(): Promise<void> {
    for (const [index, showing] of this.#showings.entries()) {
      if (!showing.judged) continue;
      const print = await this.#load(index);
      if (!print) continue;
      const [owner, done] = [this.#owners[index]!, new Uint8Array(print.rowCount)];
      const empty = { found: [], open: new Map(), nobodys: new Map(), whole: new Map() };
      this.#judged.push({ index, showing, print, owner, done, ...empty });
    }
  }

  /** Rows of the evaluation set are found, or nobody's. */
  async compareWithEvaluation(): Promise<void> {
    if (!this.#evaluation) return;
    for (const judged of this.#judged) {
      const { print, done } = judged;
      for (let row = 0; row < print.rowCount; row++) {
        if (row % ROWS_AT_ONCE === 0) await this.#pause();
        const likenesses = this.#evaluation.likenesses(print, row);
        if (likenesses.length === 0) continue;
        const judgement = judgeRow({ print, row, minded: false }, likenesses);
        if (judgement) {
          done[row] = 1;
          if (this.#evaluationRows === 'leave-out')
            judged.found.push({ row, source: 'evaluation', alike: judgement.alike });
        } else if (this.#evaluationRows === 'allow') {
          const held = new Uint8Array(likenesses[0]!.held.length);
          for (const likeness of likenesses) for (const [i, state] of likeness.held.entries()) held[i]! |= state;
          judged.nobodys.set(row, held);
        }
      }
    }
  }

  /** Pairs of a row of another (its number) and a judged row (its number among all judged), sorted. */
  async findComparisons(): Promise<{ source: number; judged: JudgedShowing; row: number }[]> {
    const rows = {
      ownerOf: (n: number) => this.#owners[this.#showingOf(n)]!,
      shownAt: (n: number) => this.#shownAt(n),
    };
    const candidates = new Candidates(
      this.#judged.map(({ print }) => print),
      rows,
    );
    const last = Math.max(...this.#judged.map(({ showing }) => showing.shownAt.reduce((a, b) => Math.max(a, b), 0)));
    for (const index of this.#order) {
      const showing = this.#showings[index]!;
      const print = this.#judged.find((judged) => judged.index === index)?.print ?? (await this.#load(index));
      await this.#pause();
      if (!print) continue;
      for (let row = 0; row < print.rowCount; row++)
        if (isOwn(showing, row) && showing.shownAt[row]! < last)
          candidates.add(print, row, this.#firstNumber[index]! + row);
    }
    const comparisons: { source: number; judged: JudgedShowing; row: number }[] = [];
    for (const judged of this.#judged) {
      for (let row = 0; row < judged.print.rowCount; row++) {
        if (row % ROWS_AT_ONCE === 0) await this.#pause();
        if (judged.done[row]) continue;
        for (const source of candidates.of(judged.print, row, judged.owner))
          if (this.#shownAt(source) < judged.showing.shownAt[row]!) comparisons.push({ source, judged, row });
      }
    }
    return comparisons;
  }

  async compareWithOthers(comparisons: { source: number; judged: JudgedShowing; row: number }[]): Promise<void> {
    await this.#findOwnTimes(comparisons);
    const bySource = groupBy(comparisons, ({ source }) => this.#showingOf(source));
    const sourceRow = new SourceRow();
    for (const index of this.#order) {
      const here = bySource.get(index);
      const print = here && (await this.#load(index));
      await this.#pause();
      if (!print) continue;
      here.sort((a, b) => a.source - b.source);
      const { claimedUntil } = this.#showings[index]!;
      let loaded = -1;
      for (const { source, judged, row } of here) {
        if (judged.done[row]) continue;
        const sourceIndex = source - this.#firstNumber[index]!;
        if (loaded !== sourceIndex) sourceRow.load(print, sourceIndex);
        loaded = sourceIndex;
        const at = this.#shownAt(source);
        const likeness = sourceRow.compare(judged.print, row, (word, pair) => {
          const own = isShort(judged.print, pair) ? judged.own!.ofPair(row, pair) : judged.own!.of(row, word);
          return at < own && own < claimedUntil;
        });
        this.#note(judged, row, { showing: index, row: sourceIndex }, likeness);
      }
    }
  }

  results(): FoundRows {
    const results: FoundRows = {
      others: new Map(),
      repeats: new Map(),
      unreadable: [...this.#unreadable].sort((a, b) => a - b),
    };
    for (const judged of this.#judged) {
      for (const [row, { sources, likenesses }] of judged.open) {
        if (judged.done[row]) continue;
        const judgement = judgeRow({ ...judged, row, nobodys: judged.nobodys.get(row), minded: true }, likenesses);
        if (judgement) this.#add(judged, row, sources, judgement);
      }
      for (const rows of judged.whole.values()) if (rows.length <= COMMON_PHRASE_ROWS) judged.found.push(...rows);
      results.others.set(
        judged.index,
        judged.found.sort((a, b) => a.row - b.row),
      );
      results.repeats.set(judged.index, findRepeatedRows(judged.print));
    }
    return results;
  }

  #note(judged: JudgedShowing, row: number, source: RowSource, likeness: Likeness): void {
    if (likeness.wholeShare === 0 && !likeness.held.includes(HELD) && !likeness.heldPairs.includes(1)) return;
    const judgement = judgeRow({ ...judged, row, nobodys: judged.nobodys.get(row), minded: true }, [likeness]);
    if (judgement) {
      judged.done[row] = 1;
      judged.open.delete(row);
      this.#add(judged, row, [source], judgement);
      return;
    }
    const open = judged.open.get(row) ?? { sources: [], likenesses: [] };
    open.sources.push(source);
    open.likenesses.push(likeness);
    judged.open.set(row, open);
  }

  #add(judged: JudgedShowing, row: number, sources: RowSource[], { sources: chosen, alike, isWhole }: Judgement): void {
    const source = chosen.map((i) => sources[i]!);
    if (!isWhole) {
      judged.found.push({ row, source, alike });
      return;
    }
    const key = `${source[0]!.showing}.${source[0]!.row}`;
    const rows = judged.whole.get(key) ?? [];
    rows.push({ row, source, alike });
    judged.whole.set(key, rows);
  }

  async #findOwnTimes(comparisons: { judged: JudgedShowing; row: number }[]): Promise<void> {
    for (const [judged, here] of groupBy(comparisons, (comparison) => comparison.judged)) {
      const { print, showing, owner, index } = judged;
      judged.own = new OwnTimes(print, showing.shownAt, [...new Set(here.map(({ row }) => row))]);
      judged.own.add(print, showing.shownAt);
      for (const [other, { shownAt }] of this.#showings.entries()) {
        if (other === index || this.#owners[other] !== owner) continue;
        const earlier = await this.#load(other);
        await this.#pause();
        if (earlier) judged.own.add(earlier, shownAt);
      }
    }
  }

  async #load(index: number): Promise<Fingerprint | null> {
    const { fingerprint, shownAt } = this.#showings[index]!;
    const print = readFingerprint(typeof fingerprint === 'function' ? await fingerprint() : fingerprint);
    if (!print) this.#unreadable.add(index);
    else if (print.rowCount !== shownAt.length)
      throw new FlockOffError({
        code: 'bad-argument',
        what: `showings[${index}].shownAt must have a time for each of ${print.rowCount} rows, saw ${shownAt.length}`,
        facts: { name: `showings[${index}].shownAt`, value: shownAt.length },
      });
    return print;
  }

  #showingOf(number: number): number {
    let [low, high] = [0, this.#showings.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#firstNumber[middle]! <= number) low = middle;
      else high = middle;
    }
    return low;
  }

  #shownAt(number: number): number {
    const index = this.#showingOf(number);
    return this.#showings[index]!.shownAt[number - this.#firstNumber[index]!]!;
  }

  async #pause(): Promise<void> {
    await yieldToEventLoop();
    this.#signal?.throwIfAborted();
  }
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

function isOwn({ own }: Showing, row: number): boolean {
  return !own || ((own[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
}
