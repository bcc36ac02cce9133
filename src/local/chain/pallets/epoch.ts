import { proportions } from '../../../shared/proportions.ts';
import type { Storage } from '../state/storage.ts';
import { epochIsDue } from './epoch-schedule.ts';
import type { PalletContext } from './pallet-context.ts';
import { isNullConsensus, mechanismCount, mechanismIndex, stakeOf } from './subnets.ts';
import { revealTimelockedWeights } from './timelocked-weights.ts';

const U16_MAX = 65_535;
/** Share of the stake that must support a weight for it to be the consensus. */
const KAPPA = 0.5;
/** Epochs of all subnets in one block; the others are deferred to the next block. */
const MAX_EPOCHS_PER_BLOCK = { legacy: Number.POSITIVE_INFINITY, current: 2, latest: 32 };
/** Alpha that a subnet emits in a block, in smallest units (rao), and the share of miners, and of validators, in it. */
const EMISSION_PER_BLOCK = 1_000_000_000;
const SHARE_OF_EACH_SIDE = 0.41;

/**
 * What a block does for each subnet before its transactions: reveals the time-locked weights that are due, runs the
 * epoch where it is due, and counts the blocks since.
 */
export function epochStep(context: PalletContext, netuids: number[]): void {
  const { storage, block } = context;
  let left = MAX_EPOCHS_PER_BLOCK[storage.profile];
  for (const netuid of netuids) {
    if (storage.profile !== 'legacy') revealTimelockedWeights(context, netuid);
    const isDue = epochIsDue(storage, netuid, block);
    const runs = isDue && left > 0;
    if (runs) {
      left--;
      runEpoch(storage, netuid);
      if (storage.profile !== 'legacy') beginEpoch(storage, netuid, block);
      storage.put('SubtensorModule.LastMechansimStepBlock', netuid, block);
    } else if (isDue) {
      storage.put('SubtensorModule.PendingEpochAt', netuid, block + 1);
      context.emit('SubtensorModule.EpochDeferred', netuid, block, block + 1);
    }
    const since = storage.get<number>('SubtensorModule.BlocksSinceLastStep', netuid) + 1;
    storage.put('SubtensorModule.BlocksSinceLastStep', netuid, runs ? 0 : since);
  }
}

function beginEpoch(storage: Storage, netuid: number, block: number): void {
  const index = storage.get<number>('SubtensorModule.SubnetEpochIndex', netuid);
  storage.put('SubtensorModule.SubnetEpochIndex', netuid, index + 1);
  storage.put('SubtensorModule.LastEpochBlock', netuid, block);
  storage.put('SubtensorModule.PendingEpochAt', netuid, 0);
}

interface Validator {
  uid: number;
  stake: number;
}

/**
 * A subnet's epoch: Yuma consensus, simplified. For each neuron the consensus is the highest weight that at least half
 * of the permitted stake supports; weights above it are clipped; incentive is the stake-weighted sum of the clipped
 * weights; validator trust is the part of a validator's weights that was not clipped, and dividends are stake times that
 * trust. Bonds are left out, and emission is not added to anybody's stake. The highest stakes get the permits for the
 * next epoch.
 */
function runEpoch(storage: Storage, netuid: number): void {
  const stakes = stakesOf(storage, netuid);
  const permits = storage.get<boolean[]>('SubtensorModule.ValidatorPermit', netuid);
  const total = stakes.reduce((sum, stake, uid) => sum + (permits[uid] ? stake : 0), 0);
  if (total > 0) {
    const validators = stakes.flatMap((stake, uid) => (permits[uid] ? [{ uid, stake: stake / total }] : []));
    for (let mecid = 0; mecid < mechanismCount(storage, netuid); mecid++)
      yumaConsensus(storage, netuid, mechanismIndex(netuid, mecid), validators);
    putEmission(storage, netuid);
  }
  storage.put('SubtensorModule.ValidatorPermit', netuid, permitted(storage, netuid, stakes));
}

/** Consensus, incentive, trust and dividends of one mechanism; of those other than 0 only incentive is stored. */
function yumaConsensus(storage: Storage, netuid: number, index: number, validators: Validator[]): void {
  const size = storage.get<number>('SubtensorModule.SubnetworkN', netuid);
  const uids = Array.from({ length: size }, (_, uid) => uid);
  const since = uids.map((uid) => storage.get<number>('SubtensorModule.BlockAtRegistration', netuid, uid));
  const rows = validators.map((validator) => ({ ...validator, weights: shares(storage, index, validator.uid, since) }));
  const consensus = uids.map((uid) => supported(rows.map(({ stake, weights }) => ({ stake, weight: weights[uid]! }))));
  const clipped = rows.map((row) => ({
    ...row,
    weights: row.weights.map((weight, uid) => Math.min(weight, consensus[uid]!)),
  }));
  const ranks = uids.map((uid) => sum(clipped.map(({ stake, weights }) => stake * weights[uid]!)));
  const ofUid = (uid: number) => clipped.find((row) => row.uid === uid);
  const trust = uids.map((uid) => sum(ofUid(uid)?.weights ?? []));
  const dividends = uids.map((uid) => (ofUid(uid)?.stake ?? 0) * trust[uid]!);

  storage.put('SubtensorModule.Incentive', index, proportions(ranks).map(toU16));
  if (index !== netuid) return;
  storage.put('SubtensorModule.Consensus', netuid, consensus.map(toU16));
  storage.put('SubtensorModule.ValidatorTrust', netuid, trust.map(toU16));
  storage.put('SubtensorModule.Dividends', netuid, proportions(dividends).map(toU16));
}

/** Miners and validators get the same share of what the epoch emits. */
function putEmission(storage: Storage, netuid: number): void {
  const side = EMISSION_PER_BLOCK * storage.get<number>('SubtensorModule.Tempo', netuid) * SHARE_OF_EACH_SIDE;
  const [incentive, dividends] = ['Incentive', 'Dividends'].map((item) =>
    proportions(storage.get<number[]>(`SubtensorModule.${item}`, netuid)),
  ) as [number[], number[]];
  const emission = incentive.map((share, uid) => Math.round(side * (share + (dividends[uid] ?? 0))));
  storage.put('SubtensorModule.Emission', netuid, emission);
}

/** Nobody gets a permit without stake; among equals, the lower uid does. */
function permitted(storage: Storage, netuid: number, stakes: number[]): boolean[] {
  // Under Null consensus, the highest stake alone.
  const most = isNullConsensus(storage, netuid)
    ? 1
    : storage.get<number>('SubtensorModule.MaxAllowedValidators', netuid);
  const order = stakes.map((_, uid) => uid).sort((a, b) => stakes[b]! - stakes[a]!);
  const highest = new Set(order.slice(0, most));
  return stakes.map((stake, uid) => stake > 0 && highest.has(uid));
}

function stakesOf(storage: Storage, netuid: number): number[] {
  const size = storage.get<number>('SubtensorModule.SubnetworkN', netuid);
  return Array.from({ length: size }, (_, uid) =>
    Number(stakeOf(storage, netuid, storage.get<string>('SubtensorModule.Keys', netuid, uid))),
  );
}

/** A validator's weights as shares of 1. Weights older than the registration of their uid do not count. */
function shares(storage: Storage, index: number, uid: number, registeredAt: number[]): number[] {
  const setAt = storage.get<number[]>('SubtensorModule.LastUpdate', index)[uid] ?? 0;
  const weights = registeredAt.map(() => 0);
  for (const [target, value] of storage.get<[number, number][]>('SubtensorModule.Weights', index, uid))
    if (setAt > registeredAt[target]!) weights[target] = value;
  return proportions(weights);
}

/** The highest weight that validators with at least half of the stake give, or exceed. */
function supported(votes: { stake: number; weight: number }[]): number {
  let support = 0;
  for (const { stake, weight } of votes.toSorted((a, b) => b.weight - a.weight)) {
    support += stake;
    if (support >= KAPPA) return weight;
  }
  return 0;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function toU16(share: number): number {
  return Math.round(Math.min(1, share) * U16_MAX);
}
