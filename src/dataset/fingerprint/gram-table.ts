import { gramOf } from './format.ts';

/** The place of a gram that is not in the table. */
export const ABSENT = -1;

/** Largest bucket that closing a gram scans, so that filling one on purpose slows nothing down. */
const MOST_LOOKED_AT = 64;

/**
 * Different grams of many rows, each with a place 0 .. size - 1. One array in buckets, sorted within each: however grams were
 * chosen, none takes longer than a binary search.
 */
export class GramTable {
  readonly #grams: Uint32Array;
  readonly #bucketEnd: Uint32Array;
  readonly #bucketShift: number;
  /** A bitmap by the first bits of the hash: it rules out most absent grams without a look into a bucket. */
  readonly #mayHold: Uint32Array;
  readonly #mayHoldShift: number;
  readonly size: number;
  /** Like `mayHold`, for the grams that are not closed. */
  #mayBeOpen: Uint32Array | undefined;

  /** @param lists of words, called twice; gives the same lists each time. */
  constructor(lists: () => Iterable<Uint32Array>) {
    let total = 0;
    for (const list of lists()) total += list.length;
    const bits = Math.max(4, Math.ceil(Math.log2(total + 1)));
    this.#bucketShift = 32 - Math.min(24, Math.max(1, bits - 4));
    this.#mayHoldShift = 32 - Math.min(28, bits + 3);
    this.#mayHold = new Uint32Array(2 ** (32 - this.#mayHoldShift - 5) || 1);
    const ends = new Uint32Array(2 ** (32 - this.#bucketShift));
    for (const list of lists()) for (const word of list) ends[mixed(gramOf(word)) >>> this.#bucketShift]!++;
    let sum = 0;
    for (let i = 0; i < ends.length; i++) {
      sum += ends[i]!;
      ends[i] = sum - ends[i]!;
    }
    const grams = new Uint32Array(total);
    for (const list of lists()) {
      for (const word of list) {
        const gram = gramOf(word);
        grams[ends[mixed(gram) >>> this.#bucketShift]!++] = gram;
      }
    }
    this.#grams = grams;
    this.#bucketEnd = ends;
    this.size = this.#dropRepeats();
  }

  /** The place of the gram of a word, {@link ABSENT} when it is not in the table. */
  placeOf(word: number): number {
    const gram = gramOf(word);
    const hash = mixed(gram);
    const bit = hash >>> this.#mayHoldShift;
    if (((this.#mayHold[bit >>> 5]! >>> (bit & 31)) & 1) === 0) return ABSENT;
    return this.#find(gram, hash);
  }

  /**
   * Calls back with the index of each word between two whose gram is in the table and not closed, and the gram's place. One
   * loop without calls for those that are not: hundreds of millions are asked for.
   */
  forEachOpen(words: Uint32Array, start: number, end: number, found: (index: number, place: number) => void): void {
    const open = this.#mayBeOpen ?? this.#mayHold;
    const shift = this.#mayHoldShift;
    for (let i = start; i < end; i++) {
      const gram = (words[i]! & -2) >>> 0;
      const hash = mixed(gram);
      const bit = hash >>> shift;
      if (((open[bit >>> 5]! >>> (bit & 31)) & 1) === 0) continue;
      const place = this.#find(gram, hash);
      if (place !== ABSENT) found(i, place);
    }
  }

  /** Closes the gram at a place, which `isClosed` then says of it, too. */
  close(place: number, isClosed: (place: number) => boolean): void {
    this.#mayBeOpen ??= this.#mayHold.slice();
    const hash = mixed(this.#grams[place]!);
    const bit = hash >>> this.#mayHoldShift;
    // Grams that share the bit are in the same bucket.
    const [start, end] = [this.#bucketStart(hash), this.#bucketEnd[hash >>> this.#bucketShift]!];
    if (end - start > MOST_LOOKED_AT) return;
    for (let i = start; i < end; i++) if (mixed(this.#grams[i]!) >>> this.#mayHoldShift === bit && !isClosed(i)) return;
    this.#mayBeOpen[bit >>> 5]! &= ~(1 << (bit & 31));
  }

  #bucketStart(hash: number): number {
    const bucket = hash >>> this.#bucketShift;
    return bucket === 0 ? 0 : this.#bucketEnd[bucket - 1]!;
  }

  #find(gram: number, hash: number): number {
    let low = this.#bucketStart(hash);
    let high = this.#bucketEnd[hash >>> this.#bucketShift]!;
    while (high - low > 8) {
      const middle = (low + high) >>> 1;
      if (this.#grams[middle]! <= gram) low = middle;
      else high = middle;
    }
    for (; low < high; low++) if (this.#grams[low] === gram) return low;
    return ABSENT;
  }

  #dropRepeats(): number {
    const [grams, ends] = [this.#grams, this.#bucketEnd];
    let [kept, start] = [0, 0];
    for (let bucket = 0; bucket < ends.length; bucket++) {
      const end = ends[bucket]!;
      sort(grams, start, end);
      const first = kept;
      for (let i = start; i < end; i++) {
        const gram = grams[i]!;
        if (kept > first && grams[kept - 1] === gram) continue;
        grams[kept++] = gram;
        const bit = mixed(gram) >>> this.#mayHoldShift;
        this.#mayHold[bit >>> 5]! |= 1 << (bit & 31);
      }
      ends[bucket] = kept;
      start = end;
    }
    return kept;
  }
}

function sort(list: Uint32Array, start: number, end: number): void {
  if (end - start > 24) {
    list.subarray(start, end).sort();
    return;
  }
  for (let i = start + 1; i < end; i++) {
    const item = list[i]!;
    let place = i;
    for (; place > start && list[place - 1]! > item; place--) list[place] = list[place - 1]!;
    list[place] = item;
  }
}

/** Spreads grams, which are small numbers more often than large ones. */
function mixed(gram: number): number {
  const hash = Math.imul(gram ^ (gram >>> 15), 0x9e3779b1);
  return Math.imul(hash ^ (hash >>> 14), 0x85ebca6b) >>> 0;
}
