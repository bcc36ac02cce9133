import type { MetadataStore } from '../chain/commitments/metadata-store.ts';
import type { Commitment } from '../schema/metagraph.ts';
import type { Ledger } from './ledger/ledger.ts';
import { blockOf, type Position, toPosition } from './ledger/position.ts';
import type { ReadPointer } from './pointers.ts';

export interface ReadPositionsParameters {
  pointers: Map<string, ReadPointer>;
  commitments: Commitment[];
  ledger: Ledger;
  signal?: AbortSignal;
}

/**
 * When each valid pointer was committed, by hotkey: its block, and the place of the transaction in it. The chain is asked
 * about new pointers only. One from before its hotkey's registration counts from that block, after all others.
 */
export async function readPositions(
  { metadata }: { metadata: Pick<MetadataStore, 'readPositions'> },
  { pointers, commitments, ledger, signal }: ReadPositionsParameters,
): Promise<Map<string, Position>> {
  const positions = new Map<string, Position>();
  const committed = new Map(commitments.map((commitment) => [commitment.hotkey, commitment]));
  const unknown: Commitment[] = [];
  for (const { hotkey, uid, submission } of pointers.values()) {
    if (!submission.ok) continue;
    const { pointer, commitBlock } = submission.value;
    const known = ledger.showing(hotkey, pointer)?.position;
    const commitment = committed.get(hotkey)!;
    // Shown when the pointer was committed, or later: it was read too late then, and keeps that date.
    if (known !== undefined && blockOf(known) >= commitBlock) positions.set(hotkey, known);
    else if (commitment.block === commitBlock) unknown.push(commitment);
    else positions.set(hotkey, toPosition(commitBlock, null, uid));
  }
  if (unknown.length === 0) return positions;
  const places = await metadata.readPositions({ commitments: unknown, signal });
  for (const { hotkey, block } of unknown)
    positions.set(hotkey, toPosition(block, places.get(hotkey) ?? null, pointers.get(hotkey)!.uid));
  return positions;
}
