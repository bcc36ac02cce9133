/** How many different rows of the evaluation set a dataset holds (both as {@link rowHash}es). */
export function contamination(rowHashes: string[], evaluationHashes: string[]): number {
  const rows = new Set(rowHashes);
  return new Set(evaluationHashes.filter((hash) => rows.has(hash))).size;
}
