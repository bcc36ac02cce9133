import { expect, test } from 'vitest';
import { connect, eventsOf, include, keyOf, NETUID, PROFILES, read, setWeights, start } from './client.ts';

// Calls by which root, owners and coldkeys act on the chain: stakes, transfers, hyperparameters, several calls at once.

const TAO = 1_000_000_000;

/** Carol owns Alice's and Bob's hotkeys; Dave is root. Alice has a permit. */
async function startOwned(profile: (typeof PROFILES)[number] | 'latest' = 'latest') {
  const [carol, dave] = [keyOf('Carol'), keyOf('Dave')];
  const neurons = ['Alice', 'Bob'].map((name, uid) => ({
    hotkey: keyOf(name).address,
    coldkey: carol.address,
    stake: uid === 0 ? 10 * TAO : 0,
    validatorPermit: uid === 0,
  }));
  const subnet = { netuid: NETUID, neurons, tempo: 5, weightsRateLimit: 0, commitRevealEnabled: false };
  const chain = await start({
    profile,
    chain: {
      subnets: [{ ...subnet, owner: carol.address }],
      sudo: dave.address,
      balances: { [carol.address]: 100 * TAO },
    },
  });
  const api = await connect(chain);
  const call = (pallet: string, name: string, ...args: unknown[]) => api.tx[pallet]![name]!(...args);
  const free = async (who: string) => {
    const account = (await api.query.system!.account!(keyOf(who).address)).toJSON() as { data: { free: number } };
    return account.data.free;
  };
  return { chain, api, call, free, carol, dave };
}

test.each([...PROFILES, 'latest'] as const)('%s: stake is bought and sold, and permits follow it', async (profile) => {
  const { chain, api, call, free, carol } = await startOwned(profile);
  const bob = keyOf('Bob').address;
  expect(await include(api, chain, call('subtensorModule', 'addStake', bob, NETUID, 40 * TAO), carol)).toContain(
    'subtensorModule.StakeAdded',
  );
  expect([await free('Carol'), await read(api, 'totalHotkeyAlpha', bob, NETUID)]).toEqual([60 * TAO, 40 * TAO]);
  await chain.produceBlocks(6);
  expect(await read(api, 'validatorPermit', NETUID)).toEqual([true, true]);
  expect(await include(api, chain, setWeights(api, [0], [1]), keyOf('Bob'))).toContain('subtensorModule.WeightsSet');

  expect(await include(api, chain, call('subtensorModule', 'removeStake', bob, NETUID, 40 * TAO), carol)).toContain(
    'subtensorModule.StakeRemoved',
  );
  expect([await free('Carol'), await read(api, 'totalHotkeyAlpha', bob, NETUID)]).toEqual([100 * TAO, 0]);
});

test('nobody stakes more than they have, for a hotkey that is not theirs, or on a subnet that is not there', async () => {
  const { chain, api, call, carol } = await startOwned();
  const [bob, eve] = [keyOf('Bob').address, keyOf('Eve').address];
  const stake = (hotkey: string, netuid: number, amount: number) =>
    call('subtensorModule', 'addStake', hotkey, netuid, amount);
  expect(await include(api, chain, stake(bob, NETUID, 101 * TAO), carol)).toContain('NotEnoughBalanceToStake');
  expect(await include(api, chain, stake(bob, 9, TAO), carol)).toContain('SubnetNotExists');
  expect(await include(api, chain, stake(eve, NETUID, TAO), carol)).toContain('HotKeyAccountNotExists');
  expect(await include(api, chain, stake(bob, NETUID, TAO), keyOf('Dave'))).toContain('NonAssociatedColdKey');
  const sold = call('subtensorModule', 'removeStake', bob, NETUID, TAO);
  expect(await include(api, chain, sold, carol)).toContain('NotEnoughStakeToWithdraw');
});

test('root sets hyperparameters; owners set theirs, and no one else does', async () => {
  const { chain, api, call, carol, dave } = await startOwned();
  const tempo = call('adminUtils', 'sudoSetTempo', NETUID, 42);
  expect(await include(api, chain, call('sudo', 'sudo', tempo), dave)).toContain('sudo.Sudid');
  expect(await read(api, 'tempo', NETUID)).toBe(42);
  const hidden = call('adminUtils', 'sudoSetCommitRevealWeightsEnabled', NETUID, true);
  expect(await include(api, chain, hidden, carol)).toContain('system.ExtrinsicSuccess');
  expect(await read(api, 'commitRevealWeightsEnabled', NETUID)).toBe(true);

  // A call of root's that fails says so in the event alone.
  const elsewhere = call('adminUtils', 'sudoSetTempo', 9, 42);
  expect(await include(api, chain, call('sudo', 'sudo', elsewhere), dave)).toContain('system.ExtrinsicSuccess');
  const sudid = (await eventsOf(api, 'ApplyExtrinsic')).find(({ name }) => name === 'sudo.Sudid');
  expect(sudid!.data).toMatchObject([{ err: { module: { index: 7, error: '0x4c000000' } } }]); // SubnetNotExists

  expect(await include(api, chain, call('sudo', 'sudo', tempo), carol)).toContain('RequireSudo');
  await send(hidden, 'Bob');
  await send(tempo, 'Carol');
  expect(await read(api, 'tempo', NETUID)).toBe(42);

  /** A call that fails with an error of no pallet. */
  async function send(refused: typeof tempo, who: string) {
    await refused.signAndSend(keyOf(who), { nonce: -1 });
    await chain.produceBlocks(1);
    const failed = (await api.query.system!.events!()) as unknown as { event: { method: string; data: unknown[] } }[];
    const found = failed.find(({ event }) => event.method === 'ExtrinsicFailed');
    expect(String(found?.event.data[0])).toMatch(/badOrigin/i);
  }
});

test('a batch stops at the first call that fails; batch_all undoes the others; force_batch goes on', async () => {
  const { chain, api, call, free, carol } = await startOwned();
  const pay = (amount: number) => call('balances', 'transferKeepAlive', keyOf('Eve').address, amount);
  const calls = [pay(TAO), pay(1_000 * TAO), pay(2 * TAO)];
  expect(await include(api, chain, call('utility', 'batch', calls), carol)).toEqual(
    expect.arrayContaining(['balances.Transfer', 'utility.BatchInterrupted', 'system.ExtrinsicSuccess']),
  );
  expect(await free('Eve')).toBe(TAO);
  expect(await include(api, chain, call('utility', 'batchAll', calls), carol)).toContain('InsufficientBalance');
  expect([await free('Eve'), await free('Carol')]).toEqual([TAO, 99 * TAO]);
  expect(await include(api, chain, call('utility', 'forceBatch', calls), carol)).toContain(
    'utility.BatchCompletedWithErrors',
  );
  expect(await free('Eve')).toBe(4 * TAO);
  const failed = await eventsOf(api, 'ApplyExtrinsic');
  expect(failed.filter(({ name }) => name === 'utility.ItemFailed')).toHaveLength(1);
});

test('a batch of a hotkey sets weights and commits at once', async () => {
  const { chain, api, call } = await startOwned();
  const fields = [{ Raw3: Buffer.from('abc') }];
  const commitment = call('commitments', 'setCommitment', NETUID, { fields });
  const both = call('utility', 'batchAll', [setWeights(api, [1], [1]), commitment]);
  expect(await include(api, chain, both, keyOf('Alice'))).toEqual(
    expect.arrayContaining(['subtensorModule.WeightsSet', 'commitments.Commitment', 'utility.BatchCompleted']),
  );
  expect(chain.weights({ netuid: NETUID, uid: 0 })).toEqual([{ uid: 1, value: 65_535 }]);
});

test('a half-signed batch is refused, whole, and so is one nested without end', async () => {
  const { chain, api, call, free, carol } = await startOwned();
  const pay = call('balances', 'transferKeepAlive', keyOf('Eve').address, TAO);
  const signed = await call('utility', 'batchAll', [pay]).signAsync(carol, { nonce: -1 });
  // The signature of one batch over the calls of another.
  const forged = call('utility', 'batchAll', [pay, pay]);
  const { era, nonce, signature } = signed;
  forged.addSignature(carol.address, `0x01${signature.toHex().slice(2)}`, {
    ...{ era: era.toHex(), nonce: nonce.toHex(), tip: 0, mode: 0, metadataHash: null },
    ...{ blockHash: api.genesisHash.toHex(), genesisHash: api.genesisHash.toHex(), method: forged.method.toHex() },
    ...{ specVersion: api.runtimeVersion.specVersion.toHex(), transactionVersion: '0x01' },
  } as never);
  await expect(api.rpc.author.submitExtrinsic(forged)).rejects.toThrow('bad signature');
  let nested = pay;
  for (let depth = 0; depth < 20; depth++) nested = call('utility', 'batch', [nested]);
  await expect(nested.signAndSend(carol, { nonce: -1 })).rejects.toThrow('1011');
  await chain.produceBlocks(2);
  expect(await free('Eve')).toBe(0);
});
