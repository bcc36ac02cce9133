import { toItems, toTuple } from '../codec/chain-value.ts';
import { isDropped } from '../node/dropped-state.ts';
import { type ChainValue, type Snapshot, toNumber } from '../node/snapshot.ts';

/** Where in their block commitments were made: the transaction's place in it, by hotkey. */
export type BlockPositions = Map<string, number>;

export interface CommitmentPositions {
  /** By block; `null` where the node no longer keeps the block's state, or has events that are not read. */
  positions: Map<number, BlockPositions | null>;
  /** The last block that cannot be taken back: what is read up to it stays true. */
  finalBlock: number;
}

interface EventRecord {
  phase: { isApplyExtrinsic: boolean; asApplyExtrinsic: ChainValue };
  event: { section: string; method: string; data: ChainValue };
}

/**
 * Which transaction of each block set whose commitment, in three round trips. It is told by the events, so that a call
 * inside a batch, or one that a proxy made, is found too. Of several commitments of one hotkey in one block the last
 * counts, whose text is what is stored. A time-locked one has no place: the chain opens it outside of any transaction.
 */
export async function readBlockPositions(
  snapshot: Snapshot,
  netuid: number,
  blocks: number[],
): Promise<CommitmentPositions> {
  const [finalBlock, ...snapshots] = await Promise.all([
    snapshot.finalBlock(),
    ...blocks.map((block) => snapshot.at(block)),
  ]);
  const read = await Promise.all(snapshots.map((at) => at && readPositionsOf(at, netuid)));
  return { positions: new Map(blocks.map((block, i) => [block, read[i] ?? null])), finalBlock };
}

async function readPositionsOf(snapshot: Snapshot, netuid: number): Promise<BlockPositions | null> {
  const events = await readEvents(snapshot);
  if (events === null) return null;
  const positions: BlockPositions = new Map();
  for (const { phase, event } of events) {
    if (!phase.isApplyExtrinsic || event.section !== 'commitments' || event.method !== 'Commitment') continue;
    const { subnet, who } = toTuple(event.data, ['subnet', 'who']);
    if (toNumber(subnet) === netuid) positions.set(String(who), toNumber(phase.asApplyExtrinsic));
  }
  return positions;
}

/** The events of a block, `null` where the node has dropped them, or the runtime of that block had others. */
async function readEvents(snapshot: Snapshot): Promise<EventRecord[] | null> {
  const read = await snapshot.readEntry('system.events').catch((error: unknown) => {
    if (isDropped(error)) return null;
    throw error;
  });
  if (read === null || read.hex === null) return null;
  try {
    const events = read.value();
    // Events of another runtime may decode as something, and leave bytes over.
    if (events.encodedLength !== read.hex.length / 2 - 1) return null;
    return toItems(events) as unknown as EventRecord[];
  } catch {
    return null;
  }
}
