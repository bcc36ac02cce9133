import type { ApiPromise } from '@polkadot/api';
import { describe, expect, test } from 'vitest';
import { type Call, connect, include, keyOf, NETUID, PROFILES, read, type StartParameters, start } from './client.ts';

const [uids, values, salt] = [
  [0, 1],
  [1, 65_535],
  [1, 2, 3, 4],
];
const REVEALED = 'subtensorModule.WeightsRevealed';

function hashOf(api: ApiPromise, key: number): string {
  const types = '(AccountId32,u16,Vec<u16>,Vec<u16>,Vec<u16>,u64)';
  const tuple = api.createType(types, [keyOf('Alice').publicKey, NETUID, uids, values, salt, key]);
  return api.registry.hash(tuple.toU8a()).toHex();
}
const commit = (api: ApiPromise, key = 0) => api.tx.subtensorModule!.commitWeights!(NETUID, hashOf(api, key));
const reveal = (api: ApiPromise, key = 0) => api.tx.subtensorModule!.revealWeights!(NETUID, uids, values, salt, key);

describe.each(PROFILES)('%s', (profile) => {
  const isLegacy = profile === 'legacy';
  /** Dispatch errors of the legacy runtime, and what the pool of the current one says before it comes to that. */
  const errors = isLegacy
    ? {
        early: 'RevealTooEarly',
        late: 'ExpiredWeightCommit',
        other: 'InvalidRevealCommitHashNotMatch',
        none: 'NoWeightsCommitFound',
      }
    : { early: 'Custom error: 17', late: 'Custom error: 17', other: 'Custom error: 16', none: 'Custom error: 16' };

  /** Epochs of 30 blocks that begin in blocks 22, 52, 82 ... (legacy), or 30, 60, 90 ... */
  async function setUp(parameters: StartParameters = {}) {
    const tempo = isLegacy ? 29 : 30;
    const chain = await start({ profile, commitRevealEnabled: true, tempo, weightsRateLimit: 0, ...parameters });
    const api = await connect(chain);
    return { chain, api, send: (call: Call) => include(api, chain, call, keyOf('Alice')) };
  }

  test('weights count once revealed inside their window, and only there', async () => {
    const { api, chain, send } = await setUp();
    expect(await send(commit(api))).toContain('subtensorModule.WeightsCommitted'); // block 1
    const [first, last] = isLegacy ? [22, 51] : [30, 59];
    const stored = isLegacy ? [1, first, last] : [0, 1, 0];
    expect(await read(api, 'weightCommits', NETUID, keyOf('Alice').address)).toEqual([[hashOf(api, 0), ...stored]]);
    expect(await send(reveal(api, 1))).toContain(errors.other);
    await chain.produceBlocks(first - 2 - chain.currentBlock());
    expect(await send(reveal(api))).toContain(errors.early);
    expect(await send(reveal(api))).toContain(REVEALED);
    expect(await read(api, 'weights', NETUID, 0)).toEqual([
      [0, 1],
      [1, 65_535],
    ]);
    expect(await read(api, 'lastUpdate', NETUID)).toEqual([1, 0]);
    expect(await send(reveal(api))).toContain(errors.none);
  });

  test.each(['the last block of its window', 'the block after'])('a reveal in %s', async (place) => {
    const { api, chain, send } = await setUp();
    await send(commit(api));
    const inWindow = place.startsWith('the last');
    await chain.produceBlocks((isLegacy ? 51 : 59) - (inWindow ? 2 : 1));
    expect(await send(reveal(api))).toContain(inWindow ? REVEALED : errors.late);
  });

  test('a reveal drops the commits before it, and expired ones make room', async () => {
    const { api, chain, send } = await setUp();
    for (let key = 0; key < 10; key++) await send(commit(api, key));
    expect(await send(commit(api, 10))).toContain('TooManyUnrevealedCommits');
    await chain.produceBlocks(30 - chain.currentBlock() - 1);
    expect(await send(reveal(api, 7))).toContain(REVEALED); // block 30
    const left = (await read(api, 'weightCommits', NETUID, keyOf('Alice').address)) as unknown[][];
    expect(left.map(([hash]) => hash)).toEqual([hashOf(api, 8), hashOf(api, 9)]);
    await chain.produceBlocks(30);
    await send(commit(api, 11));
    const rest = (await read(api, 'weightCommits', NETUID, keyOf('Alice').address)) as unknown[][];
    expect(rest.map(([hash]) => hash)).toEqual([hashOf(api, 11)]);
  });

  test('the reveal period counts epochs', async () => {
    const { api, chain, send } = await setUp({ revealPeriodEpochs: 2 });
    await send(commit(api));
    const first = isLegacy ? 52 : 60;
    await chain.produceBlocks(first - 2 - chain.currentBlock());
    expect(await send(reveal(api))).toContain(errors.early);
    expect(await send(reveal(api))).toContain(REVEALED);
  });

  test('a subnet without commit-reveal refuses both', async () => {
    const { api, send } = await setUp({ commitRevealEnabled: false });
    expect(await send(commit(api))).toContain('CommitRevealDisabled');
    expect(await send(reveal(api))).toContain(isLegacy ? 'CommitRevealDisabled' : errors.none);
  });

  test('commits have the rate limit of weights', async () => {
    const { api, chain, send } = await setUp({ weightsRateLimit: 5 });
    await send(commit(api, 0));
    await chain.produceBlocks(3);
    expect(await send(commit(api, 1))).toContain(isLegacy ? 'CommittingWeightsTooFast' : 'Custom error: 6');
    expect(await send(commit(api, 1))).toContain('subtensorModule.WeightsCommitted');
  });

  test('the hash that Subtensor took for these weights is taken here', async () => {
    const NETUID_OF_VECTOR = 96;
    const names = ['Alice', 'n1', 'n2', 'n3', 'n4', 'n5'];
    const { api, chain, send } = await setUp({ names, netuid: NETUID_OF_VECTOR });
    const { commitWeights, revealWeights } = api.tx.subtensorModule!;
    const hash = '0xb99371d13284252acf1175de3002c0bc0ae0bcd00b5406c705f4ffb5f8160704';
    await send(commitWeights!(NETUID_OF_VECTOR, hash));
    await chain.produceBlocks(29);
    const [shown, key] = [[1, 2, 3, 4, 5, 6, 7, 8], 10_002_000];
    const call = revealWeights!(NETUID_OF_VECTOR, [0, 1, 5], [100, 200, 65_535], shown, key);
    expect(await send(call)).toContain(REVEALED);
  });
});

test('current: commit-reveal is on unless a subnet says otherwise', async () => {
  const chain = await start({ profile: 'current', commitRevealEnabled: undefined });
  const api = await connect(chain);
  expect(await read(api, 'commitRevealWeightsEnabled', NETUID)).toBe(true);
  expect(await include(api, chain, commit(api), keyOf('Alice'))).toContain('subtensorModule.WeightsCommitted');
});

test('current: a mechanism has commits of its own', async () => {
  const chain = await start({ profile: 'current', commitRevealEnabled: true, tempo: 10 });
  chain.setStorage('SubtensorModule.MechanismCountCurrent', NETUID, 2);
  const api = await connect(chain);
  const { commitMechanismWeights, revealMechanismWeights } = api.tx.subtensorModule!;
  const index = 4_096 + NETUID;
  const types = '(AccountId32,u16,Vec<u16>,Vec<u16>,Vec<u16>,u64)';
  const tuple = api.createType(types, [keyOf('Alice').publicKey, index, uids, values, salt, 0]);
  const hash = api.registry.hash(tuple.toU8a()).toHex();
  await include(api, chain, commitMechanismWeights!(NETUID, 1, hash), keyOf('Alice'));
  expect(await read(api, 'weightCommits', index, keyOf('Alice').address)).toEqual([[hash, 0, 1, 0]]);
  await chain.produceBlocks(8);
  const call = revealMechanismWeights!(NETUID, 1, uids, values, salt, 0);
  expect(await include(api, chain, call, keyOf('Alice'))).toContain(REVEALED);
  expect(await read(api, 'weights', index, 0)).toHaveLength(2);
});
