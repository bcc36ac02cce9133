import type { ApiPromise } from '@polkadot/api';
import type { Metagraph, Neuron } from '../schema/metagraph.ts';
import { nextModuloEpochBlock, nextStatefulEpochBlock } from './epoch-schedule.ts';

const U16_MAX = 65_535;

/**
 * A subnet's neurons and hyperparameters from storage, in four round trips whatever the number of neurons. Storage items
 * have the same names on every runtime, unlike the runtime APIs.
 */
export async function readMetagraph(api: ApiPromise, netuid: number): Promise<Metagraph> {
  const query = api.query.subtensorModule!;
  const stateful = query.subnetEpochIndex !== undefined;
  const named = {
    block: api.query.system!.number!,
    tempo: query.tempo!,
    active: query.active!,
    permits: query.validatorPermit!,
    consensus: query.consensus!,
    incentive: query.incentive!,
    trust: query.validatorTrust!,
    lastUpdate: query.lastUpdate!,
    rateLimit: query.weightsSetRateLimit!,
    versionKey: query.weightsVersionKey!,
    minWeights: query.minAllowedWeights!,
    commitReveal: query.commitRevealWeightsEnabled!,
    revealPeriod: query.revealPeriodEpochs!,
    ...(stateful ? { lastEpoch: query.lastEpochBlock!, pendingEpoch: query.pendingEpochAt! } : {}),
  };
  const names = Object.keys(named) as (keyof typeof named)[];
  const [values, keys, registrations] = await Promise.all([
    api.queryMulti(names.map((name) => (name === 'block' ? named.block! : [named[name]!, netuid]))),
    query.keys!.entries(netuid),
    query.blockAtRegistration!.entries(netuid),
  ]);
  const read = Object.fromEntries(names.map((name, i) => [name, values[i]!.toJSON()])) as Record<
    string,
    number & number[] & boolean[]
  >;
  const number = (name: string) => Number(read[name]);

  const hotkeys = keys
    .map(([key, hotkey]) => ({ uid: uidOf(key), hotkey: hotkey.toString() }))
    .sort((a, b) => a.uid - b.uid);
  const registrationBlocks = new Map(registrations.map(([key, block]) => [uidOf(key), Number(block.toString())]));
  const owners = await query.owner!.multi(hotkeys.map(({ hotkey }) => hotkey));

  const neurons: Neuron[] = hotkeys.map(({ uid, hotkey }, i) => ({
    uid,
    hotkey,
    coldkey: owners[i]!.toString(),
    active: Boolean(read.active?.[uid]),
    validatorPermit: Boolean(read.permits?.[uid]),
    consensus: (read.consensus?.[uid] ?? 0) / U16_MAX,
    incentive: (read.incentive?.[uid] ?? 0) / U16_MAX,
    validatorTrust: (read.trust?.[uid] ?? 0) / U16_MAX,
    lastUpdateBlock: Number(read.lastUpdate?.[uid] ?? 0),
    registrationBlock: registrationBlocks.get(uid) ?? 0,
  }));
  const block = number('block');
  const tempo = number('tempo');
  return {
    netuid,
    block,
    neurons,
    hyperparameters: {
      tempo,
      weightsRateLimitBlocks: number('rateLimit'),
      weightsVersionKey: number('versionKey'),
      minAllowedWeights: number('minWeights'),
      commitRevealEnabled: Boolean(read.commitReveal),
      revealPeriodEpochs: number('revealPeriod'),
    },
    nextEpochBlock: stateful
      ? nextStatefulEpochBlock({ lastEpochBlock: number('lastEpoch'), tempo, pendingEpochAt: number('pendingEpoch') })
      : nextModuloEpochBlock({ block, netuid, tempo }),
  };
}

function uidOf(key: { args: { toString(): string }[] }): number {
  return Number(key.args[1]!.toString());
}

/** The weights a uid has set, as shares that sum to 1; empty when it has set none. */
export async function readWeights(
  api: ApiPromise,
  netuid: number,
  uid: number,
): Promise<{ uid: number; weight: number }[]> {
  const row = (await api.query.subtensorModule!.weights!(netuid, uid)).toJSON() as [number, number][];
  const sum = row.reduce((total, [, value]) => total + value, 0);
  return row.map(([target, value]) => ({ uid: target, weight: sum > 0 ? value / sum : 0 }));
}
