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
  /**
   * First block in which its hotkey had no claim on it any more, earlier by what it had not made up for of times before;
   * `null` while it has one.
   */
  lostBlock: number | null;
  /** When it will have made up for the last time without a claim, by as long a time with one. Absent: it has. */
  madeUpBlock?: number;
  /**
   * Packed bits, a row each: 1 where the row was shown before, by its hotkey without beating the base model, or by anybody
   * whose claim on it had ended. This dataset claims it once it beats the base model, from then on. Absent: none.
   */
  unproven?: string;
  /** What of its rows its hotkey claims by earlier datasets. Absent: none. */
  renewed?: RenewedRows;
  /** Whose its rows are; `null` before they were compared with everybody's. */
  judgement: Judgement | null;
  /** What was found before its fingerprint was lost or of another version. Absent once it was judged anew. */
  judgedBefore?: Judgement;
}

/** Once a dataset beats the base model while a claim by an earlier one stands, it goes on with that one's date. */
export interface RenewedRows {
  /** Per row, packed: when an earlier dataset showed it first. */
  shownAt: string;
  /** Per row, packed: until when that one claims it; 0 for the others. */
  until: string;
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
 * base model, or has not been evaluated yet, for as long as a claim lasts. A claim that comes back in time has never gone,
 * but that its next loss counts from as much earlier as it has not held since: nobody keeps many datasets by naming each
 * now and then. Later it begins anew, and whoever showed the rows meanwhile was first.
 */
export function settleClaim({ showing, named, block, claimBlocks }: ClaimParameters): ShownDataset {
  const { readable, beatsBaseline, lostBlock } = showing;
  const isInGrace = () => block <= blockOf(firstShownAt(showing)) + claimBlocks;
  const holds = named && readable && (beatsBaseline ?? isInGrace());
  if (holds === (lostBlock === null)) return showing;
  const { madeUpBlock = block, ...rest } = showing;
  if (!holds) return { ...rest, lostBlock: block - Math.max(0, madeUpBlock - block) };
  const until = claimedUntil(showing, claimBlocks);
  if (endOf(block) <= until) return { ...showing, lostBlock: null, madeUpBlock: block + (block - lostBlock!) };
  return waitsToBeClaimed(showing, claimBlocks)
    ? { ...showing, lostBlock: null, judgement: null }
    : shownAnew(showing, endOf(block));
}

/** Whether it was named again after the claim on it had ended, and the new claim waits for a look that finds it readable. */
export function waitsToBeClaimed(showing: ShownDataset, claimBlocks: number): boolean {
  return showing.lostBlock !== null && showing.position > claimedUntil(showing, claimBlocks);
}

/** The dataset as if it was shown for the first time, but that what has not beaten the base model must do so first. */
export function shownAnew(showing: ShownDataset, position: Position): ShownDataset {
  const { unproven: _, renewed: __, madeUpBlock: ___, ...rest } = showing;
  const shownAt = packNumbers(new Float64Array(showing.rows).fill(position));
  const anew = { ...rest, position, shownAt, lostBlock: null, judgement: null };
  return showing.beatsBaseline ? anew : { ...anew, unproven: packBits(allBits(showing.rows)) };
}

/**
 * The dataset after an evaluation as of a block: one that beats the base model claims all that is its own, what is claimed by
 * an earlier one since that was shown, and what was nobody's from now on.
 */
export function evaluated(showing: ShownDataset, beatsBaseline: boolean, block: number): ShownDataset {
  const { unproven, renewed, ...rest } = showing;
  if (!beatsBaseline || (unproven === undefined && renewed === undefined))
    return beatsBaseline === showing.beatsBaseline ? showing : { ...showing, beatsBaseline };
  const { rows, judgement } = showing;
  const own = judgement === null ? allBits(rows) : unpackBits(judgement.own, rows);
  const bits = unproven === undefined ? new Uint8Array(0) : unpackBits(unproven, rows);
  const before = renewed && {
    shownAt: unpackNumbers(renewed.shownAt, rows),
    until: unpackNumbers(renewed.until, rows),
  };
  const shownAt = unpackNumbers(showing.shownAt, rows).map((at, row) => {
    if (!hasBit(own, row)) return at;
    if (before && before.until[row]! >= endOf(block)) return before.shownAt[row]!;
    return hasBit(bits, row) ? endOf(block) : at;
  });
  return { ...rest, beatsBaseline, shownAt: packNumbers(shownAt) };
}

/** Until when a dataset claims a row of its own, and since when; `null` where it does not. */
export function claimsOf(
  showing: ShownDataset,
  claimBlocks: number,
): (row: number) => { shownAt: Position; until: Position } | null {
  const { rows, judgement, renewed } = showing;
  const claimed = claimedRows(showing, judgement && unpackBits(judgement.own, rows));
  const shownAt = unpackNumbers(showing.shownAt, rows);
  const ends = claimedUntil(showing, claimBlocks);
  const before = renewed && {
    shownAt: unpackNumbers(renewed.shownAt, rows),
    until: unpackNumbers(renewed.until, rows),
  };
  return (row) => {
    const until = before?.until[row] ?? 0;
    const own = claimed === undefined || hasBit(claimed, row);
    if (until > 0 && (until >= ends || !own)) return { shownAt: before!.shownAt[row]!, until };
    return own ? { shownAt: shownAt[row]!, until: ends } : null;
  };
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

/**
 * The dataset named again by a later pointer: rows that were others' until then are judged by the later date, and claimed
 * once it beats the base model. After the end of the claim all of it counts from the later pointer, and is claimed once it is
 * seen that anybody can read it.
 */
export function namedAgain(showing: ShownDataset, position: Position, claimBlocks: number): ShownDataset {
  if (position <= showing.position) return showing;
  if (position > claimedUntil(showing, claimBlocks)) {
    // Naming what nobody can read does not make it readable for a while.
    const anew = shownAnew(showing, position);
    return showing.beatsBaseline ? { ...anew, lostBlock: showing.lostBlock } : anew;
  }
  if (showing.judgement === null) return { ...showing, position };
  if (showing.judgement.leftOut.others === 0) return { ...showing, position };
  const own = unpackBits(showing.judgement.own, showing.rows);
  const shownAt = unpackNumbers(showing.shownAt, showing.rows).map((at, row) => (hasBit(own, row) ? at : position));
  const claimed = claimedRows(showing, own)!;
  const unproven = packBits(claimed.map((byte) => ~byte));
  return { ...showing, position, shownAt: packNumbers(shownAt), unproven, judgement: null };
}
