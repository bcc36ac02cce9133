import type { Metagraph, Neuron, SubnetHyperparameters } from '../../schema/metagraph.ts';
import { proportions } from '../../shared/proportions.ts';
import { requiredEntry } from '../../shared/required.ts';
import { ifOfType, toBoolean } from '../codec/chain-value.ts';
import {
  type ChainValue,
  readsFor,
  type Snapshot,
  type StorageRead,
  type StorageValues,
  toItems,
  toNumber,
} from '../node/snapshot.ts';
import { epochPosition, epochReads } from './epoch-schedule.ts';
import { noSuchSubnet } from './identity.ts';
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
/**
 * A subnet's neurons and hyperparameters at one block, in two round trips for up to 256 neurons: first everything that
 * storage has under the subnet, then what belongs to the hotkeys that were found there.
 * @throws FlockOffError `bad-argument` when there is no such subnet.
 */
export async function readMetagraph(snapshot: Snapshot, netuid: number): Promise<Metagraph> {
  const { schedule, ofSubnet, likely } = await snapshot.read({
    schedule: epochReads(snapshot, netuid),
    ofSubnet: subnetReads(snapshot, netuid),
    likely: slotReads(netuid, 0, LIKELY_UIDS),
  });
  const { block, nextEpochBlock } = epochPosition(netuid, schedule);
  if (!toBoolean(ofSubnet.networksAdded)) throw noSuchSubnet(netuid);
  const size = toNumber(ofSubnet.subnetworkN);
  const slots = slotsOf(likely, await snapshot.read(slotReads(netuid, LIKELY_UIDS, size))).filter(
    ({ uid }) => uid < size,
  );
  const [owners, stakeWeights] = await Promise.all([
    readOwners(snapshot, netuid, slots),
    readStakeWeights(snapshot, netuid),
  ]);
  const column = <T>(name: keyof typeof ofSubnet.vectors, decode: (value: ChainValue) => T): T[] => {
    const vector = ofSubnet.vectors[name];
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
    ({ uid, account, registrationBlock }): Neuron => ({
      uid,
      hotkey: String(account),
      ...requiredEntry(owners, uid),
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

/** Everything that storage has under the subnet; `null` for what this runtime has not. */
function subnetReads(snapshot: Snapshot, netuid: number) {
  const read = (item: string) => snapshot.optional(snapshot.forSubnet(`subtensorModule.${item}`, netuid));
  return {
    networksAdded: read('networksAdded'),
    subnetworkN: read('subnetworkN'),
    cutoffFactor: read(CUTOFF_FACTOR),
    hyperparameters: Object.fromEntries(
      Object.entries<Field>(HYPERPARAMETERS).map(([name, [item]]) => [name, read(item)]),
    ) as Record<keyof SubnetHyperparameters, StorageRead | null>,
    /** With a place for every uid. */
    vectors: {
      active: read('active'),
      validatorPermit: read('validatorPermit'),
      consensus: read('consensus'),
      incentive: read('incentive'),
      dividends: read('dividends'),
      validatorTrust: read('validatorTrust'),
      emission: read('emission'),
      lastUpdate: read('lastUpdate'),
    },
  };
}

function hyperparametersOf(
  values: Pick<StorageValues<ReturnType<typeof subnetReads>>, 'hyperparameters' | 'cutoffFactor'>,
): SubnetHyperparameters {
  const names = Object.keys(HYPERPARAMETERS) as (keyof SubnetHyperparameters)[];
  const entries = names.map((name) => {
    const [, decode]: Field = HYPERPARAMETERS[name];
    const value = values.hyperparameters[name];
    return [name, value && ifOfType(() => decode(value))];
  });
  const hyperparameters = Object.fromEntries(entries) as SubnetHyperparameters;
  if (!values.cutoffFactor) return hyperparameters;
  const activityCutoffBlocks = Math.max(1, Math.floor((toNumber(values.cutoffFactor) * hyperparameters.tempo) / 1000));
  return { ...hyperparameters, activityCutoffBlocks };
}

/** Who has the uids from `from` up to, but not including, `to`, and since when. */
function slotReads(netuid: number, from: number, to: number) {
  const uids = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  return readsFor(uids, (uid) => ({
    account: ['subtensorModule.keys', netuid, uid],
    registrationBlock: ['subtensorModule.blockAtRegistration', netuid, uid],
  }));
}

function slotsOf(...read: StorageValues<ReturnType<typeof slotReads>>[]) {
  return read.flatMap((slots) =>
    Array.from(slots, ([uid, { account, registrationBlock }]) => ({
      uid,
      account,
      registrationBlock: toNumber(registrationBlock),
    })),
  );
}

/** The weights a uid has set, as shares that sum to 1; empty when it has set none. */
export async function readWeights(
  snapshot: Snapshot,
  netuid: number,
  uid: number,
): Promise<{ uid: number; weight: number }[]> {
  const { uids, values } = await readWeightRow(snapshot, netuid, uid);
  const weights = proportions(values);
  return uids.flatMap((target, i) => ({ uid: target, weight: weights[i] ?? 0 }));
}
