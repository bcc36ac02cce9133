import { ApiPromise, WsProvider } from '@polkadot/api';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  type LocalChain,
  type LocalSubnetParameters,
  startLocalChain,
} from '../../../src/local/chain/start-local-chain.ts';

// Everything here goes through the unmodified @polkadot/api.

const NETUID = 7;
const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 });
let alice: KeyringPair;
let bob: KeyringPair;
let eve: KeyringPair;
const open: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  alice = keyring.addFromUri('//Alice');
  bob = keyring.addFromUri('//Bob');
  eve = keyring.addFromUri('//Eve');
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function start(
  subnet: Partial<LocalSubnetParameters> = {},
  chain: Partial<Parameters<typeof startLocalChain>[0]> = {},
) {
  const neurons = [
    { hotkey: alice.address, validatorPermit: true, stake: 100 },
    { hotkey: bob.address, coldkey: eve.address },
    { hotkey: keyring.addFromUri('//Carol').address },
  ];
  const running = await startLocalChain({
    blockTimeMs: 'instant',
    subnets: [{ netuid: NETUID, neurons, ...subnet }],
    ...chain,
  });
  open.push(() => running.close());
  return running;
}

async function connect({ url }: LocalChain) {
  const noEffect = { extrinsic: {}, payload: {} };
  const signedExtensions = { SubtensorSignedExtension: noEffect, CommitmentsSignedExtension: noEffect };
  const api = await ApiPromise.create({ provider: new WsProvider(url, 1000), signedExtensions, noInitWarn: true });
  open.push(() => api.disconnect());
  return api;
}

/** The error of a message sent as it is. */
function ask({ url }: LocalChain, message: string): Promise<unknown> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.on('open', () => socket.send(message));
    socket.on('message', (data) => {
      resolve(JSON.parse(String(data)).error);
      socket.close();
    });
  });
}

type Call = ReturnType<ApiPromise['tx'][string][string]>;

/** Sends and waits for the block; resolves with the names of the events, or rejects with the dispatch error's name. */
function send(api: ApiPromise, call: Call, from: KeyringPair, options = {}): Promise<string[]> {
  return new Promise((resolve, reject) => {
    call
      .signAndSend(from, options, ({ status, dispatchError, events }) => {
        if (!status.isFinalized) return;
        if (dispatchError?.isModule) reject(new Error(api.registry.findMetaError(dispatchError.asModule).name));
        else resolve(events.map(({ event }) => `${event.section}.${event.method}`));
      })
      .catch(reject);
  });
}

const commit = (api: ApiPromise, text: string) =>
  api.tx.commitments!.setCommitment!(NETUID, { fields: [{ [`Raw${text.length}`]: new TextEncoder().encode(text) }] });
const setWeights = (api: ApiPromise, uids: number[], values: number[], netuid = NETUID, key = 0) =>
  api.tx.subtensorModule!.setWeights!(netuid, uids, values, key);

test('a client connects and finds a development chain of TAO', async () => {
  const api = await connect(await start());
  expect(api.runtimeChain.toString()).toBe('FLock OFF development chain');
  expect(api.registry.chainTokens).toEqual(['TAO']);
  expect(api.registry.chainDecimals).toEqual([9]);
  expect(api.consts.commitments!.maxFields!.toString()).toBe('1');
  expect(api.consts.commitments!.rateLimit!.toString()).toBe('100');
  expect((await api.rpc.chain.getHeader()).hash.toHex()).toBe((await api.rpc.chain.getBlockHash()).toHex());
});

test('storage is read as plain values, vectors, maps and double maps, and as of earlier blocks', async () => {
  const chain = await start({ tempo: 42 });
  const api = await connect(chain);
  const query = api.query.subtensorModule!;
  expect((await query.tempo!(NETUID)).toString()).toBe('42');
  expect((await query.uids!(NETUID, bob.address)).toString()).toBe('1');
  expect((await query.uids!(NETUID, eve.address)).isEmpty).toBe(true);
  expect((await query.keys!.entries(NETUID)).map(([, hotkey]) => hotkey.toString())).toContain(bob.address);
  expect((await query.owner!(bob.address)).toString()).toBe(eve.address);
  expect((await query.validatorPermit!(NETUID)).toJSON()).toEqual([true, false, false]);
  const before = await api.rpc.chain.getBlockHash();
  await send(api, commit(api, 'a/b'), bob);
  expect((await (await api.at(before)).query.commitments!.commitmentOf!.entries(NETUID)).length).toBe(0);
  expect((await api.query.commitments!.commitmentOf!.entries(NETUID)).length).toBe(1);
});

describe('commitments', () => {
  test('what is committed is read back byte for byte, with its block', async () => {
    const chain = await start();
    const api = await connect(chain);
    const text = 'namespace/name:1:0123456789abcdef0123456789abcdef01234567';
    expect(await send(api, commit(api, text), bob)).toEqual([
      'commitments.Commitment',
      'transactionPayment.TransactionFeePaid',
      'system.ExtrinsicSuccess',
    ]);
    const stored = (await api.query.commitments!.commitmentOf!(NETUID, bob.address)).toJSON() as {
      block: number;
      info: { fields: Record<string, string>[] };
    };
    expect(stored.block).toBe(chain.currentBlock());
    expect(stored.info.fields).toEqual([{ [`raw${text.length}`]: `0x${Buffer.from(text).toString('hex')}` }]);
  });

  test('the second one is taken exactly when the cooldown has passed', async () => {
    const chain = await start();
    const api = await connect(chain);
    await send(api, commit(api, 'one'), bob);
    await expect(send(api, commit(api, 'two'), bob)).rejects.toThrow('CommitmentSetRateLimitExceeded');
    await chain.produceBlocks(97);
    await expect(send(api, commit(api, 'two'), bob)).rejects.toThrow('CommitmentSetRateLimitExceeded');
    await expect(send(api, commit(api, 'two'), bob)).resolves.toContain('commitments.Commitment');
  });

  test('an unregistered hotkey is refused', async () => {
    const api = await connect(await start());
    await expect(send(api, commit(api, 'x'), eve)).rejects.toThrow('AccountNotAllowedCommit');
  });

  test('bytes the runtime cannot read trap it', async () => {
    const submit = JSON.stringify({ id: 1, method: 'author_submitExtrinsic', params: ['0x1004ffff12'] });
    expect(await ask(await start(), submit)).toMatchObject({
      code: 1011,
      data: expect.stringContaining('unreachable'),
    });
  });
});

describe('weights', () => {
  test('are stored with the largest scaled to 65535', async () => {
    const api = await connect(await start());
    expect(await send(api, setWeights(api, [0, 1, 2], [10, 0, 30]), alice)).toContain('subtensorModule.WeightsSet');
    expect((await api.query.subtensorModule!.weights!(NETUID, 0)).toJSON()).toEqual([
      [0, 21845],
      [1, 0],
      [2, 65535],
    ]);
  });

  test.each<[string, Partial<LocalSubnetParameters>, (api: ApiPromise) => Call, () => KeyringPair]>([
    ['CanNotSetRootNetworkWeights', {}, (api) => setWeights(api, [0], [1], 0), () => alice],
    ['WeightVecNotEqualSize', {}, (api) => setWeights(api, [0, 1], [1]), () => alice],
    ['SubNetworkDoesNotExist', {}, (api) => setWeights(api, [0], [1], 5), () => alice],
    ['UidsLengthExceedUidsInSubNet', {}, (api) => setWeights(api, [0, 1, 2, 3], [1, 1, 1, 1]), () => alice],
    ['HotKeyNotRegisteredInSubNet', {}, (api) => setWeights(api, [0], [1]), () => eve],
    ['IncorrectWeightVersionKey', { weightsVersionKey: 9 }, (api) => setWeights(api, [0], [1]), () => alice],
    ['NeuronNoValidatorPermit', {}, (api) => setWeights(api, [0], [1]), () => bob],
    ['DuplicateUids', {}, (api) => setWeights(api, [1, 1], [1, 1]), () => alice],
    ['UidVecContainInvalidOne', {}, (api) => setWeights(api, [9], [1]), () => alice],
    ['WeightVecLengthIsLow', { minAllowedWeights: 2 }, (api) => setWeights(api, [1], [1]), () => alice],
    ['MaxWeightExceeded', { maxWeightsLimit: 30_000 }, (api) => setWeights(api, [1, 2], [9, 1]), () => alice],
    ['CommitRevealEnabled', { commitRevealEnabled: true }, (api) => setWeights(api, [1], [1]), () => alice],
  ])('%s', async (error, subnet, call, from) => {
    const api = await connect(await start(subnet));
    await expect(send(api, call(api), from())).rejects.toThrow(error);
  });

  test('NotEnoughStakeToSetWeights', async () => {
    const chain = await start();
    chain.setStorage('SubtensorModule.WeightsMinStake', 101);
    const api = await connect(chain);
    await expect(send(api, setWeights(api, [0], [1]), alice)).rejects.toThrow('NotEnoughStakeToSetWeights');
  });

  test('SettingWeightsTooFast until the rate limit has passed', async () => {
    const chain = await start({ weightsRateLimit: 10 });
    const api = await connect(chain);
    await send(api, setWeights(api, [1], [1]), alice);
    await expect(send(api, setWeights(api, [2], [1]), alice)).rejects.toThrow('SettingWeightsTooFast');
    await chain.produceBlocks(8);
    await expect(send(api, setWeights(api, [2], [1]), alice)).resolves.toContain('subtensorModule.WeightsSet');
  });

  test('at the end of an epoch consensus, incentive and validator trust follow from them', async () => {
    const chain = await start({ tempo: 5 });
    const api = await connect(chain);
    await send(api, setWeights(api, [1, 2], [3, 1]), alice);
    await chain.produceBlocks(6);
    const read = async (item: string) => (await api.query.subtensorModule![item]!(NETUID)).toJSON() as number[];
    expect((await read('consensus')).map((value) => value / 65535)).toEqual([
      0,
      expect.closeTo(0.75, 4),
      expect.closeTo(0.25, 4),
    ]);
    expect((await read('incentive'))[1]! / 65535).toBeCloseTo(0.75, 4);
    expect(await read('validatorTrust')).toEqual([65535, 0, 0]);
  });
});

describe('commit and reveal', () => {
  const subnet = { commitRevealEnabled: true, tempo: 29, weightsRateLimit: 0 };
  const uids = [1, 2];
  const values = [1, 65535];
  const salt = [1, 2, 3, 4];
  function hashOf(api: ApiPromise, key: number) {
    const tuple = api.createType('(AccountId32,u16,Vec<u16>,Vec<u16>,Vec<u16>,u64)', [
      alice.publicKey,
      NETUID,
      uids,
      values,
      salt,
      key,
    ]);
    return api.registry.hash(tuple.toU8a()).toHex();
  }
  const reveal = (api: ApiPromise, key = 0) => api.tx.subtensorModule!.revealWeights!(NETUID, uids, values, salt, key);

  test('weights count once revealed inside their window, and only there', async () => {
    const chain = await start(subnet);
    const api = await connect(chain);
    await send(api, api.tx.subtensorModule!.commitWeights!(NETUID, hashOf(api, 0)), alice);
    const [[, , first, last]] = (await api.query.subtensorModule!.weightCommits!(NETUID, alice.address)).toJSON() as [
      [string, number, number, number],
    ];
    expect(last - first).toBe(29);
    await expect(send(api, reveal(api), alice)).rejects.toThrow('RevealTooEarly');
    await expect(send(api, reveal(api, 1), alice)).rejects.toThrow('InvalidRevealCommitHashNotMatch');
    await chain.produceBlocks(first - 1 - chain.currentBlock());
    expect(await send(api, reveal(api), alice)).toContain('subtensorModule.WeightsRevealed');
    expect((await api.query.subtensorModule!.weights!(NETUID, 0)).toJSON()).toEqual([
      [1, 1],
      [2, 65535],
    ]);
    await expect(send(api, reveal(api), alice)).rejects.toThrow('NoWeightsCommitFound');
  });

  test('a commit whose window has passed has expired', async () => {
    const chain = await start(subnet);
    const api = await connect(chain);
    await send(api, api.tx.subtensorModule!.commitWeights!(NETUID, hashOf(api, 0)), alice);
    await chain.produceBlocks(60);
    await expect(send(api, reveal(api), alice)).rejects.toThrow('ExpiredWeightCommit');
  });

  test('the eleventh unrevealed commit is refused', async () => {
    const api = await connect(await start({ ...subnet, tempo: 200 }));
    for (let key = 0; key < 10; key++)
      await send(api, api.tx.subtensorModule!.commitWeights!(NETUID, hashOf(api, key)), alice);
    await expect(send(api, api.tx.subtensorModule!.commitWeights!(NETUID, hashOf(api, 10)), alice)).rejects.toThrow(
      'TooManyUnrevealedCommits',
    );
  });

  test('a subnet without commit-reveal refuses both', async () => {
    const api = await connect(await start());
    await expect(send(api, api.tx.subtensorModule!.commitWeights!(NETUID, hashOf(api, 0)), alice)).rejects.toThrow(
      'CommitRevealDisabled',
    );
    await expect(send(api, reveal(api), alice)).rejects.toThrow('CommitRevealDisabled');
  });
});

describe('transactions', () => {
  test('a used nonce is outdated, a later one waits for its turn', async () => {
    const chain = await start({}, { commitmentCooldownBlocks: 0 });
    const api = await connect(chain);
    const later = send(api, commit(api, 'second'), bob, { nonce: 1 });
    await send(api, commit(api, 'first'), bob, { nonce: 0 });
    await later;
    await expect(send(api, commit(api, 'again'), bob, { nonce: 0 })).rejects.toThrow(/1010: .*outdated/);
  });

  test('a signature of somebody else is bad', async () => {
    const api = await connect(await start());
    const signed = await commit(api, 'x').signAsync(bob);
    signed.signature.set(eve.sign('something else'), 0);
    await expect(api.rpc.author.submitExtrinsic(signed)).rejects.toThrow(/1010: .*bad signature/);
  });

  test('mortal and immortal ones with tips are taken', async () => {
    const api = await connect(await start({}, { commitmentCooldownBlocks: 0 }));
    await send(api, commit(api, 'mortal'), bob, { era: 8, tip: 5 });
    await send(api, commit(api, 'immortal'), bob, { era: 0 });
  });

  test('two clients see the same blocks', async () => {
    const chain = await start();
    const [one, two] = await Promise.all([connect(chain), connect(chain)]);
    const seen = new Promise<number>((resolve) => {
      two.rpc.chain.subscribeNewHeads(({ number }) => {
        if (number.toNumber() > 0) resolve(number.toNumber());
      });
    });
    await send(one, commit(one, 'x'), bob);
    expect(await seen).toBe(1);
    expect((await two.query.commitments!.commitmentOf!(NETUID, bob.address)).isEmpty).toBe(false);
  });
});

test('unknown methods, bad JSON and other hosts are refused', async () => {
  const chain = await start();
  expect(await ask(chain, '{"id":1,"method":"toString","params":[]}')).toMatchObject({ code: -32601 });
  expect(await ask(chain, 'nonsense')).toMatchObject({ code: -32700 });
  const refused = new Promise((resolve) =>
    new WebSocket(chain.url, { headers: { Host: 'evil.example' } }).on('error', ({ message }) => resolve(message)),
  );
  expect(await refused).toContain('403');
});

test('a port in use is one clear sentence', async () => {
  const port = Number(new URL((await start()).url).port);
  await expect(start({}, { port })).rejects.toMatchObject({
    code: 'port-in-use',
    message: expect.stringContaining(`port ${port} is in use`),
  });
});
