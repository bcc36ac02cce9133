import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import { startWsProxy } from './ws-proxy.ts';

const printed: unknown[][] = [];
beforeEach(() => {
  printed.length = 0;
  for (const method of ['log', 'warn', 'error', 'info', 'debug'] as const)
    vi.spyOn(console, method).mockImplementation((...parts) => void printed.push(parts));
});
afterEach(() => {
  vi.restoreAllMocks();
  expect(printed).toEqual([]);
});

test('a port nobody listens on is one clear sentence, at once', async () => {
  const started = performance.now();
  await expect(Subtensor.open({ endpoint: 'ws://127.0.0.1:1' })).rejects.toMatchObject({
    code: 'chain-unreachable',
    transient: true,
    sentence:
      'the chain at ws://127.0.0.1:1 cannot be reached: connect ECONNREFUSED 127.0.0.1:1. Check --subtensor.network or --subtensor.chain_endpoint, and your network.',
  });
  expect(performance.now() - started).toBeLessThan(5_000);
});

test('a host with several addresses, none of which answers, is named with the reason', async () => {
  await expect(Subtensor.open({ endpoint: 'ws://localhost:1' })).rejects.toMatchObject({
    code: 'chain-unreachable',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('a user name, a password and an access key in the endpoint are not shown', async () => {
  const error = (await Subtensor.open({ endpoint: 'ws://ann:secret1@127.0.0.1:1/secret3?key=secret2' }).catch(
    (e) => e,
  )) as Error;
  expect(error.message).toContain('ws://127.0.0.1:1/...');
  expect(JSON.stringify(error) + error.message + String(error)).not.toMatch(/secret/);
});

test('a server that accepts and says nothing is given up at the deadline', async () => {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expectTimeout(endpoint);
  await once(server.close(), 'close'); // Only when the client's socket is gone.
});

test('a node that opens the socket and never answers is given up at the deadline', async () => {
  const proxy = await startWsProxy();
  await expectTimeout(proxy.url);
  await proxy.close();
});

test.each([
  [-32_005, 'Too many requests', true, 'answered with error -32005 (Too many requests)'],
  [-32_601, 'Method not found', false, 'Method not found'],
])(
  'a node that answers %i when it is asked what it is: %s passes by itself: %s',
  async (code, message, passes, words) => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    server.on('connection', (socket) =>
      socket.on('message', (data) => {
        const { id } = JSON.parse(String(data)) as { id: number };
        socket.send(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } }));
      }),
    );
    const endpoint = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(Subtensor.open({ endpoint })).rejects.toMatchObject({
      transient: passes,
      message: expect.stringContaining(words),
    });
    server.close();
  },
);

async function expectTimeout(endpoint: string) {
  const started = performance.now();
  await expect(Subtensor.open({ endpoint, timeoutMs: 400 })).rejects.toMatchObject({
    code: 'timeout',
    transient: true,
    sentence: `connecting: no answer from the chain at ${endpoint} within 400 ms. Check your network, or use another endpoint (--subtensor.chain_endpoint).`,
  });
  expect(performance.now() - started).toBeLessThan(2_000);
}

test('an abort ends connecting at once with its own reason', async () => {
  const proxy = await startWsProxy();
  const stop = new AbortController();
  const connecting = Subtensor.open({ endpoint: proxy.url, signal: stop.signal });
  setTimeout(() => stop.abort(new Error('stopped by the user')), 100);
  await expect(connecting).rejects.toThrow('stopped by the user');
  await proxy.close();
});

test.each([
  [
    'answers every method with an error',
    (id: number) => JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }),
    'is not a Subtensor node: it answered "Method not found"',
  ],
  ['does not speak JSON', () => 'hello', 'the node sent something that is not JSON'],
])('a server that %s is said not to be a node', async (_, answer, message) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (client) => {
    client.on('message', (data) => client.send(answer(JSON.parse(String(data)).id)));
  });
  const endpoint = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(Subtensor.open({ endpoint, timeoutMs: 5_000 })).rejects.toMatchObject({
    code: 'chain-unreachable',
    message: expect.stringContaining(message),
  });
  server.close();
});

test('a failed connection keeps no process alive', async () => {
  const script = `
    import { Subtensor } from ${JSON.stringify(new URL('../../../src/chain/subtensor.ts', import.meta.url).href)};
    await Subtensor.open({ endpoint: 'ws://127.0.0.1:1' }).catch((error) => process.stdout.write(error.code));`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'exit');
  expect({ code, output }).toEqual({ code: 0, output: 'chain-unreachable' });
});
