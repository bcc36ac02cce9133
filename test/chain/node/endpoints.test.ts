import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { Connection } from '../../../src/chain/node/connection.ts';
import { EndpointList } from '../../../src/chain/node/endpoint-list.ts';
import { HeadFeed } from '../../../src/chain/node/head-feed.ts';
import { JsonRpcSocket } from '../../../src/chain/node/json-rpc-socket.ts';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import type { ChainFault } from '../../../src/local/chain/node/faults.ts';
import { systemClock } from '../../../src/shared/clock.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { closeLater, connect, NETUID, proxyTo, rememberingLogger, startSubnet } from '../start-subnet.ts';

const NOBODY = 'ws://127.0.0.1:1';
const METHOD_NOT_FOUND: ChainFault = { kind: 'error', code: -32_601, message: 'Method not found' };
const always = (on: string, fault: ChainFault) => ({ on, fault, times: Number.POSITIVE_INFINITY });

/** A client of several endpoints; closed after the test. */
async function connectAny(endpoints: string[], parameters: Parameters<typeof Subtensor.open>[0] = {}) {
  return closeLater(await Subtensor.open({ endpoints, ...parameters }));
}

test('an endpoint where nobody is makes place for the next', async () => {
  const chain = await startSubnet();
  const logger = rememberingLogger();
  const subtensor = await connectAny([NOBODY, chain.url], { logger });
  expect(subtensor.url).toBe(chain.url);
  expect((await subtensor.metagraph({ netuid: NETUID })).neurons).toHaveLength(3);
  expect(logger.lines.join()).toContain(`an endpoint is passed by: the chain at ${NOBODY} cannot be reached`);
});

test('the next one serves until it fails itself; only then is the first gone back to', async () => {
  const chain = await startSubnet();
  const [first, second] = [await proxyTo(chain.url), await proxyTo(chain.url)];
  const subtensor = await connectAny([first.url, second.url]);
  expect(subtensor.url).toBe(first.url);
  first.cutAll();
  await subtensor.waitForBlock({ block: (await subtensor.currentBlock()) + 3 });
  expect(subtensor.url).toBe(second.url);
  expect([first.connections, second.connections]).toEqual([1, 1]);
  second.cutAll();
  await subtensor.metagraph({ netuid: NETUID });
  expect(subtensor.url).toBe(first.url);
  expect([first.connections, second.connections]).toEqual([2, 1]);
});

test('of several that failed just now, the one whose failure is oldest is tried first', () => {
  const list = new EndpointList(['ws://a', 'ws://b', 'ws://c']);
  const [a, b] = list.all;
  const order = () => list.order().map(({ url }) => url);
  list.failed(b!);
  expect(order()).toEqual(['ws://a', 'ws://c', 'ws://b']);
  list.failed(a!);
  expect(order()).toEqual(['ws://c', 'ws://b', 'ws://a']);
});

test('an endpoint that falls silent is left in the middle of a call, and the call made at the next', async () => {
  const chain = await startSubnet();
  const [first, second] = [await proxyTo(chain.url), await proxyTo(chain.url)];
  const subtensor = await connectAny([first.url, second.url], { timeoutMs: 4_500 });
  first.fateOfRequest = () => 'swallow';
  expect((await subtensor.metagraph({ netuid: NETUID })).neurons).toHaveLength(3);
  expect(subtensor.url).toBe(second.url);
});

test('an endpoint that is silent from the start has only its share of the deadline', async () => {
  const chain = await startSubnet();
  const silent = await proxyTo(chain.url);
  silent.fateOfRequest = () => 'swallow';
  const subtensor = await connectAny([silent.url, chain.url], { timeoutMs: 6_000 });
  expect(subtensor.url).toBe(chain.url);
});

test('a half-open socket is noticed by its missing pongs, long before the deadline', async () => {
  const chain = await startSubnet();
  const other = await proxyTo(chain.url);
  const subtensor = await connectAny([chain.url, other.url], { pingIntervalMs: 100, timeoutMs: 60_000 });
  chain.faults.inject({ on: 'state_queryStorageAt', fault: { kind: 'half-open' } });
  expect((await subtensor.metagraph({ netuid: NETUID })).neurons).toHaveLength(3);
  expect(subtensor.url).toBe(other.url);
});

test('a quiet socket whose other side answers pings is kept', async () => {
  const proxy = await proxyTo((await startSubnet({ chain: { blockTimeMs: 'manual' } })).url);
  const subtensor = await connect(proxy.url, { pingIntervalMs: 30 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await subtensor.currentBlock();
  expect(proxy.connections).toBe(1);
});

const OLD_STATE = [
  {
    block: `0x${'00'.repeat(32)}`,
    changes: [
      ['0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac', '0x00000000'], // System.Number
      ['0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb', null], // Timestamp.Now
    ],
  },
];
test.each<[string, string, ChainFault, string]>([
  ['names a method and refuses it', 'state_getKeysPaged', METHOD_NOT_FOUND, 'it refuses state_getKeysPaged (-32601'],
  ['serves no storage', 'state_queryStorageAt', METHOD_NOT_FOUND, 'it refuses state_queryStorageAt (-32601'],
  ['has no best block', 'chain_getHeader', { kind: 'lie', result: null }, 'it answered chain_getHeader with null'],
  ['serves an old state', 'state_queryStorageAt', { kind: 'lie', result: OLD_STATE }, 'with the state of block 0'],
  [
    'knows no runtime',
    'state_getRuntimeVersion',
    { kind: 'lie', result: null },
    'it answered state_getRuntimeVersion with null',
  ],
  ['has nonsense for metadata', 'state_getMetadata', { kind: 'lie', result: '0x00' }, 'is not a Subtensor node'],
])('a node that %s is passed by', async (_, method, fault, words) => {
  const [liar, honest] = [await startSubnet(), await startSubnet()];
  await liar.produceBlocks(5);
  liar.faults.inject(always(method, fault));
  const logger = rememberingLogger();
  const subtensor = await connectAny([liar.url, honest.url], { logger });
  expect(subtensor.url).toBe(honest.url);
  expect(logger.lines.join()).toContain(words);
  expect((await subtensor.metagraph({ netuid: NETUID })).neurons).toHaveLength(3);
});

test('an endpoint of another chain is refused in one sentence', async () => {
  const [chain, other] = [await startSubnet(), await startSubnet({ hotkeys: ['somebody else'] })];
  const proxy = await proxyTo(chain.url);
  const subtensor = await connectAny([proxy.url, other.url]);
  await proxy.close();
  await expect(subtensor.currentBlock()).rejects.toMatchObject({
    code: 'chain-unreachable',
    message: expect.stringMatching(
      new RegExp(`${other.url} serves another chain: expected the genesis block 0x\\w{64}, saw 0x\\w{64}`),
    ),
  });
});

test('an endpoint of another chain than the network named is refused', async () => {
  const chain = await startSubnet();
  const genesisHash = `0x${'2f'.repeat(32)}`;
  const connection = new Connection({ urls: [chain.url], genesisHash, timeoutMs: 30_000 });
  await expect(connection.use('connecting', async () => {})).rejects.toMatchObject({
    code: 'chain-unreachable',
    transient: false,
    message: expect.stringContaining(`serves another chain: expected the genesis block ${genesisHash}, saw 0x`),
  });
  connection.close();
});

test('when no endpoint can be used, each is named with its reason', async () => {
  const chain = await startSubnet();
  chain.faults.inject(always('chain_getHeader', METHOD_NOT_FOUND));
  await expect(connectAny([NOBODY, chain.url])).rejects.toMatchObject({
    code: 'chain-unreachable',
    transient: true,
    facts: { urls: [NOBODY, chain.url] },
    sentence: `none of 2 endpoints can be used: the chain at ${NOBODY} cannot be reached: connect ECONNREFUSED 127.0.0.1:1; the node at ${chain.url} is not fit to be used: it refuses chain_getHeader (-32601: Method not found). Check --subtensor.network or --subtensor.chain_endpoint, and your network.`,
  });
});

test('a node that answers while its best block stands still is left for the next', async () => {
  const chain = await startSubnet();
  const [still, other] = [await proxyTo(chain.url), await proxyTo(chain.url)];
  const logger = rememberingLogger();
  const subtensor = await connectAny([still.url, other.url], { blockTimeoutMs: 300, logger });
  const start = await subtensor.currentBlock();
  still.swallowsNotices = true;
  await subtensor.waitForBlock({ block: start + 20 });
  expect(subtensor.url).toBe(other.url);
  expect(logger.lines.join()).toMatch(/the node at \S+ is left: its best block has been \d+ for 300 ms/);
});

test('a chain that stands still everywhere is reported, and its nodes are not changed to and fro', async () => {
  const chain = await startSubnet({ chain: { blockTimeMs: 'manual' } });
  const [first, second] = [await proxyTo(chain.url), await proxyTo(chain.url)];
  const subtensor = await connectAny([first.url, second.url], { blockTimeoutMs: 200 });
  await new Promise((resolve) => setTimeout(resolve, 700));
  await subtensor.currentBlock();
  const connections = [first.connections, second.connections];
  expect(connections).toEqual([1, 1]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await subtensor.currentBlock();
  expect([first.connections, second.connections]).toEqual(connections);
  await expect(subtensor.waitForBlock({ block: 1 })).rejects.toMatchObject({
    code: 'timeout',
    message: expect.stringContaining('waiting for the block after 0: no new block'),
  });
});

test('a head that is announced twice, or taken back, is no progress', async () => {
  const chain = await startSubnet({ chain: { blockTimeMs: 'manual', finalityLagBlocks: 3 } });
  await chain.produceBlocks(5);
  const subtensor = await connect(chain.url);
  let reached = 0;
  const waiting = subtensor.waitForBlock({ block: 7 }).then((block) => (reached = block));
  for (let i = 0; i < 3; i++) chain.repeatHead();
  chain.reorg(); // Blocks 5 and 6 are new.
  chain.repeatHead();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(reached).toBe(0);
  await chain.produceBlocks(1);
  expect(await waiting).toBe(7);
});

test('a node that is far behind what was seen elsewhere is passed by', async () => {
  // Two of the older profile are one chain by their genesis block; a current one's holds the time it was started.
  const profile = 'legacy';
  const ahead = await startSubnet({ chain: { profile, blockTimeMs: 'manual' } });
  const behind = await startSubnet({ chain: { profile } });
  await ahead.produceBlocks(500);
  const proxy = await proxyTo(ahead.url);
  let nowMs = Date.now();
  const clock = { ...systemClock, nowMs: () => nowMs };
  const subtensor = await connectAny([proxy.url, behind.url], {
    clock,
    maxClockDifferenceMs: Number.POSITIVE_INFINITY,
  });
  await proxy.close();
  await expect(subtensor.currentBlock()).rejects.toMatchObject({
    message: expect.stringMatching(/its best block \d+ is \d+ blocks behind/),
  });
  // Had it told the truth, the others would have come as far by then.
  nowMs += 600_000;
  expect(await subtensor.currentBlock()).toBeLessThan(400);
});

test.each(['Infinity', '1e9', -1, null])('a head with the number %s ends the connection', async (number) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  closeLater({ close: async () => server.close() });
  await once(server, 'listening');
  server.on('connection', (client) =>
    client.on('message', (data) => {
      const { id } = JSON.parse(String(data));
      client.send(JSON.stringify({ jsonrpc: '2.0', id, result: 'heads' }));
      client.send(JSON.stringify({ jsonrpc: '2.0', params: { subscription: 'heads', result: { number } } }));
    }),
  );
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const socket = await JsonRpcSocket.open(url, new AbortController().signal);
  const heads = await HeadFeed.open({ socket, block: 5, stallTimeoutMs: 60_000, onStall: () => {} });
  await expect(heads.after(5)).rejects.toThrow('the node sent a notice that cannot be read');
});

test('a node that does not take transactions makes place for one that does, and the call lands once', async () => {
  const chain = await startSubnet();
  const [refusing, taking] = [await proxyTo(chain.url), await proxyTo(chain.url)];
  chain.faults.inject({ on: 'author_submitAndWatchExtrinsic', fault: METHOD_NOT_FOUND });
  const subtensor = await connectAny([refusing.url, taking.url]);
  const ann = await devHotkey('ann');
  const { block } = await subtensor.submit({
    name: 'commitments.setCommitment',
    call: (tx) => tx.commitments!.setCommitment!(NETUID, { fields: [{ Raw1: Uint8Array.of(65) }] }),
    hotkey: ann,
    landed: async () => null,
  });
  expect(await subtensor.commitment({ netuid: NETUID, hotkey: ann.address })).toMatchObject({
    hotkey: ann.address,
    text: 'A',
    block,
  });
  expect(subtensor.url).toBe(taking.url);
});
