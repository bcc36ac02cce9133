/** First bits of a hash that tell its part. */
const PART_BITS = 10;
/** Hashes of a part before they are handed on: enough to bring what they are looked up in into the cache. */
const ROOM = 4096;
/** Parts begin at different places of the cache: a line of it apart. */
const STRIDE = 2 * ROOM + 16;

/**
 * Gathers hashes, each with a number that goes with it, by their first bits, and hands them on many of one part at a time, in
 * the order they came. Looked up one by one in a table that is larger than the cache, each would wait for memory.
 */
export class HashParts {
  /** Takes hash and number in turn, from a start to an end. */
  handOn: (gathered: Uint32Array, start: number, end: number) => void = () => {};
  readonly #gathered = new Uint32Array(2 ** PART_BITS * STRIDE);
  readonly #ends = Uint32Array.from({ length: 2 ** PART_BITS }, (_, part) => part * STRIDE);

  add(hash: number, number: number): void {
    const part = hash >>> (32 - PART_BITS);
    const end = this.#ends[part]!;
    this.#gathered[end] = hash;
    this.#gathered[end + 1] = number;
    this.#ends[part] = end + 2;
    if (end + 2 === part * STRIDE + 2 * ROOM) this.#hand(part);
  }

  /** Hands on what is left. */
  finish(): void {
    for (let part = 0; part < this.#ends.length; part++) this.#hand(part);
  }

  #hand(part: number): void {
    this.handOn(this.#gathered, part * STRIDE, this.#ends[part]!);
    this.#ends[part] = part * STRIDE;
  }
}
