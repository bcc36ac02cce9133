/** The place of a gram that is not in the table. */
export const ABSENT = -1;

/** Grams of a part, about: with what is noted of them they fit into a processor's cache. */
const GRAMS_OF_PART = 40_000;
const MOST_PART_BITS = 9;
/** Grams that share a bit and are looked at when one of them is closed, so that filling one on purpose slows nothing down. */
const MOST_LOOKED_AT = 64;

/**
 * Different grams of many rows, each with a place 0 .. size - 1 in the order of their hashes. However grams were chosen, none
 * takes longer than a binary search.
 */
export class GramTable {
  readonly size: number;
  /** So many first bits of a hash tell a part of the table. */
  readonly partBits: number;
  readonly #hashes: Uint32Array;
  readonly #bucketStarts: Uint32Array;
  readonly #bucketShift: number;
  /** A bit for the hashes that begin alike, eight times as many as grams: it rules out most that are absent, or closed. */
  readonly #open: Uint32Array;
  readonly #openShift: number;

  /** @param lists of words */
  constructor(lists: readonly Uint32Array[]) {
    const total = lists.reduce((sum, { length }) => sum + length, 0);
    const bits = Math.ceil(Math.log2(total + 1));
    this.partBits = Math.min(MOST_PART_BITS, Math.max(1, Math.round(Math.log2((total + 1) / GRAMS_OF_PART))));
    this.#bucketShift = 32 - Math.min(24, Math.max(1, bits - 3));
    this.#bucketStarts = new Uint32Array(2 ** (32 - this.#bucketShift) + 1);
    this.#openShift = 32 - Math.min(28, Math.max(5, bits + 3));
    this.#open = new Uint32Array(2 ** (27 - this.#openShift));
    const { hashes, ends } = sortIntoParts(lists, this.partBits);
    this.#hashes = hashes;
    this.size = this.#dropRepeats(ends);
  }

  /** The place of the gram with a hash ({@link hashOf}); {@link ABSENT} when it is not there or closed. */
  openPlaceOf(hash: number): number {
    const bit = hash >>> this.#openShift;
    return ((this.#open[bit >>> 5]! >>> (bit & 31)) & 1) === 1 ? this.placeOf(hash) : ABSENT;
  }

  /** The place of the gram with a hash; {@link ABSENT} when it is not there. */
  placeOf(hash: number): number {
    const bucket = hash >>> this.#bucketShift;
    let low = this.#bucketStarts[bucket]!;
    let high = this.#bucketStarts[bucket + 1]!;
    while (high - low > 8) {
      const middle = (low + high) >>> 1;
      if (this.#hashes[middle]! <= hash) low = middle;
      else high = middle;
    }
    for (; low < high; low++) if (this.#hashes[low] === hash) return low;
    return ABSENT;
  }

  /** Closes the gram at a place, which `isClosed` then says of it, too; it may be found open still. */
  close(place: number, isClosed: (place: number) => boolean): void {
    const bit = this.#hashes[place]! >>> this.#openShift;
    const isOfBit = (other: number) => other >= 0 && other < this.size && this.#hashes[other]! >>> this.#openShift === bit;
    let [first, last] = [place, place];
    while (isOfBit(first - 1) && last - first < MOST_LOOKED_AT) first--;
    while (isOfBit(last + 1) && last - first < MOST_LOOKED_AT) last++;
    if (last - first === MOST_LOOKED_AT) return;
    for (let other = first; other <= last; other++) if (!isClosed(other)) return;
    this.#open[bit >>> 5]! &= ~(1 << (bit & 31));
  }

  #dropRepeats(ends: Uint32Array): number {
    const hashes = this.#hashes;
    let [kept, start, bucket] = [0, 0, 0];
    for (const end of ends) {
      hashes.subarray(start, end).sort();
      for (let i = start; i < end; i++) {
        const hash = hashes[i]!;
        if (kept > 0 && hashes[kept - 1] === hash) continue;
        while (bucket <= hash >>> this.#bucketShift) this.#bucketStarts[bucket++] = kept;
        const bit = hash >>> this.#openShift;
        this.#open[bit >>> 5]! |= 1 << (bit & 31);
        hashes[kept++] = hash;
      }
      start = end;
    }
    this.#bucketStarts.fill(kept, bucket);
    return kept;
  }
}

/** Of the gram of a word, another for each: spreads them, which are small numbers more often than large ones. */
export function hashOf(word: number): number {
  const gram = word & -2;
  const hash = Math.imul(gram ^ (gram >>> 15), 0x9e3779b1);
  return Math.imul(hash ^ (hash >>> 14), 0x85ebca6b) >>> 0;
}

/** The hashes of all words by their first bits, and where each part ends. */
function sortIntoParts(lists: readonly Uint32Array[], bits: number): { hashes: Uint32Array; ends: Uint32Array } {
  const shift = 32 - bits;
  const ends = new Uint32Array(2 ** bits);
  for (const list of lists) for (let i = 0; i < list.length; i++) ends[hashOf(list[i]!) >>> shift]!++;
  let total = 0;
  for (let part = 0; part < ends.length; part++) {
    total += ends[part]!;
    ends[part] = total - ends[part]!;
  }
  const hashes = new Uint32Array(total);
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const hash = hashOf(list[i]!);
      hashes[ends[hash >>> shift]!++] = hash;
    }
  }
  return { hashes, ends };
}
