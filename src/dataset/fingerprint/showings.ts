import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Fingerprint, readFingerprint } from './format.ts';

/** A dataset that a hotkey shows or has shown. */
export interface Showing {
  /** Whose rows are compared with everybody else's: a hotkey, or the coldkey of several. */
  owner: string;
  /**
   * Bytes of {@link fingerprintRows}, or what reads them when their turn comes; called up to three times for each 64 datasets
   * that are judged. A file is read by the thread that searches.
   */
  fingerprint: Uint8Array | FingerprintFile | (() => Uint8Array | Promise<Uint8Array>);
  /** Per row: when this owner first showed it, as block * 65536 + index of the transaction in the block. Asked for once. */
  readonly shownAt: Float64Array;
  /** Copies that others show from then on are free. Unit of `shownAt`; Infinity while the rows are claimed. */
  claimedUntil: number;
  /** A bit a row, lowest first: 1 for the rows that are the owner's. The others claim nothing. Default: all are. */
  readonly own?: Uint8Array | undefined;
  /** Whether its rows are judged. All showings, judged ones too, claim rows. */
  judged: boolean;
}

/** A file with the SHA-256 of a fingerprint, 32 bytes, and the fingerprint. */
export interface FingerprintFile {
  file: string;
}

/** A {@link Showing} without its fingerprint. */
export type ShowingTimes = Omit<Showing, 'fingerprint'>;

/** Reads a fingerprint that the next call may overwrite; one of no bytes where there is none. */
type ReadFingerprint = (index: number) => Promise<Uint8Array>;

/** After every time at which anything was shown. */
export const NEVER = 0xffffffff;

/** In place of a time. */
const SEVERAL = NEVER - 1;

/** Rows are numbered so that numbers that differ in the last bits only, so many of them, are of one showing. */
const LAST_BITS = 8;
const NUMBERS = 2 ** LAST_BITS;

/** Takes showings in, one by one, and keeps little of each. */
export class ShowingsBuilder {
  readonly #showings: Pick<Showing, 'owner' | 'claimedUntil' | 'own' | 'judged'>[] = [];
  /** Per showing and row: the place of its time in `times`. */
  readonly #timeOf: Uint32Array[] = [];
  readonly #times = new Map<number, number>();

  add({ owner, shownAt, claimedUntil, own, judged }: ShowingTimes): void {
    this.#showings.push({ owner, claimedUntil, own, judged });
    let [last, place] = [Number.NaN, 0];
    const timeOf = new Uint32Array(shownAt.length);
    for (let row = 0; row < timeOf.length; row++) {
      const at = shownAt[row]!;
      if (at !== last) {
        place = this.#times.get(at) ?? this.#times.size;
        if (place === this.#times.size) this.#times.set(at, place);
        last = at;
      }
      timeOf[row] = place;
    }
    this.#timeOf.push(timeOf);
  }

  finish(read: ReadFingerprint): Showings {
    const sorted = Float64Array.from(this.#times.keys()).sort();
    const ranks = Uint32Array.from(this.#times.keys(), (at) => countBefore(sorted, at));
    const all = this.#showings.map(({ owner, claimedUntil, own, judged }, i): KnownShowing => {
      const times = this.#timeOf[i]!;
      for (let row = 0; row < times.length; row++) times[row] = ranks[times[row]!]!;
      return { owner, claimedUntil: countBefore(sorted, claimedUntil), own, judged, times };
    });
    return new Showings(all, read);
  }
}

interface KnownShowing {
  owner: string;
  claimedUntil: number;
  own: Uint8Array | undefined;
  judged: boolean;
  /** Per row: when it was shown. */
  times: Uint32Array;
}

/**
 * All showings, their fingerprints read one after another, and each of their rows under a number of its own. Times are ranks
 * among all times at which anything was shown.
 */
export class Showings {
  readonly all: readonly KnownShowing[];
  /** Per showing: the same number for the same owner. */
  readonly owners: Uint32Array;
  /** Per showing: when its first row was shown. */
  readonly begins: Uint32Array;
  /** Indices of showings from the first on. */
  readonly order: readonly number[];
  /** Indices of those whose fingerprint could not be read. */
  readonly unreadable = new Set<number>();
  /** Per showing: the number of its first row, a multiple of {@link NUMBERS}. */
  readonly #firstNumbers: Uint32Array;
  /** By the first bits of a number. */
  readonly #showingOfNumbers: Uint32Array;
  /** By the first bits of a number: when all those rows were shown, {@link SEVERAL} when at several times. */
  readonly #timeOfNumbers: Uint32Array;
  readonly #read: ReadFingerprint;

  constructor(all: readonly KnownShowing[], read: ReadFingerprint) {
    this.all = all;
    this.#read = read;
    const ids = new Map<string, number>();
    for (const { owner } of all) if (!ids.has(owner)) ids.set(owner, ids.size);
    this.owners = Uint32Array.from(all, ({ owner }) => ids.get(owner)!);
    const begins = Uint32Array.from(all, ({ times }) => times.reduce((a, b) => Math.min(a, b), NEVER));
    this.begins = begins;
    this.order = [...begins.keys()].sort((a, b) => begins[a]! - begins[b]! || a - b);
    this.#firstNumbers = new Uint32Array(all.length + 1);
    for (const [i, { times }] of all.entries())
      this.#firstNumbers[i + 1] = this.#firstNumbers[i]! + Math.ceil(times.length / NUMBERS) * NUMBERS;
    this.#showingOfNumbers = new Uint32Array(this.#firstNumbers.at(-1)! / NUMBERS);
    this.#timeOfNumbers = new Uint32Array(this.#showingOfNumbers.length);
    for (const i of all.keys()) this.#noteNumbers(i);
  }

  /**
   * Good until the next call, unless it is to be kept.
   * @throws FlockOffError `bad-argument` when it has other rows than `shownAt`.
   */
  async load(index: number, { isKept = false } = {}): Promise<Fingerprint | null> {
    const { length } = this.all[index]!.times;
    const bytes = await this.#read(index);
    const print = readFingerprint(isKept ? bytes.slice() : bytes);
    if (!print) this.unreadable.add(index);
    else if (print.rowCount !== length)
      throw new FlockOffError({
        code: 'bad-argument',
        what: `showings[${index}].shownAt must have a time for each of ${print.rowCount} rows, saw ${length}`,
        facts: { name: `showings[${index}].shownAt`, value: length },
      });
    return print;
  }

  numberOf(index: number, row: number): number {
    return this.#firstNumbers[index]! + row;
  }

  showingOf(number: number): number {
    return this.#showingOfNumbers[number >>> LAST_BITS]!;
  }

  rowOf(number: number): number {
    return number - this.#firstNumbers[this.showingOf(number)]!;
  }

  ownerOf(number: number): number {
    return this.owners[this.showingOf(number)]!;
  }

  shownAt(number: number): number {
    const time = this.#timeOfNumbers[number >>> LAST_BITS]!;
    return time === SEVERAL ? this.all[this.showingOf(number)]!.times[this.rowOf(number)]! : time;
  }

  /** Whether a row claims what it says. */
  claims(index: number, row: number): boolean {
    const { own } = this.all[index]!;
    return !own || ((own[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  /** Lets rows claim nothing from now on, as if they had never been shown. */
  disown(index: number, rows: Iterable<number>): void {
    const showing = this.all[index]!;
    const own = showing.own?.slice() ?? new Uint8Array(Math.ceil(showing.times.length / 8)).fill(255);
    for (const row of rows) own[row >>> 3]! &= ~(1 << (row & 7));
    showing.own = own;
    for (const row of showing.times.keys()) if (!this.claims(index, row)) showing.times[row] = NEVER;
    this.#noteNumbers(index);
  }

  #noteNumbers(index: number): void {
    const { times } = this.all[index]!;
    for (let row = 0; row < times.length; row += NUMBERS) {
      const number = this.numberOf(index, row) >>> LAST_BITS;
      const some = times.subarray(row, row + NUMBERS);
      this.#showingOfNumbers[number] = index;
      this.#timeOfNumbers[number] = some.every((at) => at === some[0]) ? some[0]! : SEVERAL;
    }
  }
}

/** How many of sorted times are before a time. */
function countBefore(sorted: Float64Array, at: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
