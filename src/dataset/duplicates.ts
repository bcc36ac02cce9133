import { requireNumber } from '../shared/require-number.ts';

/** A dataset as the search for copies sees it. Those of one hotkey are never compared with each other. */
export interface DuplicateCandidate {
  hotkey: string;
  uid: number;
  commitBlock: number;
  /** Per row: {@link rowHash}. */
  rowHashes: string[];
  /** Per row: the block in which this hotkey first showed it. Default: `commitBlock` for all. */
  rowBlocks?: number[];
  /** True for a dataset its hotkey has replaced: others may have copied it, but it is not judged itself. */
  replaced?: boolean;
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
  candidates: DuplicateCandidate[];
  /** Share of common rows (0..1) from which the later dataset is a copy. */
  containment: number;
}

/**
 * Common rows from which an original counts as copied when it makes up only a small part of the copy (padding with
 * filler). Fewer do not suffice: else two well-known rows, committed early, would reject everybody who has them too.
 */
const PADDED_COPY_ROWS = 33;

/** What two datasets share; the first stands before the second in the list. */
interface Pair {
  first: Rows;
  second: Rows;
  commonRows: number;
  /** Common rows the first showed in an earlier block, less those the second did. */
  lead: number;
}

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
 * @throws FlockOffError `bad-argument` for a containment outside of 0..1, and what is no uid or block number.
 */
export function findDuplicates({ candidates, containment }: FindDuplicatesParameters): Map<string, DuplicateFinding> {
  requireNumber('containment', containment, { most: 1 });
  candidates.forEach(requireCandidate);
  const findings = new Map<string, DuplicateFinding>();
  for (const pair of pairsWithCommonRows(candidates.map(withBlocks))) {
    const { commonRows } = pair;
    const [original, copy] = firstShowedThem(pair) ? [pair.first, pair.second] : [pair.second, pair.first];
    if (copy.candidate.replaced) continue;
    const ofCopy = commonRows / copy.blocks.size;
    const ofOriginal = commonRows / original.blocks.size;
    const copied = ofCopy >= containment || (ofOriginal >= containment && commonRows >= PADDED_COPY_ROWS);
    const known = findings.get(copy.candidate.hotkey);
    if (!copied || (known && known.commonRows >= commonRows)) continue;
    findings.set(copy.candidate.hotkey, {
      originalHotkey: original.candidate.hotkey,
      originalUid: original.candidate.uid,
      commonRows,
      containment: Math.max(ofCopy, ofOriginal),
    });
  }
  return findings;
}

function requireCandidate({ uid, commitBlock, rowBlocks = [] }: DuplicateCandidate, i: number): void {
  requireNumber(`candidates[${i}].uid`, uid, { whole: true });
  requireNumber(`candidates[${i}].commitBlock`, commitBlock, { whole: true });
  // There may be millions, each with a name only where it is wrong.
  const wrong = rowBlocks.findIndex((block) => !Number.isSafeInteger(block) || block < 0);
  if (wrong >= 0) requireNumber(`candidates[${i}].rowBlocks[${wrong}]`, rowBlocks[wrong]!, { whole: true });
}

function withBlocks(candidate: DuplicateCandidate): Rows {
  const { rowHashes, rowBlocks, commitBlock } = candidate;
  return { candidate, blocks: new Map(rowHashes.map((hash, i) => [hash, rowBlocks?.[i] ?? commitBlock])) };
}

/**
 * Showings of a row that others are compared with, from the earliest on. A row that more have shown is known from these,
 * and a full subnet of equal datasets is not compared each with each.
 */
const FIRST_SHOWINGS = 32;

/**
 * Every two datasets of different hotkeys with a row in common, of which at least one is judged, found through an index
 * of rows. Counts alone are kept by pair: 256 hotkeys with nine datasets each take 42 MB.
 */
function pairsWithCommonRows(all: Rows[]): Pair[] {
  const showings = new Map<string, { index: number; block: number }[]>();
  all.forEach(({ blocks }, index) => {
    for (const [hash, block] of blocks) {
      const earlier = showings.get(hash);
      if (earlier) earlier.push({ index, block });
      else showings.set(hash, [{ index, block }]);
    }
  });
  const commonRows = new Int32Array(all.length ** 2);
  const lead = new Int32Array(all.length ** 2);
  for (const shown of showings.values()) {
    if (shown.length > FIRST_SHOWINGS) shown.sort((a, b) => a.block - b.block);
    for (let i = 0; i < Math.min(shown.length, FIRST_SHOWINGS); i++) {
      for (let j = i + 1; j < shown.length; j++) {
        const [first, second] = inOrder(shown[i]!, shown[j]!);
        const cell = first.index * all.length + second.index;
        commonRows[cell]!++;
        lead[cell]! += Math.sign(second.block - first.block);
      }
    }
  }
  return all.flatMap((first, i) =>
    all.flatMap((second, j) => {
      const cell = i * all.length + j;
      return commonRows[cell]! > 0 && areCompared(first.candidate, second.candidate)
        ? { first, second, commonRows: commonRows[cell]!, lead: lead[cell]! }
        : [];
    }),
  );
}

function inOrder<T extends { index: number }>(a: T, b: T): [T, T] {
  return a.index < b.index ? [a, b] : [b, a];
}

function areCompared(a: DuplicateCandidate, b: DuplicateCandidate): boolean {
  return a.hotkey !== b.hotkey && !(a.replaced && b.replaced);
}

function firstShowedThem({ first, second, lead }: Pair): boolean {
  if (lead !== 0) return lead > 0;
  const [a, b] = [first.candidate, second.candidate];
  return a.commitBlock === b.commitBlock ? a.uid < b.uid : a.commitBlock < b.commitBlock;
}
