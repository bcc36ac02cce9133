import { type Fingerprint, LONG_ANSWER } from './format.ts';

/** Index of the first pair of a row. */
export function firstPairOf({ pairEnd }: Fingerprint, row: number): number {
  return row === 0 ? 0 : pairEnd[row - 1]!;
}

/** Index of the first word of a pair. */
export function firstWordOf({ wordEnd }: Fingerprint, pair: number): number {
  return pair === 0 ? 0 : wordEnd[pair - 1]!;
}

/** Index of the first word of a pair that is a gram. */
export function firstGramOf(print: Fingerprint, pair: number): number {
  return firstWordOf(print, pair) + (print.kindOfPair[pair]! & (LONG_ANSWER - 1));
}

/** Index of the pair, of those from a first to an end, that a word is in. */
export function pairOfWord({ wordEnd }: Fingerprint, first: number, end: number, word: number): number {
  let [low, high] = [first, end - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (wordEnd[middle]! > word) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Index of the first word of a row; of the row after the last, the number of words. */
export function firstWordOfRow(print: Fingerprint, row: number): number {
  return firstWordOf(print, firstPairOf(print, row));
}

export function isShort({ kindOfPair }: Fingerprint, pair: number): boolean {
  return kindOfPair[pair]! < LONG_ANSWER;
}

/** Hashes of the first numbers of a pair. */
export function numbersOf(print: Fingerprint, pair: number): Uint32Array {
  return print.words.subarray(firstWordOf(print, pair), firstGramOf(print, pair));
}
