import { describe, expect, test } from 'vitest';
import {
  type Call,
  connect,
  include,
  keyOf,
  NETUID,
  PROFILES,
  read,
  type StartParameters,
  setWeights,
  start,
} from './client.ts';

const SET = 'subtensorModule.WeightsSet';

describe.each(PROFILES)('%s', (profile) => {
  const isLegacy = profile === 'legacy';

  async function setUp(parameters: StartParameters = {}) {
    const chain = await start({ profile, names: ['Alice', 'Bob', 'Carol'], ...parameters });
    const api = await connect(chain);
    return { chain, api, send: (call: Call, name = 'Alice') => include(api, chain, call, keyOf(name)) };
  }

  test('are stored with the largest scaled to 65535', async () => {
    const { api, chain, send } = await setUp();
    expect(await send(setWeights(api, [0, 1, 2], [10, 0, 30]))).toContain(SET);
    const row = [
      [0, 21_845],
      [1, 0],
      [2, 65_535],
    ];
    expect(await read(api, 'weights', NETUID, 0)).toEqual(row);
    expect(chain.weights({ netuid: NETUID, uid: 0 })).toEqual(row.map(([uid, value]) => ({ uid, value })));
    expect(chain.weights({ netuid: NETUID, uid: 1 })).toEqual([]);
    expect(await read(api, 'lastUpdate', NETUID)).toEqual([1, 0, 0]);
  });

  test('what is wrong with a row has its error', async () => {
    const { api, chain, send } = await setUp({ weightsRateLimit: 0 });
    for (const netuid of [0, 5]) chain.setStorage('SubtensorModule.CommitRevealWeightsEnabled', netuid, false);
    const set = (netuid: number) => api.tx.subtensorModule!.setWeights!(netuid, [0], [1], 0);
    expect(await send(set(0))).toContain('CanNotSetRootNetworkWeights');
    expect(await send(set(5))).toContain(isLegacy ? 'SubNetworkDoesNotExist' : 'MechanismDoesNotExist');
    expect(await send(setWeights(api, [0, 1], [1]))).toContain('WeightVecNotEqualSize');
    expect(await send(setWeights(api, [0, 1, 2, 3], [1, 1, 1, 1]))).toContain('UidsLengthExceedUidsInSubNet');
    expect(await send(setWeights(api, [0], [1]), 'Eve')).toContain('HotKeyNotRegisteredInSubNet');
    expect(await send(setWeights(api, [0], [1]), 'Bob')).toContain('NeuronNoValidatorPermit');
    expect(await send(setWeights(api, [1, 1], [1, 1]))).toContain('DuplicateUids');
    expect(await send(setWeights(api, [9], [1]))).toContain('UidVecContainInvalidOne');
    chain.setHyperparameter({ netuid: NETUID, name: 'minAllowedWeights', value: 2 });
    expect(await send(setWeights(api, [1], [1]))).toContain('WeightVecLengthIsLow');
    chain.setHyperparameter({ netuid: NETUID, name: 'maxWeightsLimit', value: 30_000 });
    expect(await send(setWeights(api, [1, 2], [9, 1]))).toContain(isLegacy ? 'MaxWeightExceeded' : SET);
    chain.setHyperparameter({ netuid: NETUID, name: 'weightsVersionKey', value: 9 });
    expect(await send(setWeights(api, [0, 1], [1, 1]))).toContain('IncorrectWeightVersionKey');
    // From the next block on.
    chain.setHyperparameter({ netuid: NETUID, name: 'commitRevealEnabled', value: true });
    expect(await send(setWeights(api, [0, 1], [1, 1]))).toContain('CommitRevealEnabled');
  });

  test('too little stake is refused by the pool', async () => {
    const { api, chain, send } = await setUp();
    const item = isLegacy ? 'WeightsMinStake' : 'StakeThreshold';
    chain.setStorage(`SubtensorModule.${item}`, 101);
    expect(await send(setWeights(api, [0], [1]))).toEqual([`Custom error: ${isLegacy ? 3 : 1}`]);
    expect(chain.storage('System.Account', keyOf('Alice').address)).toMatchObject({ nonce: 0 });
    chain.setStake({ netuid: NETUID, hotkey: keyOf('Alice').address, stake: 101 });
    await chain.produceBlocks(1);
    expect(await send(setWeights(api, [0], [1]))).toContain(SET);
  });

  test('the rate limit holds until it has passed, and after a registration too', async () => {
    const { api, chain, send } = await setUp({ weightsRateLimit: 5 });
    chain.register({ netuid: NETUID, hotkey: keyOf('Dave').address, validatorPermit: true, stake: 1 });
    await chain.produceBlocks(4);
    const tooFast = isLegacy ? 'SettingWeightsTooFast' : 'Custom error: 6';
    expect(await send(setWeights(api, [0, 1], [1, 2]), 'Dave')).toContain(tooFast); // block 5
    expect(await send(setWeights(api, [0, 1], [1, 2]), 'Dave')).toContain(SET); // block 6 = 1 + 5
  });

  test('one weight on oneself needs no permit, and a row of zeros is kept', async () => {
    const { api, chain, send } = await setUp({ weightsRateLimit: 0, minAllowedWeights: 2, tempo: 30 });
    expect(await send(setWeights(api, [1], [5]), 'Bob')).toContain(SET);
    expect(await send(setWeights(api, [0, 1], [0, 0]))).toContain(SET);
    await chain.produceBlocks(29);
    for (const item of ['consensus', 'incentive', 'validatorTrust'])
      expect(await read(api, item, NETUID)).toEqual([0, 0, 0]);
  });

  test('version keys above 2^53 are compared exactly', async () => {
    const { api, chain, send } = await setUp({ weightsRateLimit: 0 });
    const key = 2n ** 63n + 1n;
    chain.setStorage('SubtensorModule.WeightsVersionKey', NETUID, key);
    expect(await send(setWeights(api, [1], [1], key - 1n))).toContain('IncorrectWeightVersionKey');
    expect(await send(setWeights(api, [1], [1], key))).toContain(SET);
  });
});

describe('current', () => {
  test("the owner's hotkey needs neither stake nor permit", async () => {
    const chain = await start({ profile: 'current' });
    chain.setStorage('SubtensorModule.StakeThreshold', 101);
    chain.setStorage('SubtensorModule.SubnetOwnerHotkey', NETUID, keyOf('Bob').address);
    const api = await connect(chain);
    expect(await include(api, chain, setWeights(api, [0], [1]), keyOf('Bob'))).toContain(SET);
  });

  test('mechanisms keep weights, updates and incentive of their own', async () => {
    const chain = await start({ profile: 'current', tempo: 4 });
    chain.setStorage('SubtensorModule.MechanismCountCurrent', NETUID, 2);
    const api = await connect(chain);
    const set = (mecid: number, uid: number) =>
      include(api, chain, api.tx.subtensorModule!.setMechanismWeights!(NETUID, mecid, [uid], [1], 0), keyOf('Alice'));
    const index = 4_096 + NETUID;
    expect(await set(0, 0)).toContain(SET);
    expect(await set(1, 1)).toContain(SET);
    expect(await set(2, 1)).toContain('MechanismDoesNotExist');
    expect([await read(api, 'weights', NETUID, 0), await read(api, 'weights', index, 0)]).toEqual([
      [[0, 65_535]],
      [[1, 65_535]],
    ]);
    expect([await read(api, 'lastUpdate', NETUID), await read(api, 'lastUpdate', index)]).toEqual([[1, 0], [2]]);
    await chain.produceBlocks(1);
    expect(await read(api, 'incentive', index)).toEqual([0, 65_535]);
    expect(await set(1, 0)).toEqual(['Custom error: 6']);
  });

  test('of two that the pool took, the second is dropped where the first has used up the limit', async () => {
    const chain = await start({ profile: 'current' });
    const api = await connect(chain);
    const [first, second] = await Promise.all(
      [0, 1].map((nonce) => setWeights(api, [1], [1]).signAsync(keyOf('Alice'), { nonce })),
    );
    await api.rpc.author.submitExtrinsic(first!);
    const statuses: string[] = [];
    await api.rpc.author.submitAndWatchExtrinsic(second!, ({ type }) => void statuses.push(type));
    await chain.produceBlocks(1);
    await expect.poll(() => statuses).toEqual(['Ready', 'Invalid']);
    expect((await api.rpc.chain.getBlock()).block.extrinsics).toHaveLength(2);
    expect(chain.storage('System.Account', keyOf('Alice').address)).toMatchObject({ nonce: 1 });
  });
});
