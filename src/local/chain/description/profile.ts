/**
 * The generations of Subtensor's runtime that the local chain can be, oldest first.
 *
 * - `legacy`, as specs 218 to 233: commitments have a cooldown, epochs follow from the block number, weights are
 *   committed as a hash and revealed later.
 * - `current`, as spec 425: commitments have a budget of bytes, epochs are stored, weights and commitments can be locked
 *   until a round of the drand beacon, a subnet has mechanisms, and the pool rejects calls that would fail.
 * - `latest`, near spec 475: a consensus for each subnet, time-locked commitments that cannot be decrypted are marked as
 *   such.
 */
export type Profile = 'legacy' | 'current' | 'latest';

const ORDER: Profile[] = ['legacy', 'current', 'latest'];

/**
 * What chains report. Their errors are those of later runtimes of the same generation, whose metadata is at hand: of 219
 * on a chain that reports 218, of 432 on one that reports 425.
 */
export const SPEC_VERSIONS: Record<Profile, number> = { legacy: 218, current: 425, latest: 475 };

/** Something a runtime describes: in every profile unless it says in which it came and with which it went. */
export interface InProfile {
  since?: Profile;
  before?: Profile;
}

/** Marks items that came with a profile. */
export function since<T extends object>(profile: Profile, items: T[]): (T & InProfile)[] {
  return items.map((item) => ({ ...item, since: profile }));
}

/** Marks items that were gone with a profile. */
export function before<T extends object>(profile: Profile, items: T[]): (T & InProfile)[] {
  return items.map((item) => ({ ...item, before: profile }));
}

/** The items of a list that a profile has. */
export function present<T extends object>(items: (T & InProfile)[], profile: Profile): T[] {
  const at = ORDER.indexOf(profile);
  return items.filter(
    (item) =>
      (item.since === undefined || at >= ORDER.indexOf(item.since)) &&
      (item.before === undefined || at < ORDER.indexOf(item.before)),
  );
}
