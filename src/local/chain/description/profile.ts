/**
 * The two generations of Subtensor's runtime that the local chain can be.
 *
 * - `legacy`, as specs 218 to 233: commitments have a cooldown, epochs follow from the block number, weights are
 *   committed as a hash and revealed later.
 * - `current`, as spec 425: commitments have a budget of bytes, epochs are stored, weights and commitments can be locked
 *   until a round of the drand beacon, a subnet has mechanisms, and the pool rejects calls that would fail.
 */
export type Profile = 'legacy' | 'current';

export const SPEC_VERSIONS: Record<Profile, number> = { legacy: 218, current: 425 };

/** Something a runtime describes: in both profiles unless it says which one has it. */
export interface InProfile {
  only?: Profile;
}

/** Marks items that only one profile has. */
export function only<T extends object>(profile: Profile, items: T[]): (T & InProfile)[] {
  return items.map((item) => ({ ...item, only: profile }));
}

/** The items of a list that a profile has. */
export function present<T extends object>(items: (T & InProfile)[], profile: Profile): T[] {
  return items.filter((item) => item.only === undefined || item.only === profile);
}
