import * as z from 'zod';

/**
 * Whose subnet a netuid names. Netuids are given to other projects once a subnet ends; the registration block tells one
 * holder of a number from the next.
 * @example
 * const identity = SubnetIdentity.parse(JSON.parse(text));
 * console.log(subnetText(identity));
 */
export const SubnetIdentity = z.object({
  netuid: z.int().nonnegative(),
  /** Hash of the chain's first block, `0x` and 64 hex digits: which network this is. */
  genesisHash: z.string(),
  /** Block in which the subnet was registered; `null` on runtimes that do not tell. */
  registrationBlock: z.int().nonnegative().nullable(),
  /** The owner's coldkey, ss58; `null` where there is none. */
  owner: z.string().nullable(),
  /** What the owner calls it; `null` when it has given no name. */
  name: z.string().nullable(),
});
export type SubnetIdentity = z.infer<typeof SubnetIdentity>;

/** Which subnet is meant: what is left out is not compared. */
export type ExpectedSubnet = Partial<Pick<SubnetIdentity, 'genesisHash' | 'registrationBlock'>>;

/** The subnet in a few words, for people. */
export function subnetText({ netuid, name, owner, registrationBlock }: SubnetIdentity): string {
  const called = name === null ? 'without a name' : `"${name}"`;
  const since = registrationBlock === null ? '' : `, registered in block ${registrationBlock}`;
  return `subnet ${netuid} (${called}, ${owner === null ? 'without an owner' : `owner ${owner}`}${since})`;
}
