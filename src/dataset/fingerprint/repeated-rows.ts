import type { Fingerprint } from './format.ts';
import { firstPairOf } from './rows-of.ts';

/** A row whose content stands in an earlier row of the same dataset. */
export interface RepeatedRow {
  row: number;
  /** The earlier row; the first of several. */
  of: number;
}

/** Rows of which every question with its answer stands in earlier rows. */
export function findRepeatedRows(print: Fingerprint): RepeatedRow[] {
  const repeats: RepeatedRow[] = [];
  const known = new Map<number, number>();
  for (let row = 0; row < print.rowCount; row++) {
    let of = -1;
    let isRepeat = true;
    const [first, end] = [firstPairOf(print, row), print.pairEnd[row]!];
    for (let pair = first; pair < end; pair++) {
      const earlier = known.get(keyOf(print, pair));
      if (earlier === undefined) isRepeat = false;
      else if (of < 0) of = earlier;
    }
    if (isRepeat && of >= 0) repeats.push({ row, of });
    for (let pair = first; pair < end; pair++) {
      const key = keyOf(print, pair);
      if (!known.has(key)) known.set(key, row);
    }
  }
  return repeats;
}

/** 52 bits of the hash of a pair. */
function keyOf({ pairHashes }: Fingerprint, pair: number): number {
  return pairHashes[2 * pair]! * 2 ** 20 + (pairHashes[2 * pair + 1]! >>> 12);
}
