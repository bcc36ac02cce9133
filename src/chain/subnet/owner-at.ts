import type { SubnetIdentity } from '../../schema/subnet-identity.ts';
import { isDropped } from '../node/dropped-state.ts';
import { type Snapshot, toNumber } from '../node/snapshot.ts';
import { NOBODY } from './identity.ts';
import { readIdentity } from './subnet.ts';

/** Whose a subnet is, and whose it was. */
export interface OwnerAt {
  /** As of the best block. */
  now: SubnetIdentity;
  /** The best block. */
  block: number;
  /**
   * The owner's coldkey at the block that was asked for; `unknown` where the node does not keep the state of that block any
   * more, or holds none under this name in it; `null` where the chain has not come to that block.
   */
  owner: string | 'unknown' | null;
}

/**
 * Reads whose a subnet is now and was at a block.
 * @throws FlockOffError `bad-argument` when there is no such subnet now.
 */
export async function readOwnerAt(snapshot: Snapshot, netuid: number, block: number): Promise<OwnerAt> {
  const now = await readIdentity(snapshot, netuid);
  const best = toNumber(await snapshot.get('system.number'));
  const past = block > best ? null : await snapshot.at(block);
  return { now, block: best, owner: past && (await readOwner(past, netuid)) };
}

async function readOwner(past: Snapshot, netuid: number): Promise<string | 'unknown'> {
  try {
    const { owner } = await past.read({ owner: past.optional(['subtensorModule.subnetOwner', netuid]) });
    // Another runtime, which made that block, may keep it elsewhere.
    return owner === null || String(owner) === NOBODY ? 'unknown' : String(owner);
  } catch (error) {
    if (isDropped(error)) return 'unknown';
    throw error;
  }
}
