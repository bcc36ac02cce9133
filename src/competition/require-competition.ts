import type { Chain } from '../chain/chain.ts';
import { requireSubnet } from '../chain/subnet/identity.ts';
import { readOwnerAt } from '../chain/subnet/owner-at.ts';
import type { SubnetIdentity } from '../schema/subnet-identity.ts';
import { badCompetition } from './bad-competition.ts';
import type { FoundedCompetition } from './read-document.ts';
import { referenceText } from './reference.ts';
import { requireBlockTime } from './require-block-time.ts';

export interface RequireCompetitionParameters {
  founded: FoundedCompetition;
  subtensor: Pick<Chain, 'read'>;
  /** Whether it need not count yet. Default false. */
  early?: boolean;
  signal?: AbortSignal;
}

export interface RequireCompetitionReturnType {
  /** As it is now. */
  subnet: SubnetIdentity;
  /** What the operator should know though it refuses nothing: one clause each. */
  remarks: string[];
}

/**
 * Compares a competition with the chain: it is of the subnet that has the number there now, whoever signed it owned that
 * subnet at the block that it names, and it counts already. Where the node does not keep the state of that block any more,
 * the owner of now must be the same. With time-locked sets, blocks are no further apart than its policy says.
 * @throws FlockOffError `wrong-subnet`; `bad-competition` (`owner`, `evaluation`, `not-yet`); `bad-argument` when the chain has no such
 *   subnet; what reading the chain throws.
 * @example
 * const { subnet, remarks } = await requireCompetition({ founded, subtensor });
 * console.log(subnetText(subnet), remarks);
 */
export async function requireCompetition(
  parameters: RequireCompetitionParameters,
): Promise<RequireCompetitionReturnType> {
  const { founded, subtensor, early = false, signal } = parameters;
  const { subnet, owner, countsFromBlock } = founded.document;
  const name = referenceText(founded.reference);
  const seen = await subtensor.read({
    what: 'reading who owned the subnet',
    use: (snapshot) => readOwnerAt(snapshot, subnet.netuid, owner.block),
    signal,
  });
  const { genesisHash, registrationBlock } = subnet;
  requireSubnet({ seen: seen.now, expected: { genesisHash, registrationBlock: registrationBlock ?? undefined } });
  const refuse = (why: string, fix?: string) => {
    throw badCompetition({ competition: name, problem: 'owner', why, fix });
  };
  const whose = `owner of subnet ${subnet.netuid}`;
  if (seen.owner === null)
    refuse(`names block ${owner.block} for its ${whose}, and this chain is at block ${seen.block}`);
  const registeredIn = seen.now.registrationBlock;
  if (registrationBlock === null && registeredIn !== null)
    refuse(`does not say in which block its subnet was registered, and this chain tells it: ${registeredIn}`);
  if (owner.block < (registeredIn ?? 0))
    refuse(`names block ${owner.block} for its ${whose}, which was registered only in block ${registeredIn}`);
  if (seen.owner === 'unknown' && seen.now.owner !== owner.address)
    refuse(
      `was signed by ${owner.address}, the ${whose} is ${seen.now.owner ?? 'nobody'} now, and this node no longer has the state of block ${owner.block}, at which that is said to have been another`,
      'use an archive node (--subtensor.network archive), or have it signed by the owner of now',
    );
  if (seen.owner !== 'unknown' && seen.owner !== owner.address)
    refuse(`was signed by ${owner.address}, and at block ${owner.block} the ${whose} was ${seen.owner}`);
  await requireBlockTime({ name, competition: founded.competition, subtensor, signal });
  if (!early && countsFromBlock > seen.block)
    throw badCompetition({
      ...{ competition: name, problem: 'not-yet', firstBlock: countsFromBlock },
      why: `counts from block ${countsFromBlock} on, and the chain is at block ${seen.block}`,
      fix: 'start this again then; until then the version before it counts',
    });
  const remarks =
    seen.now.owner === owner.address
      ? []
      : [`the subnet's owner has changed since it was signed: it is ${seen.now.owner ?? 'nobody'} now`];
  return { subnet: seen.now, remarks };
}
