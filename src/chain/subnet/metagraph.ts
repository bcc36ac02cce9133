import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Metagraph, Neuron, SubnetHyperparameters } from '../../schema/metagraph.ts';
import { proportions } from '../../shared/proportions.ts';
import { ifOfType, toBoolean } from '../codec/chain-value.ts';
import { type ChainValue, type Snapshot, type StorageRead, toItems, toNumber } from '../node/snapshot.ts';
import { epochPosition, epochReads } from './epoch-schedule.ts';
import { RAO, readOwners } from './owners.ts';
import { readStakeWeights } from './stake-weights.ts';
import { readWeightRow } from './stored-weights.ts';

const U16_MAX = 65_535;
/** Neurons of a subnet, unless it allows more: so many are asked for before their number is known. */
const LIKELY_UIDS = 256;

type Field = [item: string, decode: (value: ChainValue) => number | boolean];

const share = (value: ChainValue) => toNumber(value) / U16_MAX;
const amount = (value: ChainValue) => toNumber(value) / RAO;

const HYPERPARAMETERS = {
  tempo: ['tempo', toNumber],
  weightsRateLimitBlocks: ['weightsSetRateLimit', toNumber],
  weightsVersionKey: ['weightsVersionKey', toNumber],
  minAllowedWeights: ['minAllowedWeights', toNumber],
  maxWeightShare: ['maxWeightsLimit', share],
  commitRevealEnabled: ['commitRevealWeightsEnabled', toBoolean],
  revealPeriodEpochs: ['revealPeriodEpochs', toNumber],
  immunityPeriodBlocks: ['immunityPeriod', toNumber],
  maxAllowedUids: ['maxAllowedUids', toNumber],
  maxAllowedValidators: ['maxAllowedValidators', toNumber],
  activityCutoffBlocks: ['activityCutoff', toNumber],
  registrationAllowed: ['networkRegistrationAllowed', toBoolean],
  burnTao: ['burn', amount],
  minBurnTao: ['minBurn', amount],
  maxBurnTao: ['maxBurn', amount],
  mechanisms: ['mechanismCountCurrent', toNumber],
} satisfies Record<keyof SubnetHyperparameters, Field>;

/** From spec 423 on the cutoff is so many thousandths of the tempo. */
const CUTOFF_FACTOR = 'activityCutoffFactorMilli';
/** Vectors with a place for every uid. */
const VECTORS = 'active validatorPermit consensus incentive dividends validatorTrust emission lastUpdate'.split(' ');
const ITEMS = [
  ...['networksAdded', 'subnetworkN', CUTOFF_FACTOR, ...VECTORS],
  ...Object.values<Field>(HYPERPARAMETERS).map(([item]) => item),
];

/**
 * A subnet's neurons and hyperparameters at one block, in two round trips for up to 256 neurons: first everything that
 * storage has under the subnet, then what belongs to the hotkeys that were found there.
 * @throws FlockOffError `bad-argument` when there is no such subnet.
 */
export async function readMetagraph(snapshot: Snapshot, netuid: number): Promise<Metagraph> {
  const ofItem = (item: string) => snapshot.forSubnet(`subtensorModule.${item}`, netuid);
  const items = ITEMS.filter((item) => snapshot.canRead(ofItem(item)));
  const schedule = epochReads(snapshot, netuid);
  const values = await snapshot.read([...schedule, ...items.map(ofItem), ...slotReads(netuid, 0, LIKELY_UIDS)]);
  const { block, nextEpochBlock } = epochPosition(netuid, values.splice(0, schedule.length));
  const ofSubnet = new Map(values.splice(0, items.length).map((value, i) => [items[i]!, value]));
  if (!toBoolean(ofSubnet.get('networksAdded'))) throw noSuchSubnet(netuid);
  const size = toNumber(ofSubnet.get('subnetworkN'));
  values.push(...(await snapshot.read(slotReads(netuid, LIKELY_UIDS, size))));
  const slots = Array.from({ length: size }, (_, uid) => ({
    account: values[2 * uid]!,
    registrationBlock: toNumber(values[2 * uid + 1]!),
  }));
  const [owners, stakeWeights] = await Promise.all([
    readOwners(
      snapshot,
      netuid,
      slots.map(({ account }) => account),
    ),
    readStakeWeights(snapshot, netuid),
  ]);
  const column = <T>(item: string, decode: (value: ChainValue) => T): T[] => {
    const vector = ofSubnet.get(item);
    return vector ? toItems(vector).map(decode) : [];
  };
  const active = column('active', toBoolean);
  const validatorPermit = column('validatorPermit', toBoolean);
  const consensus = column('consensus', share);
  const incentive = column('incentive', share);
  const dividends = column('dividends', share);
  const validatorTrust = column('validatorTrust', share);
  const emissionAlpha = column('emission', amount);
  const lastUpdateBlock = column('lastUpdate', toNumber);
  const neurons = slots.map(
    ({ account, registrationBlock }, uid): Neuron => ({
      uid,
      hotkey: String(account),
      ...owners[uid]!,
      stakeWeight: stakeWeights?.get(account.toHex()) ?? null,
      active: active[uid] ?? false,
      validatorPermit: validatorPermit[uid] ?? false,
      consensus: consensus[uid] ?? 0,
      incentive: incentive[uid] ?? 0,
      dividends: dividends[uid] ?? 0,
      validatorTrust: validatorTrust[uid] ?? 0,
      emissionAlpha: emissionAlpha[uid] ?? 0,
      lastUpdateBlock: lastUpdateBlock[uid] ?? 0,
      registrationBlock,
    }),
  );
  return { netuid, block, neurons, hyperparameters: hyperparametersOf(ofSubnet), nextEpochBlock };
}

function hyperparametersOf(ofSubnet: Map<string, ChainValue>): SubnetHyperparameters {
  const entries = Object.entries<Field>(HYPERPARAMETERS).map(([name, [item, decode]]) => {
    const value = ofSubnet.get(item);
    return [name, value ? ifOfType(() => decode(value)) : null];
  });
  const hyperparameters = Object.fromEntries(entries) as SubnetHyperparameters;
  const cutoffFactor = ofSubnet.get(CUTOFF_FACTOR);
  if (!cutoffFactor) return hyperparameters;
  const activityCutoffBlocks = Math.max(1, Math.floor((toNumber(cutoffFactor) * hyperparameters.tempo) / 1000));
  return { ...hyperparameters, activityCutoffBlocks };
}

/** Who has the uids from `from` up to, but not including, `to`, and since when. */
function slotReads(netuid: number, from: number, to: number): StorageRead[] {
  const uids = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  return uids.flatMap((uid): StorageRead[] => [
    ['subtensorModule.keys', netuid, uid],
    ['subtensorModule.blockAtRegistration', netuid, uid],
  ]);
}

function noSuchSubnet(netuid: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `the chain has no subnet ${netuid}`,
    fix: 'check --netuid and --subtensor.network',
    facts: { netuid },
  });
}

/** The weights a uid has set, as shares that sum to 1; empty when it has set none. */
export async function readWeights(
  snapshot: Snapshot,
  netuid: number,
  uid: number,
): Promise<{ uid: number; weight: number }[]> {
  const { uids, values } = await readWeightRow(snapshot, netuid, uid);
  const weights = proportions(values);
  return uids.map((target, i) => ({ uid: target, weight: weights[i]! }));
}
