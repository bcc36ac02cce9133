import type { Commitment, Metagraph } from '../../schema/metagraph.ts';
import type { SubnetIdentity } from '../../schema/subnet-identity.ts';
import { isDropped } from '../node/dropped-state.ts';
import { type ChainValue, type Snapshot, type StorageRead, toNullable, toNumber } from '../node/snapshot.ts';
import { readCommitments } from './commitments.ts';
import { identityOf, identityReads } from './identity.ts';
import { readMetagraph } from './metagraph.ts';

/** A subnet and what everybody has committed on it, as of one block. */
export interface Subnet {
  metagraph: Metagraph;
  /** By hotkey. Hotkeys that left the subnet are still in it. */
  commitments: Map<string, Commitment>;
}

/** A subnet as of an earlier block. */
export interface SubnetAt extends Subnet {
  /** When that block was made, by the chain's clock: milliseconds UTC. */
  timeMs: number;
  /** Of the subnet's owner; `null` where it has none that is registered. */
  ownerUid: number | null;
}

/** In the two round trips that each part would take alone. */
export async function readSubnet(snapshot: Snapshot, netuid: number): Promise<Subnet> {
  const [metagraph, commitments] = await Promise.all([
    readMetagraph(snapshot, netuid),
    readCommitments(snapshot, netuid),
  ]);
  return { metagraph, commitments };
}

/** Whose subnet it is, in one round trip. */
export async function readIdentity(snapshot: Snapshot, netuid: number): Promise<SubnetIdentity> {
  return identityOf(netuid, snapshot.genesisHash, await snapshot.read(identityReads(snapshot, netuid)));
}

const UPGRADE = 'system.lastRuntimeUpgrade';

/**
 * The same as of another block. `null` where the node does not keep its state any more (most keep that of 256 blocks), has
 * no such block yet, or another runtime made it, whose storage the description of this one may misread.
 */
export async function readSubnetAt(snapshot: Snapshot, netuid: number, block: number): Promise<SubnetAt | null> {
  const past = await snapshot.at(block);
  if (past === null) return null;
  try {
    const [subnet, { timeMs, ownerHotkey, owner }, ...runtimes] = await Promise.all([
      readSubnet(past, netuid),
      past.read({
        timeMs: ['timestamp.now'],
        ownerHotkey: past.optional(['subtensorModule.subnetOwnerHotkey', netuid]),
        owner: past.optional(['subtensorModule.subnetOwner', netuid]),
      }),
      ...(snapshot.canRead([UPGRADE]) ? [past, snapshot] : []).map((at) => at.readEntry(UPGRADE)),
    ]);
    if (runtimes[0]?.hex !== runtimes[1]?.hex) return null;
    const { neurons } = subnet.metagraph;
    // The hotkey that the chain names; where it names none, the owner's first by uid.
    const owners = neurons.filter(({ coldkey }) => coldkey === String(owner));
    const named = neurons.find(({ hotkey }) => hotkey === String(ownerHotkey)) ?? owners[0];
    return { ...subnet, timeMs: toNumber(timeMs), ownerUid: named?.uid ?? null };
  } catch (error) {
    if (isDropped(error)) return null;
    throw error;
  }
}

/** The uid of a hotkey on a subnet, `null` when it is not registered. */
export async function readUid(snapshot: Snapshot, netuid: number, hotkey: string): Promise<number | null> {
  return uidOf((await snapshot.read({ uid: uidRead(netuid, hotkey) })).uid);
}

export function uidRead(netuid: number, hotkey: string): StorageRead {
  return ['subtensorModule.uids', netuid, hotkey];
}

/** From what {@link uidRead} asked for. */
export function uidOf(value: ChainValue): number | null {
  const uid = toNullable(value);
  return uid && toNumber(uid);
}
