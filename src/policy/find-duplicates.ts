export interface FindDuplicatesParameters {
  /** Different rows of each dataset, with when its hotkey first showed them; the earliest dataset first. */
  datasets: { hotkey: string; rows: ReadonlyMap<string, number> }[];
  /** Rows that two datasets may have in common. */
  mostCommonRows: number;
}

/** The earlier dataset with which a duplicate has most rows in common. */
export interface Duplicate {
  hotkey: string;
  commonRows: number;
}

/**
 * Datasets that have too many rows in common with an earlier one (eras B and C), by hotkey. Who was earlier is asked of each
 * row, so that nobody becomes a copy of his copier by a new pointer. An earlier one that is a duplicate itself counts, so that
 * of a chain of copies only the first stays; a later one never costs an earlier one anything.
 */
export function findDuplicates({ datasets, mostCommonRows }: FindDuplicatesParameters): Map<string, Duplicate> {
  const duplicates = new Map<string, Duplicate>();
  const holders = new Map<string, { index: number; shownAt: number }[]>();
  for (const [index, { rows }] of datasets.entries())
    for (const [row, shownAt] of rows) {
      const known = holders.get(row);
      if (known) known.push({ index, shownAt });
      else holders.set(row, [{ index, shownAt }]);
    }
  for (const [index, { hotkey, rows }] of datasets.entries()) {
    const common = new Uint32Array(datasets.length);
    for (const [row, shownAt] of rows)
      for (const other of holders.get(row)!)
        if (other.shownAt < shownAt || (other.shownAt === shownAt && other.index < index)) common[other.index]!++;
    const commonRows = common.reduce((most, count) => Math.max(most, count), 0);
    if (commonRows > mostCommonRows)
      duplicates.set(hotkey, { hotkey: datasets[common.indexOf(commonRows)]!.hotkey, commonRows });
  }
  return duplicates;
}
