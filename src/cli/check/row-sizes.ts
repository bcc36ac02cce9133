/** Rows with as many tokens. */
export interface HistogramBin {
  from: number;
  /** The last that counts; `null` for rows that are cut. */
  to: number | null;
  rows: number;
}

/** How many tokens rows have, each cut to the context. */
export interface RowSizes {
  least: number;
  median: number;
  /** 95 of 100 rows have no more. */
  p95: number;
  most: number;
  histogram: HistogramBin[];
}

/** Of tokens by row, in any order; those above `contextTokens` are cut rows. `null` of none. */
export function rowSizes(tokens: readonly number[], contextTokens: number): RowSizes | null {
  if (tokens.length === 0) return null;
  const sorted = Float64Array.from(tokens, (count) => Math.min(count, contextTokens)).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { least: at(0), median: at(0.5), p95: at(0.95), most: at(1), histogram: histogram(tokens, contextTokens) };
}

/** By powers of two, from the first bin with rows to the last. */
function histogram(tokens: readonly number[], contextTokens: number): HistogramBin[] {
  const bins: HistogramBin[] = [];
  for (let from = 1; from <= contextTokens; from *= 2)
    bins.push({ from, to: Math.min(2 * from - 1, contextTokens), rows: 0 });
  bins.push({ from: contextTokens + 1, to: null, rows: 0 });
  for (const count of tokens) {
    const bin = count > contextTokens ? bins.length - 1 : Math.floor(Math.log2(Math.max(1, count)));
    bins[bin]!.rows++;
  }
  const first = bins.findIndex(({ rows }) => rows > 0);
  const last = bins.findLastIndex(({ rows }) => rows > 0);
  return bins.slice(first, last + 1);
}
