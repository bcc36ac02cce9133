import { FirstPlaces } from './first-places.ts';
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
  const known = new FirstPlaces();
  known.clear(print.wordEnd.length);
  for (let row = 0; row < print.rowCount; row++) {
    let of = -1;
    let isRepeat = true;
    const [first, end] = [firstPairOf(print, row), print.pairEnd[row]!];
    for (let pair = first; pair < end; pair++) {
      const earlier = known.of(...hashOf(print, pair));
      if (earlier < 0) isRepeat = false;
      else if (of < 0) of = earlier;
    }
    if (isRepeat && of >= 0) repeats.push({ row, of });
    for (let pair = first; pair < end; pair++) known.add(row, ...hashOf(print, pair));
  }
  return repeats;
}

/** 52 bits of the hash of a pair. */
function hashOf({ pairHashes }: Fingerprint, pair: number): [first: number, second: number] {
  return [pairHashes[2 * pair]!, pairHashes[2 * pair + 1]! >>> 12];
}
