/** Drawn anew in each process, so that nobody can choose hashes that share a slot. */
const SEEDS = crypto.getRandomValues(new Uint32Array(3));
const [SALT, FACTOR, LAST_FACTOR] = [SEEDS[0]!, SEEDS[1]! | 1, SEEDS[2]! | 1];
/** Per slot: the place plus one, the hash, and its second word. */
const WORDS = 3;

/** Where each hash is first, of those of a row. One object serves for many rows, one after another. */
export class FirstPlaces {
  #slots = new Uint32Array(WORDS * 64);
  /** Slots are a power of two; how many bits of 32 their number lacks. */
  #shift = 31;
  #end = WORDS * 2;

  /** Forgets all, and takes so many from now on. */
  clear(count: number): void {
    const bits = 32 - Math.clz32(2 * count + 1);
    const length = WORDS << bits;
    if (length > this.#slots.length) this.#slots = new Uint32Array(length);
    else this.#slots.fill(0, 0, length);
    this.#shift = 32 - bits;
    this.#end = length;
  }

  /** @param second the second word of a hash of two */
  add(place: number, hash: number, second = 0): void {
    const at = this.#find(hash, second);
    if (this.#slots[at] !== 0) return;
    this.#slots[at] = place + 1;
    this.#slots[at + 1] = hash;
    this.#slots[at + 2] = second;
  }

  has(hash: number, second = 0): boolean {
    return this.#slots[this.#find(hash, second)] !== 0;
  }

  /** -1 when there is none. */
  of(hash: number, second = 0): number {
    return this.#slots[this.#find(hash, second)]! - 1;
  }

  /** Where the hash is in the slots, or would be. At least half of them are free. */
  #find(hash: number, second: number): number {
    const slots = this.#slots;
    const mixed = Math.imul(hash ^ SALT, FACTOR);
    let at = WORDS * (Math.imul(mixed ^ (mixed >>> 16) ^ second, LAST_FACTOR) >>> this.#shift);
    while (slots[at] !== 0 && (slots[at + 1] !== hash || slots[at + 2] !== second)) {
      at += WORDS;
      if (at === this.#end) at = 0;
    }
    return at;
  }
}
