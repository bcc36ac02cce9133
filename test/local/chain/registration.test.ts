import { describe, expect, test } from 'vitest';
import type { LocalChain } from '../../../src/local/chain/local-chain.ts';
import { commit, connect, include, keyOf, NETUID, PROFILES, read, type StartParameters, start } from './client.ts';

const REGISTERED = 'subtensorModule.NeuronRegistered';

function pay(chain: LocalChain, name: string, free: number): void {
  const account = chain.storage('System.Account', keyOf(name).address) as { data: object };
  chain.setStorage('System.Account', keyOf(name).address, { ...account, data: { ...account.data, free } });
}

describe.each(PROFILES)('%s', (profile) => {
  const isLegacy = profile === 'legacy';

  async function setUp(parameters: StartParameters = {}) {
    const chain = await start({ profile, ...parameters });
    const api = await connect(chain);
    const register = (name: string, netuid = NETUID) =>
      include(api, chain, api.tx.subtensorModule!.burnedRegister!(netuid, keyOf(name).address), keyOf('Cold'));
    return { api, chain, register };
  }

  test('a coldkey registers a hotkey for the price of the subnet', async () => {
    const { api, chain, register } = await setUp({ burn: 1_000 });
    const coldkey = keyOf('Cold').address;
    expect(await register('Eve')).toContain('NotEnoughBalanceToStake');
    pay(chain, 'Cold', 2_500);
    expect(await register('Eve', 9)).toContain(isLegacy ? 'SubNetworkDoesNotExist' : 'SubnetNotExists');
    expect(await register('Bob')).toContain('HotKeyAlreadyRegisteredInSubNet');
    expect(await register('Eve')).toEqual([
      REGISTERED,
      'transactionPayment.TransactionFeePaid',
      'system.ExtrinsicSuccess',
    ]);
    expect(await read(api, 'owner', keyOf('Eve').address)).toBe(coldkey);
    expect(await read(api, 'lastUpdate', NETUID)).toEqual([0, 0, chain.currentBlock()]);
    expect(chain.storage('System.Account', coldkey)).toMatchObject({ data: { free: 1_500 } });
    chain.setStorage('SubtensorModule.NetworkRegistrationAllowed', NETUID, false);
    expect(await register('Full')).toContain('SubNetRegistrationDisabled');
  });

  test('a hotkey has one uid on a subnet, and subnets are those the chain began with', async () => {
    const chain = await start({ profile });
    const [bob, eve] = [keyOf('Bob').address, keyOf('Eve').address];
    expect(() => chain.register({ netuid: NETUID, hotkey: bob })).toThrow(`${bob} is uid 1 of subnet 7 already.`);
    expect(() => chain.register({ netuid: 9, hotkey: eve })).toThrow('the local chain has no subnet 9.');
    expect(() => chain.setHyperparameter({ netuid: 9, name: 'tempo', value: 1 })).toThrow(
      'the local chain has no subnet 9.',
    );
    await expect(start({ profile, names: ['Eve', 'Eve'] })).rejects.toThrow(
      `neuron of subnet 7 ${eve} is given twice.`,
    );
  });

  test('in a full subnet the one that earns least goes, unless it is immune, and its slot begins anew', async () => {
    const { api, chain, register } = await setUp({
      names: ['Alice', 'Bob', 'Carol'],
      maxAllowedUids: 3,
      immunityPeriod: 10,
      weightsRateLimit: 0,
      tempo: 1_000,
    });
    expect(await register('Eve')).toContain('NoNeuronIdAvailable'); // block 1
    expect(() => chain.register({ netuid: NETUID, hotkey: keyOf('Eve').address })).toThrow('subnet 7 is full');
    await include(api, chain, commit(api, 'x'), keyOf('Bob'));
    chain.setStorage('SubtensorModule.Emission', NETUID, [9, 2, 5]);
    for (const item of ['Incentive', 'Consensus']) chain.setStorage(`SubtensorModule.${item}`, NETUID, [0, 7, 8]);
    chain.setStorage('SubtensorModule.Weights', NETUID, 1, [[0, 65_535]]);
    await chain.produceBlocks(8); // block 10
    expect(await register('Eve')).toContain(REGISTERED);

    const block = chain.currentBlock();
    const [bob, eve] = [keyOf('Bob').address, keyOf('Eve').address];
    expect([await read(api, 'uids', NETUID, bob), await read(api, 'uids', NETUID, eve)]).toEqual([null, 1]);
    expect([await read(api, 'isNetworkMember', bob, NETUID), await read(api, 'keys', NETUID, 1)]).toEqual([false, eve]);
    for (const [item, value] of Object.entries({
      emission: [9, 0, 5],
      incentive: [0, 0, 8],
      consensus: [0, 0, 8],
      lastUpdate: [0, block, 0],
      validatorPermit: [true, false, false],
    }))
      expect(await read(api, item, NETUID), item).toEqual(value);
    expect([await read(api, 'weights', NETUID, 1), await read(api, 'blockAtRegistration', NETUID, 1)]).toEqual([
      [],
      block,
    ]);
    expect(await read(api, 'subnetworkN', NETUID)).toBe(3);
    // What it had committed stays, under its hotkey.
    expect(await api.query.commitments!.commitmentOf!.entries(NETUID)).toHaveLength(1);

    // Eve is immune now, so it is Carol's turn; then the owner's hotkey is all that is left.
    chain.setStorage('SubtensorModule.SubnetOwnerHotkey', NETUID, keyOf('Alice').address);
    expect(chain.register({ netuid: NETUID, hotkey: keyOf('Frank').address })).toBe(2);
    await chain.produceBlocks(1);
    expect(await register('Grace')).toContain('NoNeuronIdAvailable');
  });

  test('weights given to a uid do not count for the neuron that comes there later', async () => {
    const { api, chain, register } = await setUp({ maxAllowedUids: 2, immunityPeriod: 0, tempo: 30 });
    const weights = api.tx.subtensorModule!.setWeights!(NETUID, [0, 1], [1, 1], 0);
    await include(api, chain, weights, keyOf('Alice'));
    chain.setStorage('SubtensorModule.SubnetOwnerHotkey', NETUID, keyOf('Alice').address);
    expect(await register('Eve')).toContain(REGISTERED);
    await chain.produceBlocks(30);
    expect(await read(api, 'incentive', NETUID)).toEqual([65_535, 0]);
  });
});

test('current: a registration above its own price limit is refused', async () => {
  const chain = await start({ profile: 'current', burn: 1_000 });
  const api = await connect(chain);
  pay(chain, 'Cold', 5_000);
  const register = (limit: number) =>
    include(api, chain, api.tx.subtensorModule!.registerLimit!(NETUID, keyOf('Eve').address, limit), keyOf('Cold'));
  expect(await register(999)).toContain('RegistrationPriceLimitExceeded');
  expect(await register(1_000)).toContain(REGISTERED);
});
