import { readFingerprint } from './format.ts';
import { firstPairOf } from './rows-of.ts';

/**
 * A key for each row of a fingerprint: equal for rows whose turns say the same, whatever their white space, letter
 * case, key order or system prompt. `null` when the fingerprint is of another version or damaged.
 */
export function rowKeys(fingerprint: Uint8Array): string[] | null {
  const print = readFingerprint(fingerprint);
  if (print === null) return null;
  const { rowCount, pairEnd, pairHashes } = print;
  return Array.from({ length: rowCount }, (_, row) =>
    pairHashes.subarray(2 * firstPairOf(print, row), 2 * pairEnd[row]!).join(),
  );
}
