import { once, setMaxListeners } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import { commitTimelocked, readRevealedCommitments } from '../../../src/chain/commitments/timelocked.ts';
import { Connection } from '../../../src/chain/node/connection.ts';
import { RuntimeCodecs } from '../../../src/chain/node/runtime-codec.ts';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import type { DrandBeacon } from '../../../src/chain/timelock/drand.ts';
import { WeightSetter } from '../../../src/chain/weights/weight-setter.ts';
import { FlockOffError } from '../../../src/errors/flock-off-error.ts';
import { LocalChain } from '../../../src/local/chain/local-chain.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import { everyOtherInCi } from '../../shared/in-ci.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { closeLater, memoryReveals, NETUID, startSubnet } from '../start-subnet.ts';

// A node may answer anything. Whatever it is, what comes out is an answer or a FlockOffError with one sentence.

type Spoil = (result: unknown) => unknown;

const GARBAGE: [name: string, spoil: Spoil][] = [
  ['null', () => null],
  ['nothing', () => undefined],
  ['a number', () => 5],
  ['a huge number', () => 1e300],
  ['a text', () => 'zz'],
  ['hex of half a byte', () => '0x123'],
  ['an empty list', () => []],
  ['a long list', () => Array.from({ length: 5_000 }, (_, i) => `0x${i.toString(16).padStart(8, '0')}`)],
  ['an object', () => ({ a: 1 })],
  ['an object with null everywhere', (result) => nulls(result)],
  ['bytes cut short', (result) => deeply(result, (text) => text.slice(0, 2 + 2 * Math.floor(text.length / 8)))],
  ['other bytes', (result) => deeply(result, (text) => text.replace(/[0-9a-f]{2}/gi, 'f7').replace(/^f7x/, '0x'))],
  ['as many bytes again', (result) => deeply(result, (text) => text + text.slice(2))],
  ['a megabyte', () => `0x${'ff'.repeat(1 << 20)}`],
];

/** Changes every `0x` text in an answer but those of 32 bytes, which are hashes, and keys of storage. */
function deeply(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return value.startsWith('0x') && value.length !== 66 ? change(value) : value;
  if (Array.isArray(value)) {
    const [first, ...rest] = value;
    const isChange = value.length === 2 && typeof first === 'string';
    return isChange ? [first, ...rest.map((one) => deeply(one, change))] : value.map((one) => deeply(one, change));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, deeply(one, change)]));
}

function nulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nulls);
  if (typeof value !== 'object' || value === null) return null;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, nulls(one)]));
}

/** A node between the client and the chain that lies about one method, notices included, once `lie.on` is true. */
async function startLiar(target: string, method: string, spoil: Spoil) {
  const lie = { on: false };
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (client) => {
    const chain = new WebSocket(target);
    const opened = once(chain, 'open');
    const asked = new Set<number>();
    client.on('message', async (data) => {
      const request = JSON.parse(String(data));
      if (lie.on && request.method === method) asked.add(request.id);
      await opened;
      chain.send(String(data));
    });
    chain.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (asked.has(message.id) && 'result' in message) message.result = spoil(message.result);
      if (lie.on && message.method === method) message.params = spoil(message.params);
      client.send(JSON.stringify(message));
    });
    chain.on('error', () => {});
    chain.on('close', () => client.terminate());
    client.on('close', () => chain.terminate());
  });
  closeLater({
    close: async () => {
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
  return { lie, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Long enough for what is tried again to be so once or twice. */
const MOST_MS = 2_500;
const ENDED = new Error('the test goes on');

/** What each call failed with, but for those that would go on trying. */
async function everything(subtensor: Subtensor, beacon: DrandBeacon): Promise<unknown[]> {
  const hotkey = await devHotkey('validator');
  const miner = await devHotkey('ann');
  const setter = new WeightSetter({ subtensor, netuid: NETUID, hotkey, pendingReveals: memoryReveals(), beacon });
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const pointer = { repo: 'ann/chat', competition: '1', commit: '0'.repeat(40) };
  const calls: ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => subtensor.currentBlock({ signal }),
    (signal) => subtensor.subnet({ netuid: NETUID, signal }),
    (signal) => subtensor.epoch({ netuid: NETUID, signal }),
    (signal) => subtensor.commitment({ netuid: NETUID, hotkey: miner.address, signal }),
    (signal) => subtensor.uid({ netuid: NETUID, hotkey: miner.address, signal }),
    (signal) => subtensor.weights({ netuid: NETUID, uid: 0, signal }),
    (signal) => store.room({ hotkey: miner.address, bytes: 68, signal }),
    (signal) => setter.requirePermit({ signal }),
    (signal) => readRevealedCommitments({ subtensor, netuid: NETUID, hotkey: miner.address, signal }),
    (signal) => setter.set({ weights: [{ uid: 1, weight: 1 }], signal }).then(() => setter.reveal({ signal })),
    (signal) => store.commit({ ...pointer, hotkey: miner, wait: false, signal }),
    (signal) =>
      commitTimelocked({
        ...{ subtensor, netuid: NETUID, hotkey: miner, beacon, signal },
        ...{ text: 'x', revealAtBlock: 99, wait: false },
      }),
  ];
  const end = new AbortController();
  setMaxListeners(0, end.signal);
  const timer = setTimeout(() => end.abort(ENDED), MOST_MS);
  const settled = await Promise.allSettled(calls.map((call) => call(end.signal)));
  clearTimeout(timer);
  return settled.flatMap((one) => (one.status === 'rejected' && one.reason !== ENDED ? [one.reason] : []));
}

function expectSentences(errors: unknown[]): void {
  for (const error of errors) {
    expect(error).toBeInstanceOf(FlockOffError);
    const { message, sentence } = error as FlockOffError;
    expect(message.length, message).toBeLessThan(800);
    expect(sentence).toMatch(/\.$/);
  }
}

/** One description of the runtime for all: to read it takes the longest. */
const codecs = new RuntimeCodecs();

const METHODS = [
  'chain_getBlockHash',
  'chain_getHeader',
  'chain_getBlock',
  'state_queryStorageAt',
  'state_getKeysPaged',
  'state_call',
  'state_getRuntimeVersion',
  'system_accountNextIndex',
  'author_submitAndWatchExtrinsic',
  'chain_newHead',
  'author_extrinsicUpdate',
];

// Each opens a chain and a client for each kind of garbage.
test.each(everyOtherInCi(METHODS))(
  'whatever a node answers to %s, each call gives an answer or one sentence',
  { timeout: 120_000 },
  async (method) => {
    const chain = await startSubnet({ tempo: 20, weightsRateLimit: 0 });
    await Promise.all(
      GARBAGE.map(async ([, spoil]) => {
        const { lie, url } = await startLiar(chain.url, method, spoil);
        const connection = new Connection({ urls: [url], timeoutMs: 30_000, codecs });
        const subtensor = closeLater(new Subtensor({ connection, logger: silentLogger }));
        await subtensor.currentBlock();
        lie.on = true;
        expectSentences(await everything(subtensor, chain.beacon));
      }),
    );
  },
);

const FIRST_ASKED = ['chain_getBlockHash', 'state_getRuntimeVersion', 'state_getMetadata', 'chain_subscribeNewHeads'];

test.each(FIRST_ASKED)(
  'a node that answers %s with garbage is not connected to, in one sentence, or is none the worse',
  { timeout: 60_000 },
  async (method) => {
    const chain = await startSubnet();
    await Promise.all(
      GARBAGE.map(async ([, spoil]) => {
        const { lie, url } = await startLiar(chain.url, method, spoil);
        lie.on = true;
        const connecting = Subtensor.open({ endpoint: url, timeoutMs: 10_000 });
        await connecting.then(closeLater, (error: unknown) => expectSentences([error]));
      }),
    );
  },
);

test.each([
  ['null', 'null'],
  ['a list', '[]'],
  ['a number', '5'],
  ['an error that is a text', '{"id":1,"error":"no"}'],
  ['an error that is true', '{"id":1,"error":true}'],
  ['a notice of nothing', '{"params":null}'],
  ['an answer to nobody', '{"id":{},"result":1}'],
])('a message that is %s ends nothing but the connection', async (_, text) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (client) => client.on('message', () => client.send(text)));
  closeLater({
    close: async () => {
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(Subtensor.open({ endpoint: url, timeoutMs: 1_000 })).rejects.toBeInstanceOf(FlockOffError);
});

test('what is no netuid and no hotkey is refused in one sentence', async () => {
  const subtensor = closeLater(await Subtensor.open({ endpoint: (await startSubnet()).url }));
  const netuids = [70_000, -1, 1.5, Number.NaN, undefined, null, 'x', {}] as number[];
  for (const netuid of netuids)
    for (const read of [
      () => subtensor.epoch({ netuid }),
      () => subtensor.metagraph({ netuid }),
      () => subtensor.commitments({ netuid }),
      () => subtensor.uid({ netuid, hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY' }),
    ])
      await expect(read()).rejects.toMatchObject({
        code: 'bad-argument',
        message: expect.stringMatching(/ is no u16, /),
      });
  for (const hotkey of ['', 'ann', '0x12', undefined as unknown as string])
    await expect(subtensor.uid({ netuid: NETUID, hotkey })).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringMatching(/ is no AccountId, /),
    });
});

test('a call that the runtime does not have, or not with these values, is one sentence', async () => {
  const subtensor = closeLater(
    await Subtensor.open({ endpoint: (await startSubnet({ chain: { profile: 'legacy' } })).url }),
  );
  const hotkey = await devHotkey('validator');
  const landed = async () => null;
  const submit = (name: string, ...args: unknown[]) =>
    subtensor.submit({
      name: `subtensorModule.${name}`,
      call: (tx) => tx.subtensorModule![name]!(...args),
      hotkey,
      landed,
    });
  await expect(submit('setMechanismWeights', NETUID, 0, [1], [1], 0)).rejects.toMatchObject({
    code: 'chain-rejected',
    message: expect.stringMatching(/^this runtime has no call subtensorModule\.setMechanismWeights\. Update/),
  });
  for (const args of [[NETUID], [NETUID, [1], [1], -1], [70_000, [1], [1], 0]])
    await expect(submit('setWeights', ...args)).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringContaining('subtensorModule.setWeights cannot be called with these values'),
    });
});

test('a local chain with what is no hotkey is refused in one sentence', async () => {
  const starting = LocalChain.open({ subnets: [{ netuid: NETUID, neurons: [{ hotkey: 'ann' }] }] });
  await expect(starting).rejects.toMatchObject({ code: 'bad-argument', message: expect.stringContaining('ann is no') });
});
