/** A list of numbers (0 .. 2^32 - 1) that grows. */
export class GrowingList {
  #items: Uint32Array;
  #count = 0;

  constructor(room = 16) {
    this.#items = new Uint32Array(Math.max(16, room));
  }

  get length(): number {
    return this.#count;
  }

  /** The last item, 0 when there is none. */
  get last(): number {
    return this.#items[this.#count - 1] ?? 0;
  }

  add(item: number): void {
    if (this.#count === this.#items.length) {
      const wider = new Uint32Array(2 * this.#count);
      wider.set(this.#items);
      this.#items = wider;
    }
    this.#items[this.#count++] = item;
  }

  /** A view of what is in it, good until the next `add` or `clear`. */
  view(): Uint32Array {
    return this.#items.subarray(0, this.#count);
  }

  clear(): void {
    this.#count = 0;
  }
}
