import type { KeyringPair } from '@polkadot/keyring/types';
import { describe, expect, test } from 'vitest';
import type { JsonRpcSocket } from '../../../src/chain/node/json-rpc-socket.ts';
import { SPEC_VERSIONS } from '../../../src/local/chain/description/profile.ts';
import {
  type Call,
  commit,
  connect,
  connectRpc,
  include,
  keyOf,
  NETUID,
  PROFILES,
  setWeights,
  start,
} from './client.ts';

/** Signs without asking the chain for anything that is given. */
async function sign(call: Call, from: KeyringPair, options: object): Promise<string> {
  return (await call.signAsync(from, options)).toHex();
}

/** Submits, and gathers what the chain says about the transaction. */
async function watch(rpc: JsonRpcSocket, transaction: string): Promise<unknown[]> {
  const statuses: unknown[] = [];
  const method = 'author_submitAndWatchExtrinsic';
  await rpc.subscribe({ method, unsubscribe: 'author_unwatchExtrinsic', params: [transaction] }, (status) => {
    statuses.push(status);
  });
  return statuses;
}

const submit = (rpc: JsonRpcSocket, transaction: string) => rpc.request('author_submitExtrinsic', [transaction]);
const bob = () => keyOf('Bob').address;

describe.each(PROFILES)('%s', (profile) => {
  const specVersion = SPEC_VERSIONS[profile];

  async function setUp(names?: string[]) {
    const chain = await start({ profile, names });
    return { chain, api: await connect(chain), rpc: await connectRpc(chain), bob: keyOf('Bob') };
  }

  test('one that is early waits, and is ready as soon as the missing one comes', async () => {
    const { api, chain, rpc, bob } = await setUp();
    const late = await watch(rpc, await sign(commit(api, 'second'), bob, { nonce: 1 }));
    const first = await watch(rpc, await sign(commit(api, 'first'), bob, { nonce: 0 }));
    await expect.poll(() => late).toEqual(['future', 'ready']);
    await chain.produceBlocks(1);
    const hash = await rpc.request('chain_getBlockHash');
    await expect.poll(() => first).toEqual(['ready', { inBlock: hash }, { finalized: hash }]);
    await expect.poll(() => late).toEqual(['future', 'ready', { inBlock: hash }, { finalized: hash }]);
  });

  test('the next nonce counts those in the pool, up to the first gap', async () => {
    const { api, rpc, bob } = await setUp();
    const next = () => rpc.request('system_accountNextIndex', [bob.address]);
    expect(await next()).toBe(0);
    await submit(rpc, await sign(commit(api, 'later'), bob, { nonce: 2 }));
    expect(await next()).toBe(0);
    await submit(rpc, await sign(commit(api, 'now'), bob, { nonce: 0 }));
    expect(await next()).toBe(1);
    await submit(rpc, await sign(commit(api, 'between'), bob, { nonce: 1 }));
    expect(await next()).toBe(3);
  });

  test('the same one again, and another one with its nonce, are refused by code', async () => {
    const { api, rpc, bob } = await setUp();
    const transaction = await sign(commit(api, 'one'), bob, { nonce: 0 });
    await submit(rpc, transaction);
    await expect(submit(rpc, transaction)).rejects.toMatchObject({ code: 1013 });
    const other = await sign(commit(api, 'two'), bob, { nonce: 0 });
    await expect(submit(rpc, other)).rejects.toMatchObject({ code: 1014 });
    expect(await rpc.request('author_pendingExtrinsics')).toEqual([transaction]);
  });

  test.each([
    ['genesis', { genesisHash: `0x${'11'.repeat(32)}` }],
    ['runtime', { runtimeVersion: { specVersion: specVersion + 1, transactionVersion: 1 } }],
    ['transaction version', { runtimeVersion: { specVersion, transactionVersion: 2 } }],
  ])('a signature for another %s is bad', async (_, options) => {
    const { api, rpc, bob } = await setUp();
    const { genesisHash, runtimeVersion } = api;
    const honest = { nonce: 0, era: '0x00', genesisHash, blockHash: genesisHash, runtimeVersion };
    const signWith = (values: object) =>
      api.createType('Extrinsic', commit(api, 'x').method, { version: 4 }).sign(bob, { ...honest, ...values } as never);
    await expect(submit(rpc, signWith(options).toHex())).rejects.toMatchObject({
      code: 1010,
      data: 'Transaction has a bad signature',
    });
    await submit(rpc, signWith({}).toHex());
  });

  test.each(['the nonce', 'the tip', 'the call'])('%s cannot be changed after signing', async (part) => {
    const { api, rpc, bob } = await setUp();
    const signed = Buffer.from((await sign(commit(api, 'text'), bob, { nonce: 0, era: 0 })).slice(2), 'hex');
    // The call has 10 bytes; before it stand nonce, tip and mode, one byte each.
    const place = signed.length - { 'the call': 1, 'the tip': 12, 'the nonce': 13 }[part]!;
    signed[place]! ^= 4;
    await expect(submit(rpc, `0x${signed.toString('hex')}`)).rejects.toMatchObject({
      code: 1010,
      data: 'Transaction has a bad signature',
    });
  });

  test('an ed25519 key signs as well', async () => {
    const chain = await start({ profile });
    const key = keyOf('Ed', 'ed25519');
    chain.register({ netuid: NETUID, hotkey: key.address });
    await chain.produceBlocks(1);
    const api = await connect(chain);
    expect(await include(api, chain, commit(api, 'x'), key)).toContain('commitments.Commitment');
  });

  test('an era that began before the chain, or that the chain has forgotten, is refused', async () => {
    const { api, chain, rpc, bob } = await setUp();
    const options = { nonce: 0, era: 64, blockHash: api.genesisHash, blockNumber: 0 };
    const transaction = await sign(commit(api, 'x'), bob, options);
    await chain.produceBlocks(65);
    // The era is counted anew, from block 64, whose hash was not signed.
    await expect(submit(rpc, transaction)).rejects.toMatchObject({
      code: 1010,
      data: 'Transaction has a bad signature',
    });
    const unborn = { ...options, era: api.createType('ExtrinsicEra', { current: 3_000, period: 4_096 }).toHex() };
    await expect(submit(rpc, await sign(commit(api, 'x'), bob, unborn))).rejects.toMatchObject({
      code: 1010,
      data: 'Transaction has an ancient birth block',
    });
  });

  test('unsigned transactions, and calls that only the chain makes, are refused', async () => {
    const { api, rpc, bob } = await setUp();
    const clock = api.tx.timestamp!.set!(1);
    for (const transaction of [clock.toHex(), await sign(clock, bob, { nonce: 0 })])
      await expect(submit(rpc, transaction)).rejects.toMatchObject({ code: 1010 });
  });

  test('bytes after a transaction are not overlooked', async () => {
    const { api, rpc, bob } = await setUp();
    const transaction = await sign(commit(api, 'x'), bob, { nonce: 0 });
    await expect(submit(rpc, `${transaction}00`)).rejects.toMatchObject({ code: 1011 });
    for (const hex of ['no hex', '0x1', 5, null])
      await expect(rpc.request('author_submitExtrinsic', [hex])).rejects.toMatchObject({ code: -32602 });
  });

  test('accounts take turns in one block, each in the order of its nonces', async () => {
    const { api, chain, rpc } = await setUp(['Alice', 'Bob', 'Carol']);
    const sent: string[] = [];
    for (const nonce of [0, 1, 2])
      for (const name of ['Carol', 'Bob']) sent.push(await sign(commit(api, name), keyOf(name), { nonce }));
    await Promise.all(sent.map((transaction) => submit(rpc, transaction)));
    await chain.produceBlocks(1);
    const { block } = await rpc.request<{ block: { extrinsics: string[] } }>('chain_getBlock');
    expect([...block.extrinsics.slice(1)].sort()).toEqual([...sent].sort());
    expect(chain.storage('System.Account', bob())).toMatchObject({ nonce: 3 });
  });

  test.each([
    [4, 'leaves the pool once its era has ended', 1],
    [64, 'is included while its era lasts', 2],
  ])('one of an era of %i blocks that waits for a nonce %s', async (era, _, nonce) => {
    const { api, chain, rpc, bob } = await setUp();
    await submit(rpc, await sign(commit(api, 'late'), bob, { nonce: 1, era }));
    await chain.produceBlocks(20);
    await submit(rpc, await sign(commit(api, 'first'), bob, { nonce: 0, era: 0 }));
    await chain.produceBlocks(1);
    expect(chain.storage('System.Account', bob.address)).toMatchObject({ nonce });
    expect(await rpc.request('author_pendingExtrinsics')).toEqual([]);
  });

  test('a signature over more than 256 bytes is one over their hash', async () => {
    const names = Array.from({ length: 70 }, (_, uid) => `neuron/${uid}`);
    const { api, chain } = await setUp(names);
    const uids = names.map((_, uid) => uid);
    const call = setWeights(api, uids, uids);
    expect(call.method.toU8a().length).toBeGreaterThan(256);
    expect(await include(api, chain, call, keyOf('neuron/0'))).toContain('subtensorModule.WeightsSet');
  });

  test('mortal and immortal ones with tips are taken', async () => {
    const { api, chain, rpc, bob } = await setUp();
    await submit(rpc, await sign(commit(api, 'mortal'), bob, { nonce: 0, era: 8, tip: 5 }));
    await submit(rpc, await sign(commit(api, 'immortal'), bob, { nonce: 1, era: 0 }));
    await chain.produceBlocks(1);
    expect(chain.storage('System.Account', bob.address)).toMatchObject({ nonce: 2 });
  });

  test('one whose nonce was used is outdated', async () => {
    const { api, chain, rpc, bob } = await setUp();
    await include(api, chain, commit(api, 'x'), bob);
    const again = submit(rpc, await sign(commit(api, 'y'), bob, { nonce: 0 }));
    await expect(again).rejects.toMatchObject({ code: 1010, data: 'Transaction is outdated' });
  });
});
