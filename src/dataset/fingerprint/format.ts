/** Changes with whatever makes fingerprints of other rows, or other fingerprints of the same rows. */
export const FINGERPRINT_VERSION = 1;

/** A fingerprint that has been read. */
export interface Fingerprint {
  rowCount: number;
  /** Per row: its pairs of turns. */
  pairsOfRow: Uint32Array;
  /** Two words a pair. */
  pairHashes: Uint32Array;
}

/** `null` when the bytes are of another version, or damaged: the dataset has to be fingerprinted anew. */
export function readFingerprint(bytes: Uint8Array): Fingerprint | null {
  if (bytes.byteLength < 8 || bytes.byteLength % 4 !== 0) return null;
  const words = new Uint32Array(bytes.slice().buffer);
  const [version, rowCount = 0] = words;
  if (version !== FINGERPRINT_VERSION || words.length < 2 + rowCount) return null;
  const pairsOfRow = words.subarray(2, 2 + rowCount);
  const pairHashes = words.subarray(2 + rowCount);
  if (pairHashes.length !== 2 * pairsOfRow.reduce((sum, pairs) => sum + pairs, 0)) return null;
  return { rowCount, pairsOfRow, pairHashes };
}
