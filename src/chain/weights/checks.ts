import { FlockOffError } from '../../errors/flock-off-error.ts';
import { RAO } from '../subnet/owners.ts';
import type { WeightTerms } from './terms.ts';

/**
 * What the chain would refuse anyway, said before anything is sent and with what would help.
 * @throws FlockOffError `chain-rejected` without a validator permit, or with too little stake.
 */
export function requireMaySetWeights(terms: WeightTerms, netuid: number): void {
  if (!terms.isOwner || terms.isNullConsensus) requirePermit(terms, netuid);
  if (!terms.isOwner) requireStake(terms, netuid);
}

function requirePermit({ validatorPermit, uid, position, isNullConsensus }: WeightTerms, netuid: number): void {
  if (validatorPermit) return;
  const { block, nextEpochBlock } = position;
  throw new FlockOffError({
    code: 'chain-rejected',
    what: `uid ${uid} of subnet ${netuid} has no validator permit, so it cannot set weights${isNullConsensus ? ' (under Null consensus the owner needs one too)' : ''}`,
    fix: Number.isFinite(nextEpochBlock)
      ? `permits go to the highest stakes at the subnet's next epoch, in block ${nextEpochBlock} (now ${block}): add stake, or wait for it`
      : 'check --netuid: permits are given in epochs, and this subnet runs none (its tempo is 0)',
    facts: { section: 'subtensorModule', name: 'NeuronNoValidatorPermit', uid, nextEpochBlock },
  });
}

function requireStake({ stake, uid }: WeightTerms, netuid: number): void {
  if (!stake || stake.seenRao >= stake.leastRao) return;
  const { seenRao, leastRao } = stake;
  throw new FlockOffError({
    code: 'chain-rejected',
    what: `uid ${uid} of subnet ${netuid} has a stake weight of ${inTao(seenRao)}, and the chain takes weights from ${inTao(leastRao)} on`,
    fix: `add stake worth ${inTao(leastRao - seenRao)}: it counts from the next block on`,
    facts: {
      section: 'subtensorModule',
      name: 'NotEnoughStakeToSetWeights',
      uid,
      stakeRao: String(seenRao),
      leastStakeRao: String(leastRao),
    },
  });
}

/**
 * Committed weights are revealed in a later epoch.
 * @throws FlockOffError `chain-rejected` for a subnet that runs none.
 */
export function requireEpochs({ position }: WeightTerms, netuid: number): void {
  if (Number.isFinite(position.nextEpochBlock)) return;
  throw new FlockOffError({
    code: 'chain-rejected',
    what: `subnet ${netuid} wants weights committed and runs no epochs (its tempo is 0), so they would never be revealed`,
    fix: 'check --netuid, or ask the owner of the subnet to set a tempo',
    facts: { netuid },
  });
}

function inTao(rao: bigint): string {
  return `${Number(rao) / RAO} TAO`;
}

/** First block that may hold the hotkey's next weight call, by the weights rate limit; one that has passed when it may be sent at once. */
export function nextWeightsBlock({ lastUpdateBlock, rateLimitBlocks }: WeightTerms): number {
  // Registering counts as an update; without any there is no limit.
  return lastUpdateBlock === 0 ? 0 : lastUpdateBlock + rateLimitBlocks;
}
