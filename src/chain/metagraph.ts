import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Metagraph, Neuron } from '../schema/metagraph.ts';
import { epochPosition, epochReads } from './epoch-schedule.ts';
import { type Snapshot, type StorageRead, toItems, toNumber } from './snapshot.ts';

const U16_MAX = 65_535;

/**
 * A subnet's neurons and hyperparameters, from storage: items have the same names on every runtime, unlike the runtime
 * APIs. Three round trips whatever the number of neurons: vectors, hotkeys, coldkeys.
 * @throws FlockOffError `bad-argument` when there is no such subnet.
 */
export async function readMetagraph(snapshot: Snapshot, netuid: number): Promise<Metagraph> {
  const read = (...items: string[]): StorageRead[] => items.map((item) => [`subtensorModule.${item}`, netuid]);
  const schedule = epochReads(snapshot, netuid);
  const values = await snapshot.read([
    ...schedule,
    ...read('networksAdded', 'subnetworkN', 'weightsSetRateLimit', 'weightsVersionKey', 'minAllowedWeights'),
    ...read('commitRevealWeightsEnabled', 'revealPeriodEpochs'),
    ...read('active', 'validatorPermit', 'consensus', 'incentive', 'validatorTrust', 'lastUpdate'),
  ]);
  const { block, nextEpochBlock } = epochPosition(netuid, values.slice(0, schedule.length));
  const [exists, size, rateLimit, versionKey, minWeights, commitReveal, revealPeriod, ...vectors] = values.slice(
    schedule.length,
  );
  if (!exists!.eq(true)) {
    throw new FlockOffError({
      code: 'bad-argument',
      what: `the chain has no subnet ${netuid}`,
      fix: 'check --netuid and --subtensor.network',
      facts: { netuid },
    });
  }
  const [active, permits, consensus, incentive, trust, lastUpdate] = vectors.map(toItems);
  const uids = Array.from({ length: toNumber(size!) }, (_, uid) => uid);
  const keysAndBlocks = await snapshot.read([
    ...uids.map((uid): StorageRead => ['subtensorModule.keys', netuid, uid]),
    ...uids.map((uid): StorageRead => ['subtensorModule.blockAtRegistration', netuid, uid]),
  ]);
  const hotkeys = keysAndBlocks.slice(0, uids.length).map(String);
  const registrationBlocks = keysAndBlocks.slice(uids.length).map(toNumber);
  const coldkeys = await snapshot.read(hotkeys.map((hotkey) => ['subtensorModule.owner', hotkey]));

  const numberAt = (vector: typeof active, uid: number) => (vector?.[uid] ? toNumber(vector[uid]) : 0);
  const neurons = uids.map(
    (uid): Neuron => ({
      uid,
      hotkey: hotkeys[uid]!,
      coldkey: String(coldkeys[uid]),
      active: active?.[uid]?.eq(true) ?? false,
      validatorPermit: permits?.[uid]?.eq(true) ?? false,
      consensus: numberAt(consensus, uid) / U16_MAX,
      incentive: numberAt(incentive, uid) / U16_MAX,
      validatorTrust: numberAt(trust, uid) / U16_MAX,
      lastUpdateBlock: numberAt(lastUpdate, uid),
      registrationBlock: registrationBlocks[uid]!,
    }),
  );
  return {
    netuid,
    block,
    neurons,
    hyperparameters: {
      tempo: toNumber(values[1]!),
      weightsRateLimitBlocks: toNumber(rateLimit!),
      weightsVersionKey: toNumber(versionKey!),
      minAllowedWeights: toNumber(minWeights!),
      commitRevealEnabled: commitReveal!.eq(true),
      revealPeriodEpochs: toNumber(revealPeriod!),
    },
    nextEpochBlock,
  };
}

/** The weights a uid has set, as shares that sum to 1; empty when it has set none. */
export async function readWeights(
  snapshot: Snapshot,
  netuid: number,
  uid: number,
): Promise<{ uid: number; weight: number }[]> {
  const row = toItems(await snapshot.get('subtensorModule.weights', netuid, uid)).map((pair) =>
    toItems(pair).map(toNumber),
  );
  const sum = row.reduce((total, [, value = 0]) => total + value, 0);
  return row.map(([target = 0, value = 0]) => ({ uid: target, weight: sum > 0 ? value / sum : 0 }));
}
