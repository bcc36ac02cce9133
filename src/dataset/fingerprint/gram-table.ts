/** The place of a gram that is not in the table. */
export const ABSENT = -1;

/** Grams of a part, about: with what is noted of them they fit into a processor's cache. */
const GRAMS_OF_PART = 20_000;
const MOST_PART_BITS = 10;
/** Words that are sorted at once. */
const SORTED_AT_ONCE = 4_000_000;
/** Grams that share a bit and are looked at when one of them is closed, so that filling one on purpose slows nothing down. */
const MOST_LOOKED_AT = 64;

interface GramTableParameters {
  words: readonly Uint32Array[];
  /** How many numbers are noted of each gram. */
  notes: number;
  /** What they are before any is noted. */
  empty?: number;
}

/**
 * Different grams of many rows in the order of their hashes, and numbers that are noted of each, side by side. However grams
 * were chosen, none takes longer than a binary search.
 */
export class GramTable {
  /** So many first bits of a hash tell a part of the table. */
  readonly partBits: number;
  /** What is noted of the gram at a place comes after that place. */
  readonly notes: Uint32Array;
  readonly #step: number;
  readonly #end: number;
  readonly #bucketStarts: Uint32Array;
  readonly #bucketShift: number;
  /** A bit for the hashes that begin alike, eight times as many as grams: it rules out most that are absent, or closed. */
  readonly #open: Uint32Array;
  readonly #openShift: number;

  constructor({ words, notes, empty = 0 }: GramTableParameters) {
    const total = words.reduce((sum, { length }) => sum + length, 0);
    const bits = Math.ceil(Math.log2(total + 1));
    this.partBits = Math.min(MOST_PART_BITS, Math.max(1, Math.round(Math.log2((total + 1) / GRAMS_OF_PART))));
    this.#bucketShift = 32 - Math.min(24, Math.max(this.partBits, bits - 2));
    this.#bucketStarts = new Uint32Array(2 ** (32 - this.#bucketShift) + 1);
    this.#openShift = 32 - Math.min(28, Math.max(5, bits + 3));
    this.#open = new Uint32Array(2 ** (27 - this.#openShift));
    this.#step = 1 + notes;
    this.notes = new Uint32Array(this.#step * total);
    this.#end = this.#fill(words, empty);
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
    let count = this.#bucketStarts[bucket + 1]! - low;
    while (count > 8) {
      const half = count >>> 1;
      if (this.notes[(low + half) * this.#step]! <= hash) low += half;
      count -= half;
    }
    const end = (low + count) * this.#step;
    for (let place = low * this.#step; place < end; place += this.#step) if (this.notes[place] === hash) return place;
    return ABSENT;
  }

  /** Closes the gram at a place, which `isClosed` then says of it, too; it may be found open still. */
  close(place: number, isClosed: (place: number) => boolean): void {
    const bit = this.notes[place]! >>> this.#openShift;
    const isOfBit = (other: number) =>
      other >= 0 && other < this.#end && this.notes[other]! >>> this.#openShift === bit;
    let [first, last] = [place, place];
    const most = MOST_LOOKED_AT * this.#step;
    while (last - first < most && isOfBit(first - this.#step)) first -= this.#step;
    while (last - first < most && isOfBit(last + this.#step)) last += this.#step;
    if (last - first === most) return;
    for (let other = first; other <= last; other += this.#step) if (!isClosed(other)) return;
    this.#open[bit >>> 5]! &= ~(1 << (bit & 31));
  }

  /** Sorts the hashes some parts at a time, so that little room is needed besides. */
  #fill(words: readonly Uint32Array[], empty: number): number {
    const ends = countsOfParts(words, this.partBits);
    let [kept, bucket] = [0, 0];
    for (let part = 0; part < ends.length; ) {
      const first = part;
      let sum = 0;
      for (; part < ends.length && (part === first || sum + ends[part]! <= SORTED_AT_ONCE); part++) {
        sum += ends[part]!;
        ends[part] = sum - ends[part]!;
      }
      const hashes = new Uint32Array(sum);
      hashInto({ hashes, ends, words, first, end: part, shift: 32 - this.partBits });
      for (let start = 0, i = first; i < part; start = ends[i++]!) hashes.subarray(start, ends[i]).sort();
      for (let i = 0; i < sum; i++) {
        const hash = hashes[i]!;
        if (i > 0 && hashes[i - 1] === hash) continue;
        while (bucket <= hash >>> this.#bucketShift) this.#bucketStarts[bucket++] = kept;
        const bit = hash >>> this.#openShift;
        this.#open[bit >>> 5]! |= 1 << (bit & 31);
        const place = kept++ * this.#step;
        this.notes[place] = hash;
        for (let note = 1; note < this.#step; note++) this.notes[place + note] = empty;
      }
    }
    this.#bucketStarts.fill(kept, bucket);
    return kept * this.#step;
  }
}

/** Of the gram of a word, another for each: spreads them, which are small numbers more often than large ones. */
export function hashOf(word: number): number {
  const gram = word & -2;
  const hash = Math.imul(gram ^ (gram >>> 15), 0x9e3779b1);
  return Math.imul(hash ^ (hash >>> 14), 0x85ebca6b) >>> 0;
}

function countsOfParts(words: readonly Uint32Array[], bits: number): Uint32Array {
  const counts = new Uint32Array(2 ** bits);
  for (const list of words) for (let i = 0; i < list.length; i++) counts[hashOf(list[i]!) >>> (32 - bits)]!++;
  return counts;
}

interface HashIntoParameters {
  hashes: Uint32Array;
  /** Where the parts begin in `hashes`, then where they end. */
  ends: Uint32Array;
  words: readonly Uint32Array[];
  /** Parts that are taken. */
  first: number;
  end: number;
  shift: number;
}

function hashInto({ hashes, ends, words, first, end, shift }: HashIntoParameters): void {
  for (const list of words) {
    for (let i = 0; i < list.length; i++) {
      const hash = hashOf(list[i]!);
      const part = hash >>> shift;
      if (part >= first && part < end) hashes[ends[part]!++] = hash;
    }
  }
}
