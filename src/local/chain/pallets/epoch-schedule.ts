import type { Storage } from '../state/storage.ts';

/** After so many blocks without an epoch one is due, whatever the tempo. */
const MAX_BLOCKS_BETWEEN_EPOCHS = 50_400;

/**
 * Index of the epoch that a block belongs to. `legacy`: it follows from the block number, and an epoch is tempo + 1
 * blocks long. `current`: it is stored and counted up in the block where the epoch is due, `tempo` blocks after the last.
 */
export function epochIndex(storage: Storage, netuid: number, block: number): number {
  if (storage.profile === 'legacy')
    return Math.floor((block + netuid + 1) / (storage.get<number>('SubtensorModule.Tempo', netuid) + 1));
  const index = storage.get<number>('SubtensorModule.SubnetEpochIndex', netuid);
  return epochIsDue(storage, netuid, block) ? index + 1 : index;
}

/** Whether a subnet's epoch is to run in a block. `legacy`: in the last block of the epoch; `current`: in its first. */
export function epochIsDue(storage: Storage, netuid: number, block: number): boolean {
  const get = (item: string) => storage.get<number>(`SubtensorModule.${item}`, netuid);
  const tempo = get('Tempo');
  if (tempo === 0) return false;
  if (storage.profile === 'legacy') return (block + netuid + 1) % (tempo + 1) === tempo;
  const pendingAt = get('PendingEpochAt');
  return (
    block - get('LastEpochBlock') >= tempo ||
    (pendingAt > 0 && block >= pendingAt) ||
    get('BlocksSinceLastStep') > MAX_BLOCKS_BETWEEN_EPOCHS
  );
}

/** First block of an epoch (`legacy`). */
export function firstBlockOfEpoch(storage: Storage, netuid: number, epoch: number): number {
  return epoch * (storage.get<number>('SubtensorModule.Tempo', netuid) + 1) - (netuid + 1);
}
