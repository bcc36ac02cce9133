/** Places in a block: more transactions than it can hold. */
const PLACES = 65_536;
/** From here on places stand for "not known": after all known ones, the lower uid first. */
const UNKNOWN = 32_768;

/** When something was shown, as one number that grows with time: block * 65,536 + place of the transaction in the block. */
export type Position = number;

/** @param place of the transaction in its block, `null` where it is not known: then the uid decides, after all known ones. */
export function toPosition(block: number, place: number | null, uid: number): Position {
  return block * PLACES + Math.min(place ?? UNKNOWN + uid, PLACES - 1);
}

export function blockOf(position: Position): number {
  return Math.floor(position / PLACES);
}

/** After everything in a block. */
export function endOf(block: number): Position {
  return block * PLACES + PLACES - 1;
}
