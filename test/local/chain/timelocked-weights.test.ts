import type { ApiPromise } from '@polkadot/api';
import { expect, test } from 'vitest';
import { encryptTimelocked } from '../../../src/chain/timelock/encrypt.ts';
import type { LocalChain } from '../../../src/local/chain/local-chain.ts';
import { type Call, connect, eventsOf, include, keyOf, NETUID, read, type StartParameters, start } from './client.ts';

const REVEALED = 'subtensorModule.TimelockedWeightsRevealed';
const TEMPO = 10;
const [uids, values] = [
  [0, 1],
  [1, 65_535],
];

async function setUp(parameters: StartParameters = {}) {
  const chain = await start({
    ...{ profile: 'current', commitRevealEnabled: true, tempo: TEMPO, weightsRateLimit: 0 },
    ...parameters,
  });
  const api = await connect(chain);
  return { chain, api, send: (call: Call, name = 'Alice') => include(api, chain, call, keyOf(name)) };
}

const lastRound = (chain: LocalChain) => chain.storage('Drand.LastStoredRound') as number;

interface CommitParameters {
  /** Whose key stands in the payload; `null`: nobody's, as before spec 301. */
  hotkey?: string | null;
  uids?: number[];
  versionKey?: number;
  /** Rounds from now on. */
  rounds?: number;
  commit?: string;
  version?: number;
}

/** Weights as a client locks them. */
function commitCall(api: ApiPromise, chain: LocalChain, parameters: CommitParameters = {}): Call {
  const { hotkey = 'Alice', versionKey = 0, rounds = 2, version = 4 } = parameters;
  const weights = ['(Vec<u16>,Vec<u16>,u64)', [parameters.uids ?? uids, values, versionKey]] as const;
  const parts = [api.createType(...weights).toU8a()];
  if (hotkey !== null) parts.unshift(Uint8Array.of(128), keyOf(hotkey).publicKey);
  const round = lastRound(chain) + rounds;
  const ciphertext = encryptTimelocked({ message: Buffer.concat(parts), round, publicKey: chain.beacon.publicKey });
  const commit = parameters.commit ?? `0x${Buffer.from(ciphertext).toString('hex')}`;
  return api.tx.subtensorModule!.commitTimelockedWeights!(NETUID, commit, round, version);
}

const untilBlock = (chain: LocalChain, block: number) => chain.produceBlocks(block - chain.currentBlock());
const startOf = async (api: ApiPromise) => (await eventsOf(api, 'Initialization')).map(({ name }) => name);

test('weights come to light in the first block of their epoch, and count in its consensus', async () => {
  const { api, chain, send } = await setUp();
  const before = lastRound(chain);
  expect(await send(commitCall(api, chain))).toContain('subtensorModule.TimelockedWeightsCommitted'); // block 1
  const alice = keyOf('Alice').address;
  expect(await read(api, 'timelockedWeightCommits', NETUID, 0)).toEqual([
    [alice, 1, expect.stringMatching(/^0x/), before + 2],
  ]);
  await untilBlock(chain, TEMPO - 1);
  expect([await read(api, 'weights', NETUID, 0), await read(api, 'incentive', NETUID)]).toEqual([[], [0, 0]]);
  await chain.produceBlocks(1);
  expect(await startOf(api)).toEqual(['subtensorModule.WeightsSet', REVEALED]);
  expect(await read(api, 'weights', NETUID, 0)).toEqual([
    [0, 1],
    [1, 65_535],
  ]);
  expect(await read(api, 'incentive', NETUID)).toEqual([1, 65_534]);
  expect(await read(api, 'timelockedWeightCommits', NETUID, 0)).toEqual([]);
  expect(await read(api, 'lastUpdate', NETUID)).toEqual([1, 0]);
});

test('a pulse that comes late is waited for until the epoch ends', async () => {
  const { api, chain, send } = await setUp();
  const due = lastRound(chain) + TEMPO + 5;
  await send(commitCall(api, chain, { rounds: TEMPO + 5 }));
  await untilBlock(chain, TEMPO);
  while (lastRound(chain) < due) {
    expect(await read(api, 'weights', NETUID, 0)).toEqual([]);
    await chain.produceBlocks(1);
  }
  await chain.produceBlocks(1);
  expect(await startOf(api)).toContain(REVEALED);
});

test('one whose pulse does not come in that epoch is dropped', async () => {
  const { api, chain, send } = await setUp();
  await send(commitCall(api, chain, { rounds: 1_000 }));
  await untilBlock(chain, 2 * TEMPO - 1);
  expect(await read(api, 'timelockedWeightCommits', NETUID, 0)).toHaveLength(1);
  await chain.produceBlocks(1);
  expect(await read(api, 'timelockedWeightCommits', NETUID, 0)).toEqual([]);
  expect(await read(api, 'weights', NETUID, 0)).toEqual([]);
});

test.each<[string, CommitParameters, StartParameters]>([
  ['weights of another hotkey', { hotkey: 'Bob' }, {}],
  ['bytes that are no ciphertext', { commit: `0x${'ab'.repeat(300)}` }, {}],
  ['a version key that is too low', { versionKey: 4 }, { weightsVersionKey: 5 }],
  ['a uid that the subnet does not have', { uids: [0, 9] }, {}],
])('%s are dropped without a word', async (_, commit, subnet) => {
  const { api, chain, send } = await setUp(subnet);
  expect(await send(commitCall(api, chain, commit))).toContain('subtensorModule.TimelockedWeightsCommitted');
  await untilBlock(chain, TEMPO);
  expect(await startOf(api)).toEqual([]);
  expect(await read(api, 'timelockedWeightCommits', NETUID, 0)).toEqual([]);
  expect(await read(api, 'weights', NETUID, 0)).toEqual([]);
});

test('a payload without hotkey, as before spec 301, is opened still', async () => {
  const { api, chain, send } = await setUp();
  await send(commitCall(api, chain, { hotkey: null }));
  await untilBlock(chain, TEMPO);
  expect(await startOf(api)).toContain(REVEALED);
});

test.each<[string, CommitParameters, StartParameters & { name?: string }]>([
  ['IncorrectCommitRevealVersion', { version: 3 }, {}],
  ['CommitRevealDisabled', {}, { commitRevealEnabled: false }],
  ['HotKeyNotRegisteredInSubNet', {}, { name: 'Eve' }],
  // The latest round is allowed, so the one before it is the first that is not.
  ['Custom error: 15', { rounds: -1 }, {}],
])('%s', async (error, commit, { name, ...subnet }) => {
  const { api, chain, send } = await setUp(subnet);
  await chain.produceBlocks(3);
  expect(await send(commitCall(api, chain, commit), name)).toContain(error);
});

test('ten may wait in an epoch, and the rate limit is the one of weights', async () => {
  const { api, chain, send } = await setUp({ tempo: 40 });
  for (let i = 0; i < 10; i++) await send(commitCall(api, chain, { rounds: 100, commit: '0x00' }));
  expect(await send(commitCall(api, chain, { rounds: 100, commit: '0x00' }))).toContain('TooManyUnrevealedCommits');
  chain.setHyperparameter({ netuid: NETUID, name: 'weightsRateLimit', value: 100 });
  await chain.produceBlocks(1);
  expect(await send(commitCall(api, chain))).toEqual(['Custom error: 6']);
});

test('a ciphertext of more than 5000 bytes traps the runtime', async () => {
  const { api, chain, send } = await setUp();
  expect((await send(commitCall(api, chain, { commit: `0x${'00'.repeat(5_001)}` })))[0]).toContain('1011');
  expect(await send(commitCall(api, chain, { commit: `0x${'00'.repeat(5_000)}` }))).toContain(
    'subtensorModule.TimelockedWeightsCommitted',
  );
});

test('a mechanism has time-locked weights of its own', async () => {
  const { api, chain, send } = await setUp();
  chain.setStorage('SubtensorModule.MechanismCountCurrent', NETUID, 2);
  await chain.produceBlocks(1);
  const [, ...args] = commitCall(api, chain).args;
  await send(api.tx.subtensorModule!.commitTimelockedMechanismWeights!(NETUID, 1, ...args));
  await untilBlock(chain, TEMPO);
  expect([await read(api, 'weights', NETUID, 0), await read(api, 'weights', 4_096 + NETUID, 0)]).toEqual([
    [],
    [
      [0, 1],
      [1, 65_535],
    ],
  ]);
});
