import { expect, test } from 'vitest';
import { type Call, commit, connect, include, keyOf, NETUID, start } from './client.ts';

test('every kind of commitment data is read back byte for byte', async () => {
  const values: [kind: string, bytes: Uint8Array][] = [
    ...Array.from({ length: 129 }, (_, n): [string, Uint8Array] => [
      `Raw${n}`,
      Uint8Array.from({ length: n }, (_, i) => (i * 37 + n) % 256),
    ]),
    ...['BlakeTwo256', 'Sha256', 'Keccak256', 'ShaThree256'].map((kind, i): [string, Uint8Array] => [
      kind,
      new Uint8Array(32).fill(200 + i),
    ]),
  ];
  const names = values.map(([kind]) => kind);
  const chain = await start({ names });
  const api = await connect(chain);
  for (const [kind, bytes] of values) {
    const call = api.tx.commitments!.setCommitment!(NETUID, { fields: [{ [kind]: bytes }] });
    const signed = await call.signAsync(keyOf(kind), { nonce: 0, era: 0 });
    await api.rpc.author.submitExtrinsic(signed);
  }
  await chain.produceBlocks(1);
  const stored = await api.query.commitments!.commitmentOf!.entries(NETUID);
  expect(stored).toHaveLength(values.length);
  for (const [key, registration] of stored) {
    const { block, info, deposit } = (registration as unknown as { unwrap(): Registration }).unwrap();
    const [kind, bytes] = values[names.findIndex((name) => keyOf(name).address === String(key.args[1]))]!;
    expect([String(deposit), String(block), info.fields[0]!.type]).toEqual(['0', '1', kind]);
    expect(Buffer.from(info.fields[0]!.inner.toU8a(true)).equals(bytes)).toBe(true);
  }
});

interface Registration {
  deposit: unknown;
  block: unknown;
  info: { fields: { type: string; inner: { toU8a(bare: boolean): Uint8Array } }[] };
}

test('a commitment without fields, or of none, is taken', async () => {
  const chain = await start();
  const api = await connect(chain);
  for (const fields of [[], [{ None: null }]]) {
    const call = api.tx.commitments!.setCommitment!(NETUID, { fields });
    expect(await include(api, chain, call, keyOf('Bob'))).toContain('commitments.Commitment');
  }
});

test('a budget of bytes counts 100 or more a commitment, for each hotkey, and is whole again in the next epoch', async () => {
  // Block b is in epoch floor((b + 8) / 10).
  const chain = await start({ tempo: 9, chain: { commitmentBytesPerEpoch: 328 } });
  const api = await connect(chain);
  const { maxSpace, usedSpaceOf } = api.query.commitments!;
  const used = async () => (await usedSpaceOf!(NETUID, keyOf('Bob').address)).toJSON();
  const send = (call: Call, name = 'Bob') => include(api, chain, call, keyOf(name));
  expect([(await maxSpace!()).toJSON(), await used()]).toEqual([328, null]);
  await chain.produceBlocks(1);
  const hash = api.tx.commitments!.setCommitment!(NETUID, { fields: [{ Sha256: new Uint8Array(32) }] });
  for (const [call, total] of [
    [commit(api, 'x'), 100],
    [commit(api, 'y'.repeat(128)), 228],
    [hash, 328],
  ] as const) {
    expect(await send(call)).toContain('commitments.Commitment');
    expect(await used()).toEqual({ lastEpoch: 1, usedSpace: total });
  }
  expect(await send(commit(api, 'z'))).toContain('SpaceLimitExceeded');
  expect(await used()).toEqual({ lastEpoch: 1, usedSpace: 328 });
  expect(await send(commit(api, 'z'), 'Alice')).toContain('commitments.Commitment');
  await chain.produceBlocks(4);
  expect(await send(commit(api, 'z'))).toContain('SpaceLimitExceeded'); // block 11
  expect(await send(commit(api, 'z'))).toContain('commitments.Commitment'); // block 12
  expect(await used()).toEqual({ lastEpoch: 2, usedSpace: 100 });
  chain.setStorage('Commitments.MaxSpace', 199);
  expect(await send(commit(api, 'z'))).toContain('SpaceLimitExceeded');
});

test.each([
  ['a cooldown', {}, 'CommitmentSetRateLimitExceeded', ['maxFields', 'rateLimit'], false],
  ['a budget of bytes', { commitmentBytesPerEpoch: 3100 }, 'SpaceLimitExceeded', ['maxFields'], true],
])('a runtime with %s describes no other limit', async (_, limit, error, constants, hasBudget) => {
  const api = await connect(await start({ chain: limit }));
  const { consts, errors, query } = api;
  expect(Object.keys(errors.commitments!)).toEqual(['TooManyFieldsInCommitmentInfo', 'AccountNotAllowedCommit', error]);
  expect(Object.keys(consts.commitments!)).toEqual(constants);
  expect(['maxSpace', 'usedSpaceOf'].map((item) => query.commitments![item] !== undefined)).toEqual([
    hasBudget,
    hasBudget,
  ]);
});

test('a refused call uses its nonce and changes nothing else', async () => {
  const chain = await start();
  const api = await connect(chain);
  expect(await include(api, chain, commit(api, 'x'), keyOf('Eve'))).toEqual([
    'transactionPayment.TransactionFeePaid',
    'AccountNotAllowedCommit',
  ]);
  expect(chain.storage('System.Account', keyOf('Eve').address)).toMatchObject({ nonce: 1 });
  expect(chain.storage('Commitments.CommitmentOf', NETUID, keyOf('Eve').address)).toBeNull();
});

test('a newly registered hotkey waits for the rate limit before its first weights', async () => {
  const chain = await start({ weightsRateLimit: 5 });
  const api = await connect(chain);
  const carol = keyOf('Carol');
  expect(chain.register({ netuid: NETUID, hotkey: carol.address, validatorPermit: true, stake: 1 })).toBe(2);
  await chain.produceBlocks(1);
  expect((await api.query.subtensorModule!.uids!(NETUID, carol.address)).toString()).toBe('2');
  expect((await api.query.subtensorModule!.lastUpdate!(NETUID)).toJSON()).toEqual([0, 0, 1]);
  const weights = api.tx.subtensorModule!.setWeights!(NETUID, [0, 1], [1, 2], 0);
  await chain.produceBlocks(3);
  expect(await include(api, chain, weights, carol)).toContain('SettingWeightsTooFast'); // block 5
  expect(await include(api, chain, weights, carol)).toContain('subtensorModule.WeightsSet'); // block 6 = 1 + 5
  expect(chain.weights(NETUID, 2)).toEqual([
    { uid: 0, value: 32_768 },
    { uid: 1, value: 65_535 },
  ]);
  expect(chain.weights(NETUID, 0)).toEqual([]);
});

test('a hotkey has one uid on a subnet, and subnets are those the chain began with', async () => {
  const chain = await start();
  const [bob, eve] = [keyOf('Bob').address, keyOf('Eve').address];
  expect(() => chain.register({ netuid: NETUID, hotkey: bob })).toThrow(`${bob} is uid 1 of subnet 7 already.`);
  expect(() => chain.register({ netuid: 9, hotkey: eve })).toThrow('the local chain has no subnet 9.');
  expect(() => chain.setHyperparameter(9, 'tempo', 1)).toThrow('the local chain has no subnet 9.');
  await expect(start({ names: ['Eve', 'Eve'] })).rejects.toThrow(`neuron of subnet 7 ${eve} is given twice.`);
});

test('hyperparameters can be changed while the chain runs', async () => {
  const chain = await start({ weightsRateLimit: 0 });
  const api = await connect(chain);
  const weights = api.tx.subtensorModule!.setWeights!(NETUID, [1], [1], 0);
  expect(await include(api, chain, weights, keyOf('Alice'))).toContain('subtensorModule.WeightsSet');
  chain.setHyperparameter(NETUID, 'commitRevealEnabled', true);
  expect(await include(api, chain, weights, keyOf('Alice'))).toContain('CommitRevealEnabled');
});

test('version keys above 2^53 are compared exactly', async () => {
  const chain = await start({ weightsRateLimit: 0 });
  const key = 2n ** 63n + 1n;
  chain.setStorage('SubtensorModule.WeightsVersionKey', NETUID, key);
  const api = await connect(chain);
  const weights = (version: bigint) => api.tx.subtensorModule!.setWeights!(NETUID, [1], [1], version);
  expect(await include(api, chain, weights(key - 1n), keyOf('Alice'))).toContain('IncorrectWeightVersionKey');
  expect(await include(api, chain, weights(key), keyOf('Alice'))).toContain('subtensorModule.WeightsSet');
});

test('one weight on oneself needs no permit, and a row of zeros is kept', async () => {
  const chain = await start({ weightsRateLimit: 0, minAllowedWeights: 2, tempo: 3 });
  const api = await connect(chain);
  const set = (uids: number[], values: number[]) => api.tx.subtensorModule!.setWeights!(NETUID, uids, values, 0);
  expect(await include(api, chain, set([1], [5]), keyOf('Bob'))).toContain('subtensorModule.WeightsSet');
  expect(await include(api, chain, set([0, 1], [0, 0]), keyOf('Alice'))).toContain('subtensorModule.WeightsSet');
  await chain.produceBlocks(8);
  for (const item of ['consensus', 'incentive', 'validatorTrust'])
    expect((await api.query.subtensorModule![item]!(NETUID)).toJSON()).toEqual([0, 0]);
});

test('weights that the smaller part of the stake gives are clipped', async () => {
  const validator = (name: string, stake: number) => ({ hotkey: keyOf(name).address, validatorPermit: true, stake });
  const { cryptoWaitReady } = await import('@polkadot/util-crypto');
  await cryptoWaitReady();
  const neurons = [
    validator('Alice', 60),
    validator('Bob', 40),
    { hotkey: keyOf('Carol').address },
    { hotkey: keyOf('Dave').address },
  ];
  const chain = await start({ neurons, tempo: 6, weightsRateLimit: 0 });
  const api = await connect(chain);
  const set = (values: number[]) => api.tx.subtensorModule!.setWeights!(NETUID, [2, 3], values, 0);
  await include(api, chain, set([3, 1]), keyOf('Alice'));
  await include(api, chain, set([1, 3]), keyOf('Bob'));
  await chain.produceBlocks(12);
  const read = async (item: string) => (await api.query.subtensorModule![item]!(NETUID)).toJSON();
  // Alice alone has more than half: what she gives is the consensus, and Bob's 3/4 for uid 3 counts as 1/4.
  expect(await read('consensus')).toEqual([0, 0, 49_151, 16_384]);
  expect(await read('validatorTrust')).toEqual([65_535, 32_768, 0, 0]);
  // Of what is left, 0.6 * 3/4 + 0.4 * 1/4 = 0.55 goes to uid 2 and 0.25 to uid 3.
  expect(await read('incentive')).toEqual([0, 0, Math.round((0.55 / 0.8) * 65_535), Math.round((0.25 / 0.8) * 65_535)]);
});

test('a coldkey registers a hotkey for the price of the subnet', async () => {
  const chain = await start({ burn: 1_000, maxAllowedUids: 3 });
  const api = await connect(chain);
  const [alice, bob, eve] = [keyOf('Alice'), keyOf('Bob'), keyOf('Eve')];
  const register = (hotkey: string, netuid = NETUID) => api.tx.subtensorModule!.burnedRegister!(netuid, hotkey);
  const coldkey = keyOf('Cold');
  expect(await include(api, chain, register(eve.address), coldkey)).toContain('NotEnoughBalanceToStake');
  const account = chain.storage('System.Account', coldkey.address) as { data: object };
  chain.setStorage('System.Account', coldkey.address, { ...account, data: { ...account.data, free: 2_500 } });
  expect(await include(api, chain, register(eve.address, 9), coldkey)).toContain('SubNetworkDoesNotExist');
  expect(await include(api, chain, register(bob.address), coldkey)).toContain('HotKeyAlreadyRegisteredInSubNet');
  expect(await include(api, chain, register(eve.address), coldkey)).toEqual([
    'subtensorModule.NeuronRegistered',
    'transactionPayment.TransactionFeePaid',
    'system.ExtrinsicSuccess',
  ]);
  expect((await api.query.subtensorModule!.owner!(eve.address)).toString()).toBe(coldkey.address);
  expect(chain.storage('System.Account', coldkey.address)).toMatchObject({ data: { free: 1_500 } });
  expect(await include(api, chain, register(keyOf('Full').address), coldkey)).toContain('NoNeuronIdAvailable');
  chain.setStorage('SubtensorModule.NetworkRegistrationAllowed', NETUID, false);
  expect(await include(api, chain, register(keyOf('Full').address), alice)).toContain('SubNetRegistrationDisabled');
});
