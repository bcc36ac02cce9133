import type { EvaluationSetsRule } from '../schema/evaluation-sets.ts';
import type { Commitment } from '../schema/metagraph.ts';

/** What the chain says of a list: which commit it is read at, and its last line. One text a hotkey, so one list for all. */
export interface Announcement {
  /** Number of the last set. */
  index: number;
  /** 40-hex commit sha of the repository with list and files. */
  commit: string;
  /** SHA-256 of the last line, hex. */
  head: string;
}

export const MOST_INDEX = 9_999_999;
const FORM = /^flock-off sets (0|[1-9]\d{0,6}) ([0-9a-f]{40}) ([A-Za-z0-9_-]{43})$/;

/** As it is committed: 106 letters at most, where the chain has room for 128. */
export function announcementText({ index, commit, head }: Announcement): string {
  return `flock-off sets ${index} ${commit} ${Buffer.from(head, 'hex').toString('base64url')}`;
}

/** `null` for another text. */
export function parseAnnouncement(text: string | null): Announcement | null {
  const [, index, commit, head] = FORM.exec(text ?? '') ?? [];
  if (index === undefined || commit === undefined || head === undefined) return null;
  return { index: Number(index), commit, head: Buffer.from(head, 'base64url').toString('hex') };
}

/** What the signer had committed in the block that an epoch begins with, and in which; `null` where that is no list. */
export function announcedIn(
  { signer }: Pick<EvaluationSetsRule, 'signer'>,
  commitments: Pick<Commitment, 'hotkey' | 'text' | 'block'>[],
): (Announcement & { block: number }) | null {
  const commitment = commitments.find(({ hotkey }) => hotkey === signer);
  const announcement = parseAnnouncement(commitment?.text ?? null);
  return announcement && commitment ? { ...announcement, block: commitment.block } : null;
}

/** Why a list is not used as it was announced: nobody may have seen what it measures by then. */
export function listFault(
  announcement: { block: number } | null,
  until: { block: number },
): 'not-announced' | 'late' | null {
  if (announcement === null) return 'not-announced';
  return announcement.block > until.block ? 'late' : null;
}
