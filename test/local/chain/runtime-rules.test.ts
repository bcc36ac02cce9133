import { ApiPromise, WsProvider } from '@polkadot/api';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalChain, type LocalNeuron, startLocalChain } from '../../../src/local/chain/start-local-chain.ts';

const NETUID = 96;
const TEMPO = 5;
const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 });
let alice: KeyringPair;
let bob: KeyringPair;
const open: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  alice = keyring.addFromUri('//Alice');
  bob = keyring.addFromUri('//Bob');
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function start({
  neurons = [alice, bob].map(({ address }) => ({ hotkey: address, validatorPermit: true })),
  ...subnet
}: {
  neurons?: LocalNeuron[];
  commitRevealEnabled?: boolean;
  weightsRateLimit?: number;
} = {}) {
  const chain = await startLocalChain({
    blockTimeMs: 'manual',
    commitmentCooldownBlocks: 0,
    subnets: [{ netuid: NETUID, tempo: TEMPO, neurons, ...subnet }],
  });
  open.push(() => chain.close());
  const noEffect = { extrinsic: {}, payload: {} };
  const signedExtensions = { SubtensorSignedExtension: noEffect, CommitmentsSignedExtension: noEffect };
  const api = await ApiPromise.create({
    provider: new WsProvider(chain.url, 1000),
    signedExtensions,
    noInitWarn: true,
  });
  open.push(() => api.disconnect());
  return { chain, api };
}

const commit = (api: ApiPromise, ...texts: string[]) =>
  api.tx.commitments!.setCommitment!(NETUID, {
    fields: texts.map((text) => ({ [`Raw${text.length}`]: new TextEncoder().encode(text) })),
  });

type Call = ReturnType<ApiPromise['tx'][string][string]>;

/** Sends in the next block; names of that block's events. */
async function include(
  api: ApiPromise,
  chain: LocalChain,
  call: Call,
  from: KeyringPair,
  options = {},
): Promise<string[]> {
  await api.rpc.author.submitExtrinsic(await call.signAsync(from, options));
  await chain.produceBlocks(1);
  const records = (await api.query.system!.events!()) as unknown as { event: { method: string } }[];
  return records.map(({ event }) => event.method);
}

async function nonceOf(api: ApiPromise, { address }: KeyringPair): Promise<number> {
  return ((await api.query.system!.account!(address)) as unknown as { nonce: { toNumber(): number } }).nonce.toNumber();
}

test('every pallet a client looks for stands at its place', async () => {
  const { api } = await start();
  expect(api.runtimeMetadata.asLatest.pallets.map(({ name, index }) => `${name} ${index}`)).toEqual([
    'System 0',
    'Timestamp 2',
    'Balances 5',
    'TransactionPayment 6',
    'SubtensorModule 7',
    'Commitments 18',
  ]);
});

test('more fields than a commitment may have trap the runtime', async () => {
  const { api } = await start();
  const signed = await commit(api, 'one', 'two').signAsync(bob);
  await expect(api.rpc.author.submitExtrinsic(signed)).rejects.toThrow('1011');
});

test.each([
  [4, 'leaves the pool once its era has ended', 1],
  [64, 'is included while its era lasts', 2],
])('a transaction of an era of %i blocks that waits for a nonce %s', async (era, _, nonce) => {
  const { api, chain } = await start();
  await api.rpc.author.submitExtrinsic(await commit(api, 'late').signAsync(bob, { nonce: 1, era }));
  await chain.produceBlocks(20);
  await include(api, chain, commit(api, 'first'), bob, { nonce: 0, era: 0 });
  expect(await nonceOf(api, bob)).toBe(nonce);
  expect(await api.rpc.author.pendingExtrinsics()).toHaveLength(0);
});

test('a signature over more than 256 bytes is one over their hash', async () => {
  const neurons = Array.from({ length: 70 }, (_, uid) => ({
    hotkey: keyring.addFromUri(`//neuron/${uid}`).address,
    validatorPermit: uid === 0,
  }));
  const { api, chain } = await start({ neurons });
  const uids = neurons.map((_, uid) => uid);
  const call = api.tx.subtensorModule!.setWeights!(NETUID, uids, uids, 0);
  expect(call.method.toU8a().length).toBeGreaterThan(256);
  expect(await include(api, chain, call, keyring.addFromUri('//neuron/0'))).toContain('WeightsSet');
});

test.each([1_000, 2 ** 52 + 1])('validators with a stake of %d decide the incentive', async (stake) => {
  const { api, chain } = await start({
    neurons: [alice, bob].map(({ address }) => ({ hotkey: address, validatorPermit: true, stake })),
  });
  for (const validator of [alice, bob])
    await include(api, chain, api.tx.subtensorModule!.setWeights!(NETUID, [0, 1], [3, 1], 0), validator);
  await chain.produceBlocks(TEMPO + 1);
  const [first] = (await api.query.subtensorModule!.incentive!(NETUID)).toJSON() as number[];
  expect(first! / 65_535).toBeCloseTo(0.75, 4);
});

test('blocks since the last epoch are counted from 0 in the block of the epoch', async () => {
  const { api, chain } = await start();
  const counted: number[] = [];
  for (let block = 1; block <= 2 * (TEMPO + 1); block++) {
    await chain.produceBlocks(1);
    counted.push((await api.query.subtensorModule!.blocksSinceLastStep!(NETUID)).toJSON() as number);
  }
  // The epoch runs where (block + netuid + 1) mod (tempo + 1) = tempo: in blocks 4 and 10.
  expect(counted).toEqual([1, 2, 3, 0, 1, 2, 3, 4, 5, 0, 1, 2]);
});

test('the hash that Subtensor took for these weights is taken here', async () => {
  const neurons = Array.from({ length: 6 }, (_, uid) => ({
    hotkey: uid === 0 ? alice.address : keyring.addFromUri(`//n/${uid}`).address,
    validatorPermit: true,
  }));
  const { api, chain } = await start({ neurons, commitRevealEnabled: true, weightsRateLimit: 0 });
  const { commitWeights, revealWeights } = api.tx.subtensorModule!;
  const hash = '0xb99371d13284252acf1175de3002c0bc0ae0bcd00b5406c705f4ffb5f8160704';
  await include(api, chain, commitWeights!(NETUID, hash), alice);
  await chain.produceBlocks(TEMPO);
  const reveal = revealWeights!(NETUID, [0, 1, 5], [100, 200, 65_535], [1, 2, 3, 4, 5, 6, 7, 8], 10_002_000);
  expect(await include(api, chain, reveal, alice)).toContain('WeightsRevealed');
});
