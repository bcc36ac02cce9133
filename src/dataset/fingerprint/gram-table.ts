/** The place of a gram that is not in the table. */
export const ABSENT = -1;

/** Bits of a hash. Differences of two hashes have no more than those of an integer, so that comparing needs no branch. */
export const HASH_BITS = 31;
const LAST_HASH = 2 ** HASH_BITS - 1;
/** Parts by the first bits of the hash, which are sorted one by one. */
const SORT_BITS = 9;
/** A part is what fits in a cache of a core: words that tell what is wanted, or buckets with all that is known of their hashes. */
const [WANTED_BITS_OF_PART, BUCKET_BITS_OF_PART] = [15, 12];
/** Of more parts the room to gather hashes would be large. */
const MOST_PART_BITS = 11;
/** Numbers that are read in order at most: a part may be made to hold all that there is. */
const MOST_READ = 2 ** 17;
/** The other bits of a hash in two steps, where a part has so many that sorting it so is faster. */
const BITS_OF_STEP = 11;
const FEWEST_IN_STEPS = 512;
/** Grams of a bucket that are looked at one after another. */
const LOOKED_AT = 8;
/** Of each gram two bits of a word are set that its bucket has: by the last bits of its hash, and by others. */
const SECOND_BIT = 4;

interface GramTableParameters {
  words: readonly Uint32Array[];
  /** How many numbers are noted of each gram. */
  notes: number;
  /** What they are before any is noted. */
  empty?: number;
}

/**
 * Different grams of many rows in the order of their hashes, and numbers that are noted of each. However grams were chosen,
 * none takes longer than a binary search.
 */
export class GramTable {
  /** What is noted of the gram at a place: so many numbers, from its multiple of the place on. */
  readonly notes: Uint32Array;
  /** Sorted; what is behind them is not below any. */
  readonly #hashes: Uint32Array;
  readonly #count: number;
  readonly #notesOfEach: number;
  readonly #bucketStarts: Uint32Array;
  readonly #bucketShift: number;
  /** Per bucket two bits of each gram in it: so few are set that they rule out most that are absent. */
  readonly #bits: Uint32Array;
  /** Of what is read in order, so that reading it is not left out. */
  #read = 0;

  constructor({ words, notes, empty = 0 }: GramTableParameters) {
    const { hashes, count } = sortedHashes(words);
    this.#hashes = hashes;
    this.#count = count;
    const bits = Math.min(24, Math.max(1, Math.ceil(Math.log2(count + 1)) - 2));
    this.#bucketShift = HASH_BITS - bits;
    this.#bucketStarts = startsOf(hashes, count, this.#bucketShift);
    this.#bits = new Uint32Array(2 ** bits);
    this.#notesOfEach = notes;
    this.notes = new Uint32Array(notes * count);
    if (empty !== 0) this.notes.fill(empty);
    this.sift(() => true);
  }

  /** How many different grams there are. */
  get count(): number {
    return this.#count;
  }

  /** From now on {@link keepWanted} leaves out grams whose place is not wanted, or most of them. */
  sift(isWanted: (place: number) => boolean): void {
    const bits = this.#bits.fill(0);
    const hashes = this.#hashes;
    for (let place = 0; place < this.#count; place++) {
      if (!isWanted(place)) continue;
      const hash = hashes[place]!;
      bits[hash >>> this.#bucketShift]! |= (1 << hash) | (1 << (hash >>> SECOND_BIT));
    }
  }

  /**
   * Moves hashes to the front that may be wanted, each with the number behind it: all that are, and few others. Without a
   * branch, since no processor guesses which are.
   * @returns where they end
   */
  keepWanted(hashes: Uint32Array, start: number, end: number): number {
    const bits = this.#bits;
    const shift = this.#bucketShift;
    let kept = start;
    for (let i = start; i < end; i += 2) {
      const hash = hashes[i]!;
      const set = bits[hash >>> shift]!;
      hashes[kept] = hash;
      hashes[kept + 1] = hashes[i + 1]!;
      kept += ((set >>> hash) & (set >>> (hash >>> SECOND_BIT)) & 1) << 1;
    }
    return kept;
  }

  /** The place of the gram with a hash; {@link ABSENT} when it is not there. */
  placeOf(hash: number): number {
    const bucket = hash >>> this.#bucketShift;
    const set = this.#bits[bucket]!;
    if (((set >>> hash) & (set >>> (hash >>> SECOND_BIT)) & 1) === 0) return ABSENT;
    const end = this.#bucketStarts[bucket + 1]!;
    const place = this.#firstFrom(hash, this.#bucketStarts[bucket]!, end);
    return place < end && this.#hashes[place] === hash ? place : ABSENT;
  }

  /**
   * Puts their places for many hashes, and moves those to the front that are in the table, each with the number behind it.
   * Without a branch, mostly, so that the memory that many of them are at is waited for at once.
   * @returns where they end
   */
  keepPlaces(hashes: Uint32Array, start: number, end: number): number {
    const known = this.#hashes;
    const starts = this.#bucketStarts;
    const shift = this.#bucketShift;
    let kept = start;
    for (let i = start; i < end; i += 2) {
      const hash = hashes[i]!;
      const bucket = hash >>> shift;
      let place = starts[bucket]!;
      const last = starts[bucket + 1]!;
      if (last - place > LOOKED_AT) place = this.#firstFrom(hash, place, last);
      else
        place +=
          isBelow(known[place]!, hash) +
          isBelow(known[place + 1]!, hash) +
          isBelow(known[place + 2]!, hash) +
          isBelow(known[place + 3]!, hash) +
          isBelow(known[place + 4]!, hash) +
          isBelow(known[place + 5]!, hash) +
          isBelow(known[place + 6]!, hash) +
          isBelow(known[place + 7]!, hash);
      hashes[kept] = place;
      hashes[kept + 1] = hashes[i + 1]!;
      kept += 2 * (isBelow(known[place]! ^ hash, 1) & isBelow(place, last));
    }
    return kept;
  }

  /** How many first bits of a hash tell its part, of those that {@link readWanted} reads. */
  get wantedBits(): number {
    return Math.max(0, HASH_BITS - this.#bucketShift - WANTED_BITS_OF_PART);
  }

  /** How many first bits of a hash tell its part, of those that {@link readPart} reads. */
  get bits(): number {
    return Math.min(MOST_PART_BITS, Math.max(0, HASH_BITS - this.#bucketShift - BUCKET_BITS_OF_PART));
  }

  /** Reads what {@link keepWanted} reads of the hashes of a part, in order, as processors expect it: read at random, each would wait. */
  readWanted(part: number): void {
    const buckets = this.#bits.length / 2 ** this.wantedBits;
    this.#read += readAll(this.#bits, part * buckets, (part + 1) * buckets);
  }

  /** Reads what {@link keepPlaces} reads of the hashes of a part, and their notes, in order. */
  readPart(part: number): void {
    const buckets = (this.#bucketStarts.length - 1) / 2 ** this.bits;
    const [first, last] = [part * buckets, (part + 1) * buckets];
    const [start, end] = [this.#bucketStarts[first]!, this.#bucketStarts[last]!];
    const each = this.#notesOfEach;
    this.#read += readAll(this.#bucketStarts, first, last);
    this.#read += readAll(this.#hashes, start, end);
    this.#read += readAll(this.notes, each * start, each * end);
  }

  /** Of the places from a start to an end, the first whose hash is not below one; the end when there is none. */
  #firstFrom(hash: number, start: number, end: number): number {
    let [low, high] = [start, end];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#hashes[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Of the gram of a word, another for each: spreads them, which are small numbers more often than large ones. */
export function hashOf(word: number): number {
  return Math.imul(word >>> 1, 0x9e3779b1) & LAST_HASH;
}

/** One number of each line of the cache. */
function readAll(numbers: Uint32Array, start: number, end: number): number {
  let sum = 0;
  if (end - start <= MOST_READ) for (let i = start; i < end; i += 16) sum += numbers[i]!;
  return sum & 1;
}

/** 1 when a hash is below another, else 0. */
function isBelow(hash: number, other: number): number {
  return (hash - other) >>> 31;
}

/** Different hashes of words, sorted; behind them so many of the largest there may be as are looked at, and more. */
function sortedHashes(words: readonly Uint32Array[]): { hashes: Uint32Array; count: number } {
  const shift = HASH_BITS - SORT_BITS;
  const ends = new Uint32Array(2 ** SORT_BITS);
  for (const list of words) for (let i = 0; i < list.length; i++) ends[hashOf(list[i]!) >>> shift]!++;
  const most = ends.reduce((a, b) => Math.max(a, b), 0);
  let total = 0;
  for (const [part, count] of ends.entries()) {
    ends[part] = total;
    total += count;
  }
  const hashes = new Uint32Array(total + LOOKED_AT);
  for (const list of words) {
    for (let i = 0; i < list.length; i++) {
      const hash = hashOf(list[i]!);
      hashes[ends[hash >>> shift]!++] = hash;
    }
  }
  const room = new Uint32Array(most);
  let count = 0;
  for (let part = 0, start = 0; part < ends.length; start = ends[part++]!) {
    const some = hashes.subarray(start, ends[part]);
    sortPart(some, room);
    for (let i = 0; i < some.length; i++) {
      const hash = some[i]!;
      if (count === 0 || hashes[count - 1] !== hash) hashes[count++] = hash;
    }
  }
  // What is behind them is not kept.
  return { hashes: hashes.slice(0, count + LOOKED_AT).fill(LAST_HASH, count), count };
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

/** By the first bits of a hash: how many hashes are before those. */
function startsOf(hashes: Uint32Array, count: number, shift: number): Uint32Array {
  const starts = new Uint32Array(2 ** (HASH_BITS - shift) + 1);
  let bucket = 0;
  for (let i = 0; i < count; i++) {
    const last = hashes[i]! >>> shift;
    while (bucket <= last) starts[bucket++] = i;
  }
  return starts.fill(count, bucket);
}
