/** The place of a gram that is not in the table. */
export const ABSENT = -1;

/** Parts by the first bits of the hash, which are sorted one by one. */
const PART_BITS = 10;
/** The other bits of a hash in two steps, where a part has so many that sorting it so is faster. */
const BITS_OF_STEP = 11;
const FEWEST_IN_STEPS = 512;
/** Words that are sorted at once. */
const SORTED_AT_ONCE = 5_000_000;
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
    this.#bucketShift = 32 - Math.min(24, Math.max(1, bits - 3));
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

  /**
   * Moves those of many hashes to the front that are not absent or closed for sure, each with the number behind it. Without a
   * branch, since no processor guesses which they are.
   * @returns where they end
   */
  keepOpen(hashes: Uint32Array, start: number, end: number): number {
    const open = this.#open;
    const shift = this.#openShift;
    let kept = start;
    for (let i = start; i < end; i += 2) {
      const hash = hashes[i]!;
      const bit = hash >>> shift;
      hashes[kept] = hash;
      hashes[kept + 1] = hashes[i + 1]!;
      kept += 2 * ((open[bit >>> 5]! >>> (bit & 31)) & 1);
    }
    return kept;
  }

  /** The place of the gram with a hash; {@link ABSENT} when it is not there. */
  placeOf(hash: number): number {
    const notes = this.notes;
    const step = this.#step;
    const bucket = hash >>> this.#bucketShift;
    let low = this.#bucketStarts[bucket]!;
    let count = this.#bucketStarts[bucket + 1]! - low;
    while (count > 8) {
      const half = count >>> 1;
      if (notes[(low + half) * step]! <= hash) low += half;
      count -= half;
    }
    const end = (low + count) * step;
    for (let place = low * step; place < end; place += step) if (notes[place] === hash) return place;
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
    const ends = countsOfParts(words);
    const most = ends.reduce((a, b) => Math.max(a, b), 0);
    const total = ends.reduce((a, b) => a + b, 0);
    const [room, half] = [new Uint32Array(Math.min(SORTED_AT_ONCE + most, total)), new Uint32Array(most)];
    let [kept, bucket] = [0, 0];
    for (let part = 0; part < ends.length; ) {
      const first = part;
      let sum = 0;
      for (; part < ends.length && sum < SORTED_AT_ONCE; part++) {
        sum += ends[part]!;
        ends[part] = sum - ends[part]!;
      }
      const hashes = room.subarray(0, sum);
      hashInto({ hashes, ends, words, first, end: part });
      for (let start = 0, i = first; i < part; start = ends[i++]!) sortPart(hashes.subarray(start, ends[i]), half);
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

/**
 * Sorts hashes that agree in their first bits: by the last 11, then by the 11 before.
 * @param room for as many
 */
function sortPart(hashes: Uint32Array, room: Uint32Array): void {
  if (hashes.length < FEWEST_IN_STEPS) {
    hashes.sort();
    return;
  }
  const half = room.subarray(0, hashes.length);
  sortByBits(hashes, half, 0);
  sortByBits(half, hashes, BITS_OF_STEP);
}

function sortByBits(from: Uint32Array, to: Uint32Array, shift: number): void {
  const mask = 2 ** BITS_OF_STEP - 1;
  const starts = new Uint32Array(mask + 1);
  for (let i = 0; i < from.length; i++) starts[(from[i]! >>> shift) & mask]!++;
  let sum = 0;
  for (let digit = 0; digit <= mask; digit++) {
    sum += starts[digit]!;
    starts[digit] = sum - starts[digit]!;
  }
  for (let i = 0; i < from.length; i++) to[starts[(from[i]! >>> shift) & mask]!++] = from[i]!;
}

/** Of the gram of a word, another for each: spreads them, which are small numbers more often than large ones. */
export function hashOf(word: number): number {
  const gram = word & -2;
  const hash = Math.imul(gram ^ (gram >>> 15), 0x9e3779b1);
  return Math.imul(hash ^ (hash >>> 14), 0x85ebca6b) >>> 0;
}

function countsOfParts(words: readonly Uint32Array[]): Uint32Array {
  const counts = new Uint32Array(2 ** PART_BITS);
  for (const list of words) for (let i = 0; i < list.length; i++) counts[hashOf(list[i]!) >>> (32 - PART_BITS)]!++;
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
}

function hashInto({ hashes, ends, words, first, end }: HashIntoParameters): void {
  for (const list of words) {
    for (let i = 0; i < list.length; i++) {
      const hash = hashOf(list[i]!);
      const part = hash >>> (32 - PART_BITS);
      if (part >= first && part < end) hashes[ends[part]!++] = hash;
    }
  }
}
