/** Counts how often each of some numbers occurs. One object serves for many lists, one after another. */
export class Tally {
  /** Open addressing: a number plus one. */
  #numbers = new Uint32Array(512);
  #counts = new Uint32Array(512);
  readonly #used: number[] = [];

  /** @param number 0 .. 2^32 - 2 */
  add(number: number, times: number): void {
    const slot = this.#slotOf(number + 1);
    if (this.#numbers[slot] === 0) {
      this.#numbers[slot] = number + 1;
      this.#used.push(slot);
    }
    this.#counts[slot]! += times;
    if (2 * this.#used.length > this.#numbers.length) this.#grow();
  }

  /** Numbers that occurred at least so often, at most so many; the most frequent first, then the smallest. Forgets all. */
  takeMostFrequent(fewest: number, most: number): number[] {
    const found: [number: number, count: number][] = [];
    for (const slot of this.#used) {
      const number = this.#numbers[slot]! - 1;
      const count = this.#counts[slot]!;
      this.#numbers[slot] = 0;
      this.#counts[slot] = 0;
      if (count >= fewest) found.push([number, count]);
    }
    this.#used.length = 0;
    if (found.length > 1) found.sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || a - b);
    return found.slice(0, most).map(([number]) => number);
  }

  #slotOf(key: number): number {
    const mask = this.#numbers.length - 1;
    let slot = (Math.imul(key, 0x9e3779b1) >>> 8) & mask;
    while (this.#numbers[slot] !== 0 && this.#numbers[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [numbers, counts, used] = [this.#numbers, this.#counts, this.#used.slice()];
    this.#numbers = new Uint32Array(2 * numbers.length);
    this.#counts = new Uint32Array(2 * numbers.length);
    this.#used.length = 0;
    for (const old of used) {
      const slot = this.#slotOf(numbers[old]!);
      this.#numbers[slot] = numbers[old]!;
      this.#counts[slot] = counts[old]!;
      this.#used.push(slot);
    }
  }
}
