import { createHash } from 'node:crypto';
import type { Snapshot } from '../chain/node/snapshot.ts';
import { waitForFinalBlock } from '../chain/subnet/final-block.ts';
import type { SubnetAt } from '../chain/subnet/subnet.ts';
import { safeLogger } from '../shared/logger.ts';
import type { EpochStart, StateHistory } from './state-store.ts';
import type { Validator } from './validator.ts';

/**
 * Blocks from an epoch's first to the one whose hash seeds it: whoever commits before the epoch begins does not know that
 * hash. Its author has some choice, though: which transactions he takes, and in what order, makes other hashes, of which he
 * may publish the one that suits him.
 */
export const SEED_DELAY_BLOCKS = 3;

export interface BeginningEpoch {
  start: EpochStart;
  /** Seeds the draw, and through it the training; the same for every validator: 0..2^32 - 1. */
  seed: number;
  genesisHash: string;
}

/** In place of a wait: no epoch can be begun before a block. */
export class NotDue extends Error {
  readonly untilBlock: number;

  constructor(untilBlock: number) {
    super(
      `its next epoch begins in block ${untilBlock}, since the node does not keep the state that the last one began with`,
    );
    this.untilBlock = untilBlock;
  }
}

/**
 * The epoch that is in progress, as every validator sees it: epochs begin at multiples of `blocksPerEpoch`, and the subnet
 * is read as of that block. One that is finished already, or whose first block the node has dropped, is over: the next one
 * is waited for.
 * @throws NotDue where it is not to be waited for.
 */
export async function findEpochStart(
  validator: Validator,
  history: StateHistory | null,
  signal?: AbortSignal,
  { waits = true }: { waits?: boolean } = {},
): Promise<BeginningEpoch> {
  const { netuid, competition, subtensor, metadata } = validator;
  const { blocksPerEpoch } = competition;
  const logger = safeLogger(validator.logger);
  let earliest = history === null ? 0 : await firstBlockAfter(validator, history, signal);
  for (;;) {
    const current = await subtensor.waitForBlock({ block: earliest, signal });
    const startBlock = current - (current % blocksPerEpoch);
    const seedBlock = startBlock + SEED_DELAY_BLOCKS;
    const { hash, genesisHash } = await waitForFinalBlock({ chain: subtensor, block: seedBlock, signal });
    const subnet = await metadata.readSubnetAt({ block: startBlock, signal });
    if (subnet) {
      const seed = seedOf({ genesisHash, netuid, blockHash: hash, competition: competition.id });
      return { start: { startBlock, seedBlock, seedBlockHash: hash, ...startOf(subnet) }, seed, genesisHash };
    }
    earliest = startBlock + blocksPerEpoch;
    logger.info(
      `the epoch in progress began in block ${startBlock}, whose state the node does not keep: the next one begins in block ${earliest}, ${earliest - current} to go`,
    );
    if (!waits) throw new NotDue(earliest);
  }
}

/** Nobody knows it before the block of that hash is there, and everybody computes the same. */
export function seedOf(of: { genesisHash: string; netuid: number; blockHash: string; competition: string }): number {
  const { genesisHash, netuid, blockHash, competition } = of;
  const text = JSON.stringify(['flock-off epoch', genesisHash, netuid, blockHash, competition]);
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}

/** The first block that may begin the epoch after the last one. A chain that was begun anew has no epoch behind it. */
export async function firstBlockAfter(
  { competition: { blocksPerEpoch }, subtensor }: Validator,
  { lastStartBlock, genesisHash }: StateHistory,
  signal?: AbortSignal,
): Promise<number> {
  if (lastStartBlock === null) return 0;
  const use = async (snapshot: Snapshot) => snapshot.genesisHash;
  const seen = await subtensor.read({ what: 'looking which chain this is', use, signal });
  return seen === genesisHash ? (Math.floor(lastStartBlock / blocksPerEpoch) + 1) * blocksPerEpoch : 0;
}

/** What an epoch rests on of the subnet: who left it has no part in it. */
export function startOf({
  metagraph,
  commitments,
  timeMs,
  ownerUid,
}: SubnetAt): Omit<EpochStart, 'startBlock' | 'seedBlock' | 'seedBlockHash'> {
  const neurons = metagraph.neurons.map(({ uid, hotkey, coldkey, registrationBlock, consensus }) => {
    return { uid, hotkey, coldkey, registrationBlock, consensus };
  });
  return { timeMs, ownerUid, neurons, commitments: neurons.flatMap(({ hotkey }) => commitments.get(hotkey) ?? []) };
}
