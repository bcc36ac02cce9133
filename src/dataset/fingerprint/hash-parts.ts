import { HASH_BITS, hashOf } from './gram-table.ts';

/** Takes the hashes of a part, in the order they came: hash and number in turn, from a start to an end. It may overwrite them. */
type TakePart = (part: number, pairs: Uint32Array, start: number, end: number) => void;

interface HashPartsParameters {
  /** First bits of a hash that tell its part. */
  bits: number;
  /** Hashes of a part that are handed on together. */
  room: number;
  take: TakePart;
}

/**
 * Gathers hashes, each with a number that goes with it, by their first bits, and hands on many of a part at a time. Looked up
 * one by one in a table that is larger than the cache, each would wait for memory.
 */
export class HashParts {
  readonly #take: TakePart;
  readonly #shift: number;
  /** Parts begin at different places of the cache: a line of it apart. */
  readonly #stride: number;
  readonly #pairs: Uint32Array;
  /** Per part: where it ends, and where it may. */
  readonly #ends: Int32Array;
  readonly #limits: Int32Array;

  constructor({ bits, room, take }: HashPartsParameters) {
    const stride = 2 * room + 16;
    this.#take = take;
    this.#shift = HASH_BITS - bits;
    this.#stride = stride;
    this.#pairs = new Uint32Array(2 ** bits * stride);
    this.#ends = Int32Array.from({ length: 2 ** bits }, (_, part) => part * stride);
    this.#limits = this.#ends.map((start) => start + 2 * room);
  }

  /**
   * Adds words from a start to an end, all with one number.
   * @param skipped a bit: words that have it are left out
   */
  addWords(words: Uint32Array, start: number, end: number, number: number, skipped: number): void {
    const pairs = this.#pairs;
    const ends = this.#ends;
    const limits = this.#limits;
    const shift = this.#shift;
    for (let i = start; i < end; i++) {
      const word = words[i]!;
      const hash = hashOf(word);
      const part = hash >>> shift;
      const place = ends[part]!;
      pairs[place] = hash;
      pairs[place + 1] = number;
      // Without a branch, since no processor guesses which are left out.
      const next = place + 2 - ((word & skipped) << 1);
      ends[part] = next;
      if (next === limits[part]) this.#hand(part);
    }
  }

  /** Adds a hash with a number. */
  add(hash: number, number: number): void {
    const part = hash >>> this.#shift;
    const place = this.#ends[part]!;
    this.#pairs[place] = hash;
    this.#pairs[place + 1] = number;
    this.#ends[part] = place + 2;
    if (place + 2 === this.#limits[part]) this.#hand(part);
  }

  /** Hands on all that was gathered. */
  handAll(): void {
    for (let part = 0; part < this.#ends.length; part++) this.#hand(part);
  }

  #hand(part: number): void {
    const start = part * this.#stride;
    const end = this.#ends[part]!;
    this.#ends[part] = start;
    if (end > start) this.#take(part, this.#pairs, start, end);
  }
}
