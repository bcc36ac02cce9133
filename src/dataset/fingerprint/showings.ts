import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Fingerprint, readFingerprint } from './format.ts';
import { GrowingList } from './growing-list.ts';
import { BLOCK, NEVER, RowNumbers, timeOfBlock } from './row-numbers.ts';

/** A dataset that a hotkey shows or has shown. */
export interface Showing {
  /** Whose rows are compared with everybody else's: a hotkey, or the coldkey of several. */
  owner: string;
  /**
   * Bytes of {@link fingerprintRows}, or what reads them when their turn comes. Datasets are judged about 64 at a time; for
   * each such group it is called up to twice, and once more for each dataset of the group that has the same owner. A file
   * is read by the thread that searches.
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

/** Reads a fingerprint that the next call may overwrite; one of no bytes where there is none. May read the next one ahead. */
type ReadFingerprint = (index: number, next?: number) => Promise<Uint8Array>;

/** Takes showings in, one by one, and keeps little of each. */
export class ShowingsBuilder {
  readonly #showings: Omit<KnownShowing, 'firstNumber'>[] = [];
  readonly #begins: number[] = [];
  /** By block of numbers: its showing, and the place of its time in `times`. */
  readonly #showingOfBlock = new GrowingList();
  readonly #timeOfBlock = new GrowingList();
  readonly #several = new Map<number, Uint32Array>();
  readonly #times = new Map<number, number>();

  add({ owner, shownAt, claimedUntil, own, judged }: ShowingTimes): void {
    const index = this.#showings.length;
    this.#showings.push({ owner, claimedUntil, own, judged, rowCount: shownAt.length });
    this.#begins.push(shownAt.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY));
    let [last, place] = [Number.NaN, 0];
    const places = new Uint32Array(BLOCK);
    for (let row = 0; row < shownAt.length; row++) {
      const at = shownAt[row]!;
      if (at !== last) {
        place = this.#times.get(at) ?? this.#times.size;
        if (place === this.#times.size) this.#times.set(at, place);
        last = at;
      }
      places[row % BLOCK] = place;
      if ((row + 1) % BLOCK !== 0 && row + 1 < shownAt.length) continue;
      const block = this.#showingOfBlock.length;
      this.#showingOfBlock.add(index);
      this.#timeOfBlock.add(timeOfBlock(block, places.subarray(0, (row % BLOCK) + 1), this.#several));
    }
  }

  finish(read: ReadFingerprint): Showings {
    const sorted = Float64Array.from(this.#times.keys()).sort();
    const ranks = Uint32Array.from(this.#times.keys(), (at) => countBefore(sorted, at));
    const ids = new Map<string, number>();
    for (const { owner } of this.#showings) if (!ids.has(owner)) ids.set(owner, ids.size);
    let firstNumber = 0;
    const all = this.#showings.map((showing): KnownShowing => {
      const first = firstNumber;
      firstNumber += Math.ceil(showing.rowCount / BLOCK) * BLOCK;
      return { ...showing, firstNumber: first, claimedUntil: countBefore(sorted, showing.claimedUntil) };
    });
    for (const times of this.#several.values()) for (const [i, place] of times.entries()) times[i] = ranks[place]!;
    const numbers = new RowNumbers({
      showings: this.#showingOfBlock.view().slice(),
      times: this.#timeOfBlock.view().map((place) => ranks[place] ?? place),
      several: this.#several,
      owners: Uint32Array.from(all, ({ owner }) => ids.get(owner)!),
      begins: Uint32Array.from(all, ({ rowCount }, i) => (rowCount ? countBefore(sorted, this.#begins[i]!) : NEVER)),
    });
    return new Showings(all, numbers, read);
  }
}

interface KnownShowing {
  owner: string;
  claimedUntil: number;
  own: Uint8Array | undefined;
  judged: boolean;
  rowCount: number;
  /** The number of its first row, the first of a block. */
  firstNumber: number;
}

/**
 * All showings, their fingerprints read one after another, and each of their rows under a number of its own. Times are ranks
 * among all times at which anything was shown.
 */
export class Showings {
  readonly all: readonly KnownShowing[];
  readonly numbers: RowNumbers;
  /** Indices of showings from the first on. */
  readonly order: readonly number[];
  /** Indices of those whose fingerprint could not be read. */
  readonly unreadable = new Set<number>();
  readonly #read: ReadFingerprint;

  constructor(all: readonly KnownShowing[], numbers: RowNumbers, read: ReadFingerprint) {
    this.all = all;
    this.numbers = numbers;
    this.#read = read;
    const { begins } = this;
    this.order = [...begins.keys()].sort((a, b) => begins[a]! - begins[b]! || a - b);
  }

  /** Per showing: the same number for the same owner. */
  get owners(): Uint32Array {
    return this.numbers.rows.owners;
  }

  /** Per showing: when its first row was shown. */
  get begins(): Uint32Array {
    return this.numbers.rows.begins;
  }

  /**
   * Good until the next call, unless it is to be kept.
   * @param options.next what is asked for next
   * @throws FlockOffError `bad-argument` when it has other rows than `shownAt`.
   */
  async load(
    index: number,
    { isKept = false, next }: { isKept?: boolean; next?: number | undefined } = {},
  ): Promise<Fingerprint | null> {
    const { rowCount } = this.all[index]!;
    const bytes = await this.#read(index, next);
    const print = readFingerprint(isKept ? bytes.slice() : bytes);
    if (!print) this.unreadable.add(index);
    else if (print.rowCount !== rowCount)
      throw new FlockOffError({
        code: 'bad-argument',
        what: `showings[${index}].shownAt must have a time for each of ${print.rowCount} rows, saw ${rowCount}`,
        facts: { name: `showings[${index}].shownAt`, value: rowCount },
      });
    return print;
  }

  numberOf(index: number, row: number): number {
    return this.all[index]!.firstNumber + row;
  }

  rowOf(number: number): number {
    return number - this.all[this.numbers.showingOf(number)]!.firstNumber;
  }

  /** Per row of a showing: when it was shown. */
  timesOf(index: number): Uint32Array {
    const { rowCount, firstNumber } = this.all[index]!;
    return Uint32Array.from({ length: rowCount }, (_, row) => this.numbers.shownAt(firstNumber + row));
  }

  /** Whether a row claims what it says. */
  claims(index: number, row: number): boolean {
    const { own } = this.all[index]!;
    return !own || ((own[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  /** Lets rows claim nothing from now on, as if they had never been shown. */
  disown(index: number, rows: Iterable<number>): void {
    const showing = this.all[index]!;
    const own = showing.own?.slice() ?? new Uint8Array(Math.ceil(showing.rowCount / 8)).fill(255);
    for (const row of rows) own[row >>> 3]! &= ~(1 << (row & 7));
    showing.own = own;
    const times = this.timesOf(index).map((at, row) => (this.claims(index, row) ? at : NEVER));
    this.numbers.setTimes(showing.firstNumber, times);
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
