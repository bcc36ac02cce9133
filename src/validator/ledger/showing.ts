import { allBits, clearBit, hasBit, packBits, packNumbers, unpackBits, unpackNumbers } from './packed.ts';
import { blockOf, endOf, type Position } from './position.ts';

/** A dataset as a hotkey has shown it: what its rows are compared by is in a file of its own, named by the hash. */
export interface ShownDataset {
  repo: string;
  /** 40-hex commit sha. */
  commit: string;
  sha256: string;
  rows: number;
  /** When the pointer to it was committed, or its data first read where that was too late. */
  position: Position;
  /** Per row, packed: when this hotkey first showed it. */
  shownAt: string;
  /** Whether anybody could read it when that was last asked. */
  readable: boolean;
  /** First block since which it was found unreadable each time. Absent while it is readable. */
  unreadableFrom?: number;
  /** Whether it beat the base model when it was last evaluated; `null` before that. */
  beatsBaseline: boolean | null;
  /** First block in which its hotkey had no claim on it any more; `null` while it has one. */
  lostBlock: number | null;
  /**
   * Packed bits, a row each: 1 where its hotkey showed the row before and did not beat the base model with it. This dataset
   * claims it once it does, from then on. Absent: none.
   */
  unproven?: string;
  /** Whose its rows are; `null` before they were compared with everybody's. */
  judgement: Judgement | null;
}

/** Which rows of a dataset are its hotkey's own, by what was known when it was judged. */
export interface Judgement {
  /** Names the evaluation set and the rules it was judged by. */
  rules: string;
  /** Packed bits, a row each: 1 where nobody else showed it before, so that others must not show it after. */
  own: string;
  /** Packed bits, a row each: 1 where it is trained on. */
  kept: string;
  leftOut: LeftOut;
}

/** What of a dataset is not trained on, and why. */
export interface LeftOut {
  /** Different rows that another hotkey showed earlier. */
  others: number;
  /** Different rows of the evaluation set. */
  evaluation: number;
  /** Rows that stand further up already. */
  repeats: number;
  /** Whose the rows are that others showed, those with most first. */
  sources: LeftOutSource[];
  /** The first twenty, by line. */
  examples: LeftOutRow[];
}

export interface LeftOutSource {
  hotkey: string;
  rows: number;
}

export interface LeftOutRow {
  /** Line of the dataset, from 1. */
  line: number;
  /** Who showed it earlier; `null` for the evaluation set. */
  hotkey: string | null;
  /** Line of theirs, from 1; `null` for the evaluation set. */
  ofLine: number | null;
  /** Block in which they showed it; `null` for the evaluation set. */
  block: number | null;
  /** Share of the row's content, 0..1, that is theirs. */
  alike: number;
}

/** From then on showing a row of it is not copying it. */
export function claimedUntil({ lostBlock }: Pick<ShownDataset, 'lostBlock'>, claimBlocks: number): Position {
  return lostBlock === null ? Number.POSITIVE_INFINITY : endOf(lostBlock + claimBlocks);
}

/** When the first of its rows was shown. */
export function firstShownAt({ shownAt, rows }: ShownDataset): Position {
  return unpackNumbers(shownAt, rows).reduce((first, at) => Math.min(first, at), Number.POSITIVE_INFINITY);
}

export interface ClaimParameters {
  showing: ShownDataset;
  /** Whether its hotkey is registered and its pointer names this dataset. */
  named: boolean;
  block: number;
  claimBlocks: number;
}

/**
 * Whether a hotkey has a claim on the rows of a dataset now: its pointer names it, anybody can read it, and it beats the
 * base model, or has not been evaluated yet, for as long as a claim lasts. A claim that comes back in time has never gone;
 * later it begins anew, and whoever showed the rows meanwhile was first.
 */
export function settleClaim({ showing, named, block, claimBlocks }: ClaimParameters): ShownDataset {
  const { readable, beatsBaseline, lostBlock } = showing;
  const isInGrace = () => block <= blockOf(firstShownAt(showing)) + claimBlocks;
  const holds = named && readable && (beatsBaseline ?? isInGrace());
  if (holds === (lostBlock === null)) return showing;
  if (!holds) return { ...showing, lostBlock: block };
  const isOver = endOf(block) > claimedUntil(showing, claimBlocks);
  return isOver ? shownAnew(showing, endOf(block)) : { ...showing, lostBlock: null };
}

/** The dataset as if it was shown for the first time, but that what has not beaten the base model must do so first. */
export function shownAnew(showing: ShownDataset, position: Position): ShownDataset {
  const { unproven: _, ...rest } = showing;
  const shownAt = packNumbers(new Float64Array(showing.rows).fill(position));
  const anew = { ...rest, position, shownAt, lostBlock: null, judgement: null };
  return showing.beatsBaseline ? anew : { ...anew, unproven: packBits(allBits(showing.rows)) };
}

/** The dataset after an evaluation as of a block: one that beats the base model claims all that is its own. */
export function evaluated(showing: ShownDataset, beatsBaseline: boolean, block: number): ShownDataset {
  const { unproven, ...rest } = showing;
  if (!beatsBaseline || unproven === undefined)
    return beatsBaseline === showing.beatsBaseline ? showing : { ...showing, beatsBaseline };
  const bits = unpackBits(unproven, showing.rows);
  const shownAt = unpackNumbers(showing.shownAt, showing.rows).map((at, row) =>
    hasBit(bits, row) ? endOf(block) : at,
  );
  return { ...rest, beatsBaseline, shownAt: packNumbers(shownAt) };
}

/**
 * Bits of the rows that a dataset claims, of those that are its own; `undefined` where it claims all.
 * @param own `null` where that is not known, and all may be.
 */
export function claimedRows({ unproven, rows }: ShownDataset, own: Uint8Array | null): Uint8Array | undefined {
  if (unproven === undefined) return own ?? undefined;
  const claimed = own ?? allBits(rows);
  const bits = unpackBits(unproven, rows);
  for (let row = 0; row < rows; row++) if (hasBit(bits, row)) clearBit(claimed, row);
  return claimed;
}

/** The dataset named again by a later pointer: rows that were others' until then are judged by the later date. */
export function namedAgain(showing: ShownDataset, position: Position, claimBlocks: number): ShownDataset {
  if (position <= showing.position) return showing;
  if (position > claimedUntil(showing, claimBlocks)) return shownAnew(showing, position);
  if (showing.judgement === null) return { ...showing, position };
  if (showing.judgement.leftOut.others === 0) return { ...showing, position };
  const own = unpackBits(showing.judgement.own, showing.rows);
  const shownAt = unpackNumbers(showing.shownAt, showing.rows).map((at, row) => (hasBit(own, row) ? at : position));
  return { ...showing, position, shownAt: packNumbers(shownAt), judgement: null };
}
