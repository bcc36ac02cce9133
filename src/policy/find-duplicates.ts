export interface FindDuplicatesParameters {
  /** Different rows of each dataset, the earliest dataset first. */
  datasets: { hotkey: string; rows: ReadonlySet<string> }[];
  /** Rows that two datasets may have in common. */
  mostCommonRows: number;
}

/** The earlier dataset with which a duplicate has most rows in common. */
export interface Duplicate {
  hotkey: string;
  commonRows: number;
}

/**
 * Datasets that have too many rows in common with an earlier one (eras B and C), by hotkey. An earlier one that is a
 * duplicate itself counts, so that of a chain of copies only the first stays; a later one never costs an earlier one anything.
 */
export function findDuplicates({ datasets, mostCommonRows }: FindDuplicatesParameters): Map<string, Duplicate> {
  const duplicates = new Map<string, Duplicate>();
  const holders = new Map<string, number[]>();
  for (const [index, { hotkey, rows }] of datasets.entries()) {
    const common = new Uint32Array(index);
    for (const row of rows) {
      const earlier = holders.get(row);
      if (earlier === undefined) holders.set(row, [index]);
      else {
        for (const holder of earlier) common[holder]!++;
        earlier.push(index);
      }
    }
    const commonRows = common.reduce((most, count) => Math.max(most, count), 0);
    if (commonRows > mostCommonRows)
      duplicates.set(hotkey, { hotkey: datasets[common.indexOf(commonRows)]!.hotkey, commonRows });
  }
  return duplicates;
}
