import type { RoomParameters } from '../../chain/commitments/chain-metadata-store.ts';
import type { CommitmentRoom } from '../../chain/subnet/commitments.ts';
import type { Competition } from '../../schema/competition.ts';

export interface CommitTermsParameters {
  /** A {@link ChainMetadataStore}. */
  metadata: { room(parameters: RoomParameters): Promise<CommitmentRoom> };
  competition: Competition;
  /** ss58 address of who would commit. */
  hotkey: string;
  /** Length of the pointer's text. Default 128, the longest that every validator reads. */
  bytes?: number;
  signal?: AbortSignal;
}

/** When the chain would take a pointer of this hotkey, and what comes after: plain JSON. Minutes are of 12 seconds a block. */
export interface CommitTerms {
  block: number;
  /** First block that may hold it; `null` where no epoch to come has room for it. */
  firstBlock: number | null;
  blocksLeft: number | null;
  minutesLeft: number | null;
  /** What of the chain's budget it takes; `null` on runtimes that ask for a cooldown instead. */
  budget: { bytes: number; ofBytes: number } | null;
  /** The chain takes no fee for a pointer; TAO. */
  feeTao: 0;
  /** Until this block validators wait for the dataset to be readable, were it committed in `firstBlock`. */
  readableUntilBlock: number | null;
  /** The competition's first epoch in which it would take part. */
  epochBlock: number | null;
  epochMinutesLeft: number | null;
}

const SECONDS_PER_BLOCK = 12;
/** Pallet Commitments counts no pointer as less. */
const LEAST_BYTES = 100;
const LONGEST_POINTER = 128;

/**
 * What committing costs, and when the chain takes it. Reads only.
 * @throws FlockOffError `chain-unreachable`, `timeout`.
 * @example
 * const metadata = new ChainMetadataStore({ subtensor, netuid });
 * const { blocksLeft, minutesLeft } = await commitTerms({ metadata, competition, hotkey: hotkey.address });
 * console.log(blocksLeft === null ? 'never' : `in ${blocksLeft} blocks (${minutesLeft} min)`);
 */
export async function commitTerms(parameters: CommitTermsParameters): Promise<CommitTerms> {
  const { metadata, competition, hotkey, bytes = LONGEST_POINTER, signal } = parameters;
  const { block, firstBlock, maxBytes } = await metadata.room({ hotkey, bytes, signal });
  const budget = maxBytes === null ? null : { bytes: Math.max(LEAST_BYTES, bytes), ofBytes: maxBytes };
  if (!Number.isFinite(firstBlock)) {
    const never = { firstBlock: null, blocksLeft: null, minutesLeft: null };
    const then = { readableUntilBlock: null, epochBlock: null, epochMinutesLeft: null };
    return { block, ...never, budget, feeTao: 0, ...then };
  }
  const first = Math.max(firstBlock, block + 1);
  // Pointers count as of the first block of an epoch.
  const epochBlock = Math.ceil(first / competition.blocksPerEpoch) * competition.blocksPerEpoch;
  return {
    ...{
      block,
      firstBlock: first,
      blocksLeft: first - block,
      minutesLeft: minutesOf(first - block),
      budget,
      feeTao: 0,
    },
    readableUntilBlock: first + competition.readableWithinBlocks,
    ...{ epochBlock, epochMinutesLeft: minutesOf(epochBlock - block) },
  };
}

function minutesOf(blocks: number): number {
  return (blocks * SECONDS_PER_BLOCK) / 60;
}
