import type { LedgerEntry } from './ledger.ts';
import { packNumbers } from './packed.ts';
import { toPosition } from './position.ts';

/** A dataset as earlier versions remembered it. */
export interface RememberedDataset {
  repo: string;
  commit: string;
  commitBlock: number;
  sha256: string;
  /** Per row: the block in which this hotkey first showed it. */
  rowBlocks: number[];
}

export function isOfEarlierVersion(datasets: RememberedDataset[] | null): datasets is RememberedDataset[] {
  return Array.isArray(datasets);
}

/** What earlier versions knew of a hotkey: the dates stay, what its rows are compared by is made anew. */
export function takeOver(hotkey: string, datasets: RememberedDataset[]): LedgerEntry {
  const at = (block: number) => toPosition(block, null, 0);
  return {
    hotkey,
    coldkey: '',
    received: [],
    unreadable: null,
    showings: datasets.map(({ repo, commit, commitBlock, sha256, rowBlocks }) => ({
      repo,
      commit,
      sha256,
      rows: rowBlocks.length,
      position: at(commitBlock),
      shownAt: packNumbers(Float64Array.from(rowBlocks, at)),
      readable: true,
      beatsBaseline: null,
      lostBlock: null,
      judgement: null,
    })),
  };
}
