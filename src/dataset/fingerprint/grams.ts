import { gramWith } from './format.ts';
import type { GrowingList } from './growing-list.ts';

/** Symbols a gram has: about two and a half English words. */
export const GRAM_SYMBOLS = 12;
/** A run of so many symbols that two texts share has at least one gram in the fingerprints of both. */
export const GUARANTEED_RUN = 64;
/** Symbols of a gram of a question whose answer is short. */
export const QUESTION_GRAM_SYMBOLS = 6;

/** Room for a window, a power of two. */
const RING = 64;
/** Two hashes of each gram, the second for a few more bits. */
const [BASE, SECOND_BASE] = [0x01000193, 0x2c9277b5];

/**
 * Adds the grams of a text that are taken, in order: those below `limit` (FracMinHash: whether a gram is taken
 * depends on itself alone, so shares of them estimate shares of text), and the smallest of every window (winnowing: no
 * run of {@link GUARANTEED_RUN} symbols is without one).
 *
 * @param size symbols of a gram
 * @param salt grams of texts with another salt are others
 */
export function addGrams(taken: GrowingList, symbols: Uint32Array, limit: number, size = GRAM_SYMBOLS, salt = 0): void {
  const grams = symbols.length - size + 1;
  /** Grams of a window, of which the smallest is taken. */
  const window = GUARANTEED_RUN - size + 1;
  let [leaving, secondLeaving] = [1, 1];
  for (let i = 0; i < size; i++) {
    leaving = Math.imul(leaving, BASE);
    secondLeaving = Math.imul(secondLeaving, SECOND_BASE);
  }
  // The smallest gram of the window and those after it that are smaller than all that follow them: places, oldest first.
  const places = new Uint32Array(RING);
  const values = new Uint32Array(RING);
  let [first, count] = [0, 0];
  let takenPlace = -1;
  let [rolling, second] = [0, 0];
  for (let i = 0; i < symbols.length; i++) {
    const entering = mixed(symbols[i]!);
    rolling = Math.imul(rolling, BASE) + entering;
    second = Math.imul(second, SECOND_BASE) + entering;
    if (i >= size) {
      const left = mixed(symbols[i - size]!);
      rolling -= Math.imul(left, leaving);
      second -= Math.imul(left, secondLeaving);
    }
    const place = i - size + 1;
    if (place < 0) continue;
    const gram = gramWith(finished(rolling ^ salt), finished(second ^ salt));
    while (count > 0 && values[(first + count - 1) & (RING - 1)]! >= gram) count--;
    if (count > 0 && places[first & (RING - 1)]! <= place - window) {
      first++;
      count--;
    }
    places[(first + count) & (RING - 1)] = place;
    values[(first + count) & (RING - 1)] = gram;
    count++;
    const isBelow = gram < limit;
    const smallest = places[first & (RING - 1)]!;
    if (isBelow) {
      taken.add(gram);
      takenPlace = place;
    } else if (smallest > takenPlace && (place >= window - 1 || place === grams - 1)) {
      taken.add(values[first & (RING - 1)]!);
      takenPlace = smallest;
    }
  }
}

/** Two hashes of a text, for comparing it as a whole. */
export function hashesOf(...texts: Uint32Array[]): [number, number] {
  let [a, b] = [0x9e3779b9, 0x85ebca6b];
  for (const symbols of texts) {
    for (const symbol of symbols) {
      a = Math.imul(a ^ symbol, 0x01000193);
      a = (a << 13) | (a >>> 19);
      b = Math.imul(b ^ mixed(symbol), 0x27d4eb2f);
      b = (b << 15) | (b >>> 17);
    }
    a ^= symbols.length;
    b ^= finished(symbols.length);
  }
  return [finished(a), finished(b)];
}

function mixed(symbol: number): number {
  const a = Math.imul(symbol ^ (symbol >>> 15), 0x2c1b3c6d);
  return a ^ (a >>> 12);
}

/** The finaliser of MurmurHash3. */
function finished(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
