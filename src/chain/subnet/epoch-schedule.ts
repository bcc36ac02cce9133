import { type Snapshot, type StorageReads, type StorageValues, toNumber } from '../node/snapshot.ts';

/** Where a subnet stands in its epochs. */
export interface EpochPosition {
  block: number;
  /** Index of the epoch that `block` belongs to. */
  epoch: number;
  /** First block of the epoch after it; Infinity when the subnet never runs an epoch (tempo 0). */
  nextEpochBlock: number;
  /** Blocks from the start of one epoch to the start of the next. */
  periodBlocks: number;
}

/**
 * The position on runtimes with modulo epochs: the index of block b is floor((b + netuid + 1) / (tempo + 1)), so an epoch
 * is tempo + 1 blocks long.
 */
export function moduloEpoch({ block, netuid, tempo }: { block: number; netuid: number; tempo: number }): EpochPosition {
  if (tempo === 0) return { block, epoch: 0, nextEpochBlock: Number.POSITIVE_INFINITY, periodBlocks: 0 };
  const periodBlocks = tempo + 1;
  const epoch = Math.floor((block + netuid + 1) / periodBlocks);
  return { block, epoch, nextEpochBlock: (epoch + 1) * periodBlocks - (netuid + 1), periodBlocks };
}

/**
 * The position on runtimes that store the schedule: the next epoch is due `tempo` blocks after the last, or sooner where
 * that is pending. One that is overdue begins in the next block at the earliest, and the epochs after it count from there.
 */
export function statefulEpoch({
  block,
  epoch,
  lastEpochBlock,
  pendingEpochBlock,
  tempo,
}: {
  block: number;
  epoch: number;
  lastEpochBlock: number;
  /** 0 when none is pending. */
  pendingEpochBlock: number;
  tempo: number;
}): EpochPosition {
  if (tempo === 0) return { block, epoch, nextEpochBlock: Number.POSITIVE_INFINITY, periodBlocks: 0 };
  const regular = lastEpochBlock + tempo;
  const due = pendingEpochBlock > 0 ? Math.min(regular, pendingEpochBlock) : regular;
  return { block, epoch, nextEpochBlock: Math.max(due, block + 1), periodBlocks: tempo };
}

/** The position in a later block, as far as the schedule can be foreseen. */
export function positionAt(position: EpochPosition, block: number): EpochPosition {
  const { epoch, nextEpochBlock, periodBlocks } = position;
  const further = block < nextEpochBlock ? 0 : 1 + Math.floor((block - nextEpochBlock) / periodBlocks);
  return {
    block,
    epoch: epoch + further,
    nextEpochBlock: nextEpochBlock + further * periodBlocks,
    periodBlocks,
  };
}

/** First and last block of the epoch in which what is committed in the block after `position` is revealed. */
export function revealWindow(position: EpochPosition, revealPeriodEpochs: number): [first: number, last: number] {
  return epochWindow(positionAt(position, position.block + 1), revealPeriodEpochs);
}

/** Blocks of an epoch `ahead` epochs after the current one, as far as the schedule can be foreseen. */
export function epochWindow(
  { nextEpochBlock, periodBlocks }: EpochPosition,
  ahead: number,
): [first: number, last: number] {
  const first = nextEpochBlock + (ahead - 1) * periodBlocks;
  return [first, first + periodBlocks - 1];
}

/** What {@link epochPosition} needs, to be read together with whatever else is wanted. */
export function epochReads(snapshot: Snapshot, netuid: number) {
  const ofSubnet = (item: string) => snapshot.forSubnet(`subtensorModule.${item}`, netuid);
  return {
    block: ['system.number'],
    tempo: ofSubnet('tempo'),
    stored: hasStoredEpochs(snapshot)
      ? {
          epoch: ofSubnet('subnetEpochIndex'),
          lastEpochBlock: ofSubnet('lastEpochBlock'),
          pendingEpochBlock: ofSubnet('pendingEpochAt'),
        }
      : null,
  } satisfies StorageReads;
}

/** The position from the values of {@link epochReads}. */
export function epochPosition(netuid: number, values: StorageValues<ReturnType<typeof epochReads>>): EpochPosition {
  const block = toNumber(values.block);
  const tempo = toNumber(values.tempo);
  if (!values.stored) return moduloEpoch({ block, netuid, tempo });
  return statefulEpoch({
    block,
    epoch: toNumber(values.stored.epoch),
    lastEpochBlock: toNumber(values.stored.lastEpochBlock),
    pendingEpochBlock: toNumber(values.stored.pendingEpochBlock),
    tempo,
  });
}

/** Whether the runtime stores its epochs, or they follow from the block number. */
export function hasStoredEpochs(snapshot: Snapshot): boolean {
  return snapshot.has('subtensorModule.subnetEpochIndex');
}
