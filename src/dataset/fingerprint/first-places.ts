/** Drawn anew in each process, so that nobody can choose hashes that share a slot. */
const SEEDS = crypto.getRandomValues(new Uint32Array(3));
const [SALT, FACTOR, LAST_FACTOR] = [SEEDS[0]!, SEEDS[1]! | 1, SEEDS[2]! | 1];
/** Per slot: the place plus one, the hash, and its second word. */
const WORDS = 3;

/** Where each hash is first, of those of a row. One object serves for many rows, one after another. */
export class FirstPlaces {
  #slots = new Uint32Array(0);
  /** Slots are a power of two; how many bits of 32 their number lacks. */
  #shift = 0;
  #end = 0;
  /** More of them, and it grows. */
  #most = 0;
  #count = 0;

  constructor() {
    this.clear(16);
  }

  /** Forgets all, and has room for so many from now on; more make it grow. */
  clear(count: number): void {
    const bits = 32 - Math.clz32(2 * count + 1);
    const length = WORDS << bits;
    if (length > this.#slots.length) this.#slots = new Uint32Array(length);
    else this.#slots.fill(0, 0, length);
    this.#shift = 32 - bits;
    this.#end = length;
    this.#most = 2 ** (bits - 1);
    this.#count = 0;
  }

  /**
   * @param second the second word of a hash of two
   * @returns whether it is the first with the hash
   */
  add(place: number, hash: number, second = 0): boolean {
    const at = this.#find(hash, second);
    if (this.#slots[at] !== 0) return false;
    this.#slots[at] = place + 1;
    this.#slots[at + 1] = hash;
    this.#slots[at + 2] = second;
    if (++this.#count > this.#most) this.#grow();
    return true;
  }

  has(hash: number, second = 0): boolean {
    return this.#slots[this.#find(hash, second)] !== 0;
  }

  /** -1 when there is none. */
  of(hash: number, second = 0): number {
    return this.#slots[this.#find(hash, second)]! - 1;
  }

  #grow(): void {
    const known = this.#slots.slice(0, this.#end);
    this.clear(2 * this.#count);
    for (let at = 0; at < known.length; at += WORDS)
      if (known[at] !== 0) this.add(known[at]! - 1, known[at + 1]!, known[at + 2]);
  }

  /** Where the hash is in the slots, or would be. About half of them are free, or more. */
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
