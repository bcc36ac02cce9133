import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Fingerprint, readFingerprint } from './format.ts';

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

/** Rows are numbered so that so many numbers in a row are of one showing. */
const NUMBERS = 256;

/** All showings, their fingerprints read one after another, and each of their rows under a number of its own. */
export class Showings {
  readonly all: readonly Showing[];
  /** Per showing: the same number for the same owner. */
  readonly owners: readonly number[];
  /** Per showing: when its first row was shown. */
  readonly begins: readonly number[];
  /** Indices of showings from the first on. */
  readonly order: readonly number[];
  /** Indices of those whose fingerprint could not be read. */
  readonly unreadable = new Set<number>();
  /** Per showing: the number of its first row, a multiple of {@link NUMBERS}. */
  readonly #firstNumber: Float64Array;
  /** By number / {@link NUMBERS}. */
  readonly #showingOfNumbers: Uint32Array;

  constructor(showings: readonly Showing[]) {
    this.all = showings;
    const ids = new Map<string, number>();
    for (const { owner } of showings) if (!ids.has(owner)) ids.set(owner, ids.size);
    this.owners = showings.map(({ owner }) => ids.get(owner)!);
    const begins = showings.map(({ shownAt }) => shownAt.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY));
    this.begins = begins;
    this.order = begins.map((_, i) => i).sort((a, b) => begins[a]! - begins[b]! || a - b);
    this.#firstNumber = new Float64Array(showings.length + 1);
    for (const [i, { shownAt }] of showings.entries())
      this.#firstNumber[i + 1] = this.#firstNumber[i]! + Math.ceil(shownAt.length / NUMBERS) * NUMBERS;
    this.#showingOfNumbers = new Uint32Array(this.#firstNumber.at(-1)! / NUMBERS);
    for (let i = 0; i < showings.length; i++)
      this.#showingOfNumbers.fill(i, this.#firstNumber[i]! / NUMBERS, this.#firstNumber[i + 1]! / NUMBERS);
  }

  /** @throws FlockOffError `bad-argument` when it has other rows than `shownAt`. */
  async load(index: number): Promise<Fingerprint | null> {
    const { fingerprint, shownAt } = this.all[index]!;
    const print = readFingerprint(typeof fingerprint === 'function' ? await fingerprint() : fingerprint);
    if (!print) this.unreadable.add(index);
    else if (print.rowCount !== shownAt.length)
      throw new FlockOffError({
        code: 'bad-argument',
        what: `showings[${index}].shownAt must have a time for each of ${print.rowCount} rows, saw ${shownAt.length}`,
        facts: { name: `showings[${index}].shownAt`, value: shownAt.length },
      });
    return print;
  }

  numberOf(index: number, row: number): number {
    return this.#firstNumber[index]! + row;
  }

  showingOf(number: number): number {
    return this.#showingOfNumbers[Math.floor(number / NUMBERS)]!;
  }

  rowOf(number: number): number {
    return number - this.#firstNumber[this.showingOf(number)]!;
  }

  ownerOf(number: number): number {
    return this.owners[this.showingOf(number)]!;
  }

  shownAt(number: number): number {
    return this.all[this.showingOf(number)]!.shownAt[this.rowOf(number)]!;
  }

  /** Whether a row claims what it says. */
  claims(index: number, row: number): boolean {
    const { own } = this.all[index]!;
    return !own || ((own[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }
}
