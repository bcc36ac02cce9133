import { describe, expect, test } from 'vitest';
import { connect, eventsOf, include, keyOf, NETUID, PROFILES, read, setWeights, start } from './client.ts';

const neuron = (name: string, stake: number, validatorPermit = true) => ({
  hotkey: keyOf(name).address,
  ...{ validatorPermit, stake },
});

describe.each(PROFILES)('%s', (profile) => {
  test('weights that the smaller part of the stake gives are clipped', async () => {
    const neurons = [neuron('Alice', 60), neuron('Bob', 40), neuron('Carol', 0, false), neuron('Dave', 0, false)];
    const chain = await start({ profile, neurons, tempo: 20, weightsRateLimit: 0 });
    const api = await connect(chain);
    await include(api, chain, setWeights(api, [2, 3], [3, 1]), keyOf('Alice'));
    await include(api, chain, setWeights(api, [2, 3], [1, 3]), keyOf('Bob'));
    await chain.produceBlocks(20);
    // Alice alone has more than half: what she gives is the consensus, and Bob's 3/4 for uid 3 counts as 1/4.
    expect(await read(api, 'consensus', NETUID)).toEqual([0, 0, 49_151, 16_384]);
    expect(await read(api, 'validatorTrust', NETUID)).toEqual([65_535, 32_768, 0, 0]);
    // Of what is left, 0.6 * 3/4 + 0.4 * 1/4 = 0.55 goes to uid 2 and 0.25 to uid 3.
    const [incentive, dividends] = [
      [0, 0, Math.round((0.55 / 0.8) * 65_535), Math.round((0.25 / 0.8) * 65_535)],
      [Math.round(0.75 * 65_535), Math.round(0.25 * 65_535), 0, 0],
    ];
    expect(await read(api, 'incentive', NETUID)).toEqual(incentive);
    expect(await read(api, 'dividends', NETUID)).toEqual(dividends);
    const emission = (await read(api, 'emission', NETUID)) as number[];
    const epochEmission = 20 * 1_000_000_000;
    expect(emission.map((earned) => earned / epochEmission)).toEqual(
      [0.41 * 0.75, 0.41 * 0.25, 0.41 * (0.55 / 0.8), 0.41 * (0.25 / 0.8)].map((share) => expect.closeTo(share, 4)),
    );
  });

  test('stakes of any size decide', async () => {
    const neurons = [neuron('Alice', 2 ** 52 + 1), neuron('Bob', 2 ** 52 + 1)];
    const chain = await start({ profile, neurons, tempo: 12, weightsRateLimit: 0 });
    const api = await connect(chain);
    for (const name of ['Alice', 'Bob']) await include(api, chain, setWeights(api, [0, 1], [3, 1]), keyOf(name));
    await chain.produceBlocks(12);
    const [first] = (await read(api, 'incentive', NETUID)) as number[];
    expect(first! / 65_535).toBeCloseTo(0.75, 4);
  });

  test('permits go to the highest stakes at each epoch, and to nobody without stake', async () => {
    const neurons = [neuron('Alice', 0), neuron('Bob', 5, false), neuron('Carol', 7, false), neuron('Dave', 6, false)];
    const chain = await start({ profile, neurons, tempo: 4, maxAllowedValidators: 2 });
    const permits = () => chain.storage('SubtensorModule.ValidatorPermit', NETUID);
    expect(permits()).toEqual([true, false, false, false]);
    await chain.produceBlocks(5);
    expect(permits()).toEqual([false, false, true, true]);
    chain.setStake({ netuid: NETUID, hotkey: keyOf('Bob').address, stake: 8 });
    chain.setStake({ netuid: NETUID, hotkey: keyOf('Dave').address, stake: 0 });
    await chain.produceBlocks(5);
    expect(permits()).toEqual([false, true, true, false]);
  });
});

test('legacy: an epoch is tempo + 1 blocks long and runs where the block number says', async () => {
  const chain = await start({ profile: 'legacy', netuid: 96, tempo: 5 });
  const counted: unknown[] = [];
  for (let block = 1; block <= 12; block++) {
    await chain.produceBlocks(1);
    counted.push(chain.storage('SubtensorModule.BlocksSinceLastStep', 96));
  }
  // Where (block + netuid + 1) mod (tempo + 1) = tempo: in blocks 4 and 10.
  expect(counted).toEqual([1, 2, 3, 0, 1, 2, 3, 4, 5, 0, 1, 2]);
});

describe('current', () => {
  const profile = 'current';

  test('an epoch begins tempo blocks after the last, or where it is pending', async () => {
    const chain = await start({ profile, tempo: 5 });
    const state = () =>
      ['SubnetEpochIndex', 'LastEpochBlock', 'PendingEpochAt'].map((item) =>
        chain.storage(`SubtensorModule.${item}`, NETUID),
      );
    await chain.produceBlocks(4);
    expect(state()).toEqual([0, 0, 0]);
    await chain.produceBlocks(1);
    expect(state()).toEqual([1, 5, 0]);
    chain.setStorage('SubtensorModule.PendingEpochAt', NETUID, 7);
    await chain.produceBlocks(1);
    expect(state()).toEqual([1, 5, 7]);
    await chain.produceBlocks(1);
    expect(state()).toEqual([2, 7, 0]);
    await chain.produceBlocks(5);
    expect(state()).toEqual([3, 12, 0]);
    chain.setHyperparameter({ netuid: NETUID, name: 'tempo', value: 0 });
    await chain.produceBlocks(20);
    expect(state()).toEqual([3, 12, 0]);
  });

  test('of epochs that fall together, two run and the others wait for the next block', async () => {
    const subnets = [1, 2, 3].map((netuid) => ({ netuid, tempo: 4, neurons: [] }));
    const chain = await start({ profile, chain: { subnets } });
    const api = await connect(chain);
    const state = (item: string) => subnets.map(({ netuid }) => chain.storage(`SubtensorModule.${item}`, netuid));
    await chain.produceBlocks(4);
    expect([state('LastEpochBlock'), state('PendingEpochAt')]).toEqual([
      [4, 4, 0],
      [0, 0, 5],
    ]);
    expect(await eventsOf(api, 'Initialization')).toMatchObject([
      { name: 'subtensorModule.EpochDeferred', data: [3, 4, 5] },
    ]);
    await chain.produceBlocks(1);
    expect([state('LastEpochBlock'), state('SubnetEpochIndex')]).toEqual([
      [4, 4, 5],
      [1, 1, 1],
    ]);
  });
});
