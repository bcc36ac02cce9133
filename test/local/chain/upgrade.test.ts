import { expect, test } from 'vitest';
import { commit, connect, connectRpc, include, keyOf, NETUID, read, setWeights, start } from './client.ts';

const version = { method: 'state_subscribeRuntimeVersion', unsubscribe: 'state_unsubscribeRuntimeVersion' };

test('subscribers hear of the new runtime, and earlier blocks keep theirs', async () => {
  const chain = await start({ profile: 'legacy' });
  const rpc = await connectRpc(chain);
  const heard: number[] = [];
  await rpc.subscribe<{ specVersion: number }>(version, ({ specVersion }) => void heard.push(specVersion));
  await chain.produceBlocks(2);
  chain.upgradeRuntime();
  expect(await rpc.request('state_getRuntimeVersion')).toMatchObject({ specVersion: 218 });
  await chain.produceBlocks(2);
  await expect.poll(() => heard).toEqual([218, 425]);
  expect(await rpc.request('state_getRuntimeVersion')).toMatchObject({ specVersion: 425 });
  const hashOf = (block: number) => rpc.request('chain_getBlockHash', [block]);
  for (const [block, specVersion] of [
    [2, 218],
    [3, 425],
  ] as const)
    expect(await rpc.request('state_getRuntimeVersion', [await hashOf(block)])).toMatchObject({ specVersion });
  const [before, after] = await Promise.all(
    [2, 3].map(async (block) => rpc.request<string>('state_getMetadata', [await hashOf(block)])),
  );
  const names = [before, after].map((metadata) => Buffer.from(metadata!.slice(2), 'hex').includes('SubnetEpochIndex'));
  expect(names).toEqual([false, true]);
  chain.upgradeRuntime(); // It is the current one already.
  await chain.produceBlocks(1);
  await rpc.request('system_name');
  expect(heard).toEqual([218, 425]);
});

test('what was stored is there still, in the new form', async () => {
  const chain = await start({ profile: 'legacy', tempo: 29, commitRevealEnabled: true, weightsRateLimit: 0 });
  chain.setStorage('SubtensorModule.WeightsMinStake', 50);
  const before = await connect(chain);
  const removed = ['rank', 'trust', 'pruningScores'].map((item) => before.query.subtensorModule![item]!.key(NETUID));
  const hash = `0x${'ab'.repeat(32)}`;
  await include(before, chain, commit(before, 'a/b'), keyOf('Bob')); // block 1
  await include(before, chain, before.tx.subtensorModule!.commitWeights!(NETUID, hash), keyOf('Alice'));
  await chain.produceBlocks(38); // block 40, in the epoch from 22 to 51
  chain.upgradeRuntime();
  await chain.produceBlocks(1);
  const api = await connect(chain);
  expect(await read(api, 'stakeThreshold')).toBe(50);
  expect(await read(api, 'commitRevealWeightsEnabled', NETUID)).toBe(true);
  expect([await read(api, 'subnetEpochIndex', NETUID), await read(api, 'lastEpochBlock', NETUID)]).toEqual([1, 22]);
  expect(await read(api, 'weightCommits', NETUID, keyOf('Alice').address)).toEqual([[hash, 0, 2, 0]]);
  expect(await api.query.commitments!.commitmentOf!.entries(NETUID)).toHaveLength(1);
  expect(Number(await api.query.drand!.lastStoredRound!())).toBeGreaterThan(0);
  const rpc = await connectRpc(chain);
  for (const key of removed) expect(await rpc.request('state_getStorage', [key])).toBeNull();
  await chain.produceBlocks(10); // block 51 = 22 + 29
  expect(await read(api, 'subnetEpochIndex', NETUID)).toBe(2);
});

test('what was signed for the old runtime is given up, and signing anew helps', async () => {
  const chain = await start({ profile: 'legacy' });
  const api = await connect(chain);
  const waiting = await commit(api, 'x').signAsync(keyOf('Bob'));
  const statuses: string[] = [];
  await api.rpc.author.submitAndWatchExtrinsic(waiting, ({ type }) => void statuses.push(type));
  chain.upgradeRuntime();
  await chain.produceBlocks(1);
  await expect.poll(() => statuses).toEqual(['Ready', 'Invalid']);
  const rpc = await connectRpc(chain);
  const again = rpc.request('author_submitExtrinsic', [waiting.toHex()]);
  await expect(again).rejects.toMatchObject({ code: 1010, data: 'Transaction has a bad signature' });
  const anew = await connect(chain);
  expect(await include(anew, chain, commit(anew, 'x'), keyOf('Bob'))).toContain('commitments.Commitment');
});

test('a client that stays connected learns the new calls', async () => {
  const chain = await start({ profile: 'legacy' });
  const api = await connect(chain);
  expect(api.tx.subtensorModule!.commitTimelockedWeights).toBeUndefined();
  chain.upgradeRuntime();
  await chain.produceBlocks(1);
  await expect.poll(() => api.tx.subtensorModule!.commitTimelockedWeights, { timeout: 10_000 }).toBeDefined();
  expect(await include(api, chain, commit(api, 'x'), keyOf('Bob'))).toContain('commitments.Commitment');
});

test('a current chain becomes the latest one, and keeps what is on it', async () => {
  const chain = await start({ profile: 'current', tempo: 42 });
  chain.upgradeRuntime('latest');
  await chain.produceBlocks(1);
  const api = await connect(chain);
  expect(api.runtimeVersion.specVersion.toNumber()).toBe(475);
  expect(await read(api, 'tempo', NETUID)).toBe(42);
  expect(await read(api, 'subnetEpochConsensus', NETUID)).toBe('Yuma');
  expect(await include(api, chain, setWeights(api, [1], [1]), keyOf('Alice'))).toContain('subtensorModule.WeightsSet');
  chain.upgradeRuntime('current'); // There is no way back.
  await chain.produceBlocks(1);
  expect(chain.storage('SubtensorModule.SubnetEpochConsensus', NETUID)).toBe('Yuma');
});
