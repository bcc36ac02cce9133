import type { Commitment, Metagraph } from '../../schema/metagraph.ts';
import { type Snapshot, toNullable, toNumber } from '../node/snapshot.ts';
import { readCommitments } from './commitments.ts';
import { readMetagraph } from './metagraph.ts';

/** A subnet and what everybody has committed on it, as of one block. */
export interface Subnet {
  metagraph: Metagraph;
  /** By hotkey. Hotkeys that left the subnet are still in it. */
  commitments: Map<string, Commitment>;
}

/** In the two round trips that each part would take alone. */
export async function readSubnet(snapshot: Snapshot, netuid: number): Promise<Subnet> {
  const [metagraph, commitments] = await Promise.all([
    readMetagraph(snapshot, netuid),
    readCommitments(snapshot, netuid),
  ]);
  return { metagraph, commitments };
}

/** The uid of a hotkey on a subnet, `null` when it is not registered. */
export async function readUid(snapshot: Snapshot, netuid: number, hotkey: string): Promise<number | null> {
  const uid = toNullable(await snapshot.get('subtensorModule.uids', netuid, hotkey));
  return uid && toNumber(uid);
}
