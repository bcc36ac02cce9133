import { describe, expect, test } from 'vitest';
import { readNeuronInfos } from '../../../src/chain/subnet/neuron-info.ts';
import type { Profile } from '../../../src/local/chain/local-chain.ts';
import type { Metagraph } from '../../../src/schema/metagraph.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { countRoundTrips } from '../round-trips.ts';
import { connect, type LocalChain, NETUID, startSubnet } from '../start-subnet.ts';
import { expectSameInfos } from './same-infos.ts';

const PROFILES: Profile[] = ['legacy', 'current'];
const addressOf = async (name: string) => (await devHotkey(name)).address;

/** A subnet on which something has happened: every vector differs from uid to uid. */
async function lively(profile: Profile): Promise<LocalChain> {
  const hotkeys = Array.from({ length: 5 }, (_, uid) => `neuron ${uid}`);
  const chain = await startSubnet({
    hotkeys,
    tempo: 99,
    weightsRateLimit: 7,
    chain: { profile, blockTimeMs: 'manual' },
  });
  const put = (item: string, ...keysAndValue: unknown[]) =>
    chain.setStorage(`SubtensorModule.${item}`, ...keysAndValue);
  put('Active', NETUID, [true, false, true, true, false]);
  put('ValidatorPermit', NETUID, [true, true, false, false, true]);
  for (const [i, item] of ['Consensus', 'Incentive', 'Dividends', 'ValidatorTrust'].entries())
    put(
      item,
      NETUID,
      [1, 2, 3, 4, 65_535].map((value) => (value * (i + 1)) % 65_536),
    );
  put('Emission', NETUID, [1_500_000_000, 0, 3, 2 ** 40, 5]);
  put('LastUpdate', NETUID, [10, 20, 30, 2 ** 33, 50]);
  for (const uid of hotkeys.keys()) {
    put('BlockAtRegistration', NETUID, uid, 100 + uid);
    const hotkey = await addressOf(`neuron ${uid}`);
    put('Owner', hotkey, await addressOf(`cold ${uid}`));
    put('TotalHotkeyAlpha', hotkey, NETUID, uid === 4 ? '21000000000000001' : uid * 1_500_000_000);
  }
  await chain.produceBlocks();
  return chain;
}

describe.each(PROFILES)('on a %s runtime', (profile) => {
  test('a metagraph of 256 neurons is read in two round trips, sorted by uid, as of one block', async () => {
    const hotkeys = Array.from({ length: 256 }, (_, uid) => `neuron ${uid}`);
    const chain = await startSubnet({ hotkeys, chain: { profile, blockTimeMs: 'manual' } });
    const subtensor = await connect(chain.url);
    let metagraph: Metagraph | undefined;
    const { roundTrips } = await countRoundTrips(async () => {
      metagraph = await subtensor.metagraph({ netuid: NETUID });
    });
    expect(roundTrips).toBe(2);
    const { neurons } = metagraph!;
    expect(neurons.map(({ uid }) => uid)).toEqual(hotkeys.map((_, uid) => uid));
    expect(neurons.map(({ hotkey }) => hotkey)).toEqual(await Promise.all(hotkeys.map(addressOf)));
    expect(neurons.map(({ validatorPermit }) => validatorPermit)).toEqual(hotkeys.map((_, uid) => uid === 0));
  });

  test('more neurons than were expected cost one round trip more', async () => {
    const hotkeys = Array.from({ length: 300 }, (_, uid) => `neuron ${uid}`);
    const chain = await startSubnet({ hotkeys, maxAllowedUids: 300, chain: { profile, blockTimeMs: 'manual' } });
    const subtensor = await connect(chain.url);
    let metagraph: Metagraph | undefined;
    const { roundTrips } = await countRoundTrips(async () => {
      metagraph = await subtensor.metagraph({ netuid: NETUID });
    });
    expect(roundTrips).toBe(3);
    expect(metagraph!.neurons).toHaveLength(300);
    expect(metagraph!.neurons[299]).toMatchObject({ uid: 299, hotkey: await addressOf('neuron 299') });
  });

  test('every field of a neuron and every hyperparameter is what the chain has', async () => {
    const chain = await lively(profile);
    const { neurons, hyperparameters, block, nextEpochBlock } = await (await connect(chain.url)).metagraph({
      netuid: NETUID,
    });
    expect(block).toBe(1);
    expect(nextEpochBlock).toBe(profile === 'legacy' ? 3 : 99);
    expect(neurons[3]).toEqual({
      uid: 3,
      hotkey: await addressOf('neuron 3'),
      coldkey: await addressOf('cold 3'),
      active: true,
      validatorPermit: false,
      consensus: 4 / 65_535,
      incentive: 8 / 65_535,
      dividends: 12 / 65_535,
      validatorTrust: 16 / 65_535,
      emissionAlpha: 2 ** 40 / 1e9,
      stakeAlpha: 4.5,
      stakeWeight: profile === 'legacy' ? null : 4.5,
      lastUpdateBlock: 2 ** 33,
      registrationBlock: 103,
    });
    expect(neurons[4]!.stakeAlpha).toBeCloseTo(21_000_000, 5);
    expect(hyperparameters).toEqual({
      tempo: 99,
      weightsRateLimitBlocks: 7,
      weightsVersionKey: 0,
      minAllowedWeights: 0,
      maxWeightShare: 1,
      commitRevealEnabled: profile === 'current',
      revealPeriodEpochs: 1,
      immunityPeriodBlocks: 4096,
      maxAllowedUids: 256,
      maxAllowedValidators: 128,
      activityCutoffBlocks: profile === 'legacy' ? 5000 : Math.floor((13_889 * 99) / 1000),
      registrationAllowed: true,
      burnTao: 0,
      minBurnTao: 0,
      maxBurnTao: 0,
      mechanisms: profile === 'current' ? 1 : null,
    });
  });

  test('storage gives the same answer as the runtime where that has no such functions', async () => {
    const chain = await lively(profile);
    const subtensor = await connect(chain.url);
    const fromRuntime = await subtensor.metagraph({ netuid: NETUID });
    const missing = { kind: 'error', code: 4003, message: 'Exported method is not found' } as const;
    chain.faults.inject({ on: 'state_call', fault: missing, times: 2 });
    const fromStorage = await subtensor.metagraph({ netuid: NETUID });
    const withoutWeights = fromRuntime.neurons.map((neuron) => ({ ...neuron, stakeWeight: null }));
    expect(fromStorage).toEqual({ ...fromRuntime, neurons: withoutWeights });
  });

  test('the runtime says of every neuron what its storage says', async () => {
    const chain = await lively(profile);
    const subtensor = await connect(chain.url);
    const { neurons } = await subtensor.metagraph({ netuid: NETUID });
    await expectSameInfos(subtensor, neurons, NETUID);
  });

  test('a function with another result than was expected is as good as none', async () => {
    const subtensor = await connect((await lively(profile)).url);
    const call = (name: string, result: string) =>
      subtensor.read({ what: 'calling', use: (snapshot) => snapshot.call(name, [['u16', NETUID]], result) });
    expect(await call('NeuronInfoRuntimeApi_get_neurons_lite', 'Vec<[u8; 5000]>')).toBeNull();
    expect(await call('NeuronInfoRuntimeApi_no_such_function', 'Vec<u16>')).toBeNull();
  });

  test('a node that fails at it is a fault, not a runtime without stakes', async () => {
    const chain = await lively(profile);
    const subtensor = await connect(chain.url);
    const fault = { kind: 'error', code: -32_000, message: 'too many requests' } as const;
    chain.faults.inject({ on: 'state_call', fault, times: 1_000 });
    await expect(subtensor.metagraph({ netuid: NETUID })).rejects.toMatchObject({
      code: 'chain-unreachable',
      transient: true,
    });
  });
});

test('an empty subnet has no neurons, whichever way it is asked for', async () => {
  for (const profile of PROFILES) {
    const subtensor = await connect((await startSubnet({ hotkeys: [], chain: { profile } })).url);
    expect((await subtensor.metagraph({ netuid: NETUID })).neurons).toEqual([]);
    expect(await subtensor.read({ what: 'reading', use: (snapshot) => readNeuronInfos(snapshot, NETUID) })).toEqual([]);
  }
});
