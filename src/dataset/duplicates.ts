/** A dataset as the search for copies sees it. */
export interface DuplicateCandidate {
  hotkey: string;
  uid: number;
  commitBlock: number;
  /** Per row: {@link rowHash}. */
  rowHashes: string[];
  /** Per row: the block in which this hotkey first showed it. Default: `commitBlock` for all. */
  rowBlocks?: number[];
}

/** Why a dataset counts as a copy. */
export interface DuplicateFinding {
  /** Hotkey and uid of the miner who had the rows first. */
  originalHotkey: string;
  originalUid: number;
  /** Different rows the two share. */
  commonRows: number;
  /** The larger of commonRows / rows of the copy and commonRows / rows of the original. */
  containment: number;
}

export interface FindDuplicatesParameters {
  /** Share of common rows (0..1) from which the later dataset is a copy. */
  containment: number;
}

/**
 * Common rows from which an original counts as copied when it makes up only a small part of the copy (padding with
 * filler). Fewer do not suffice: else two well-known rows, committed early, would reject everybody who has them too.
 */
const PADDED_COPY_ROWS = 33;

interface Rows {
  candidate: DuplicateCandidate;
  /** Row hash -> block in which the hotkey first showed it. Repeating a row does not make it count twice. */
  blocks: Map<string, number>;
}

/**
 * Finds datasets that copy others: the copy holds at least `containment` of its own rows, or of the original's, from
 * the original. Of two, the one that showed most of the common rows earlier keeps its score; then the earlier commit
 * block, then the lower uid. A copy of a copy is found against its own original, so of every group one dataset remains.
 *
 * @returns findings by the copy's hotkey.
 */
export function findDuplicates(
  candidates: DuplicateCandidate[],
  { containment }: FindDuplicatesParameters,
): Map<string, DuplicateFinding> {
  const all = candidates.map(withBlocks);
  const findings = new Map<string, DuplicateFinding>();
  for (const [[a, b], common] of pairsWithCommonRows(all)) {
    const [original, copy] = showedFirst(a, b, common) ? [a, b] : [b, a];
    const ofCopy = common.length / copy.blocks.size;
    const ofOriginal = common.length / original.blocks.size;
    const copied = ofCopy >= containment || (ofOriginal >= containment && common.length >= PADDED_COPY_ROWS);
    const known = findings.get(copy.candidate.hotkey);
    if (!copied || (known && known.commonRows >= common.length)) continue;
    findings.set(copy.candidate.hotkey, {
      originalHotkey: original.candidate.hotkey,
      originalUid: original.candidate.uid,
      commonRows: common.length,
      containment: Math.max(ofCopy, ofOriginal),
    });
  }
  return findings;
}

function withBlocks(candidate: DuplicateCandidate): Rows {
  const { rowHashes, rowBlocks, commitBlock } = candidate;
  return { candidate, blocks: new Map(rowHashes.map((hash, i) => [hash, rowBlocks?.[i] ?? commitBlock])) };
}

/** Every two datasets with a row in common, and those rows, found through an index of rows. */
function pairsWithCommonRows(all: Rows[]): Map<[Rows, Rows], string[]> {
  const owners = new Map<string, number[]>();
  all.forEach(({ blocks }, i) => {
    for (const hash of blocks.keys()) {
      const others = owners.get(hash);
      if (others) others.push(i);
      else owners.set(hash, [i]);
    }
  });
  const pairs = new Map<string, [[Rows, Rows], string[]]>();
  for (const [hash, indexes] of owners) {
    for (const [position, j] of indexes.entries()) {
      for (const i of indexes.slice(0, position)) {
        const key = `${i}:${j}`;
        const pair = pairs.get(key);
        if (pair) pair[1].push(hash);
        else pairs.set(key, [[all[i]!, all[j]!], [hash]]);
      }
    }
  }
  return new Map(pairs.values());
}

function showedFirst(a: Rows, b: Rows, common: string[]): boolean {
  const earlier = common.reduce((sum, hash) => sum + Math.sign(b.blocks.get(hash)! - a.blocks.get(hash)!), 0);
  if (earlier !== 0) return earlier > 0;
  if (a.candidate.commitBlock !== b.candidate.commitBlock) return a.candidate.commitBlock < b.candidate.commitBlock;
  return a.candidate.uid < b.candidate.uid;
}
