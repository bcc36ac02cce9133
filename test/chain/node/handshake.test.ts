import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { expect, test } from 'vitest';
import { Connection } from '../../../src/chain/node/connection.ts';
import { openingBroke } from '../../../src/chain/node/handshake-errors.ts';
import { SocketLostError } from '../../../src/chain/node/json-rpc-socket.ts';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import type { FlockOffError } from '../../../src/errors/flock-off-error.ts';
import { LocalChain } from '../../../src/local/chain/local-chain.ts';
import type { OutageWait } from '../../../src/shared/wait-until-available.ts';
import { closeLater, NETUID, proxyTo, rememberingLogger, startSubnet } from '../start-subnet.ts';

// An endpoint that answers the handshake with anything but a WebSocket is there: what it says is said, and obeyed.

interface Gate {
  url: string;
  /** What the handshake is answered with; `null`: it is passed on to the chain. */
  answer: string[] | null;
  /** When each handshake came, by `performance.now()`. */
  handshakes: number[];
  cutAll(): void;
}

/** A server in front of a chain that lets a handshake pass or answers it by itself; closed after the test. */
async function gateTo(target: string | null, answer: string[] | null): Promise<Gate> {
  const server = createServer();
  const sockets = new Set<{ destroy(): void }>();
  const gate: Gate = {
    url: '',
    answer,
    handshakes: [],
    cutAll: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
  server.on('upgrade', ({ method, url, rawHeaders }, socket) => {
    gate.handshakes.push(performance.now());
    sockets.add(socket);
    socket.on('error', () => {});
    if (gate.answer || target === null) return void socket.end(`${(gate.answer ?? []).join('\r\n')}\r\n\r\n`);
    const upstream = connectTcp(Number(new URL(target).port), '127.0.0.1');
    upstream.on('error', () => socket.destroy());
    const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []));
    upstream.write(`${method} ${url} HTTP/1.1\r\n${pairs.join('\r\n')}\r\n\r\n`);
    socket.pipe(upstream).pipe(socket);
    for (const end of [socket, upstream]) end.on('close', () => [socket, upstream].map((one) => one.destroy()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  gate.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  closeLater({
    close: async () => {
      gate.cutAll();
      server.close();
    },
  });
  return gate;
}

const limit = (retryAfter?: string) => [
  'HTTP/1.1 429 Too Many Requests',
  ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
  'Content-Length: 0',
];
const failureOf = (connecting: Promise<unknown>) =>
  connecting.then(
    () => {
      throw new Error('it connected');
    },
    (error: FlockOffError) => error,
  );

test('a limit is named with what it asks to wait, and is waited for', async () => {
  const gate = await gateTo((await startSubnet()).url, limit('1'));
  const waits: OutageWait[] = [];
  const onWait = (wait: OutageWait) => {
    waits.push(wait);
    gate.answer = null;
  };
  const subtensor = closeLater(await Subtensor.open({ endpoint: gate.url, wait: true, onWait }));
  expect((await subtensor.metagraph({ netuid: NETUID })).neurons).toHaveLength(3);
  expect(waits.map(({ error }) => error.sentence)).toEqual([
    `${gate.url} limits connections (HTTP 429), asks to wait 1 s. Wait, or use another endpoint (--subtensor.chain_endpoint): one of your own, or one with an access key, has other limits.`,
  ]);
  expect(gate.handshakes).toHaveLength(2);
  expect(gate.handshakes[1]! - gate.handshakes[0]!).toBeGreaterThanOrEqual(1_000);
});

test('an endpoint is left alone for as long as it asks, whoever calls meanwhile, and never longer than five minutes', async () => {
  const gate = await gateTo(null, limit('86400'));
  const connection = new Connection({ urls: [gate.url], timeoutMs: 30_000 });
  for (let call = 1; call <= 3; call++) {
    const error = await failureOf(connection.use('connecting', async () => {}));
    expect(error).toMatchObject({ code: 'chain-unreachable', transient: true, facts: { status: 429 } });
    expect(error.message).toContain('limits connections (HTTP 429), asks to wait 86400 s');
    expect(error.retryAfterMs).toBeGreaterThan(290_000);
    expect(error.retryAfterMs).toBeLessThanOrEqual(300_000 * 1.1 + 51);
  }
  expect(gate.handshakes).toHaveLength(1);
  connection.close();
});

test('other endpoints are tried meanwhile, the limited one not before its time', async () => {
  const chain = await startSubnet();
  const [limited, other] = [await gateTo(chain.url, limit('3600')), await proxyTo(chain.url)];
  const logger = rememberingLogger();
  const endpoints = [limited.url, other.url];
  const subtensor = closeLater(await Subtensor.open({ endpoints, logger }));
  expect(subtensor.url).toBe(other.url);
  expect(logger.lines.join()).toContain('limits connections (HTTP 429), asks to wait 3600 s');
  limited.answer = null;
  other.cutAll();
  await subtensor.currentBlock();
  expect(subtensor.url).toBe(other.url);
  expect(limited.handshakes).toHaveLength(1);
});

test('where all endpoints ask for time, the shortest counts', async () => {
  const gates = [await gateTo(null, limit('200')), await gateTo(null, limit('100'))];
  const error = await failureOf(Subtensor.open({ endpoints: gates.map(({ url }) => url) }));
  expect(error.message).toMatch(
    /^none of 2 endpoints can be used: .*asks to wait 200 s; .*asks to wait 100 s\. Wait, or use another/,
  );
  expect(error.retryAfterMs).toBeGreaterThan(99_000);
  expect(error.retryAfterMs).toBeLessThan(120_000);
});

test.each([
  ['a date', new Date(Date.now() + 3_600_000).toUTCString(), 290_000, 330_051],
  ['no time at all', undefined, 4_000, 5_600],
])('a limit with %s is obeyed too', async (_, retryAfter, least, most) => {
  const gate = await gateTo(null, limit(retryAfter));
  const error = await failureOf(Subtensor.open({ endpoint: gate.url }));
  expect(error.retryAfterMs).toBeGreaterThan(least);
  expect(error.retryAfterMs).toBeLessThan(most);
});

test.each<[answer: string[], sentence: string, passes: boolean]>([
  [['503 Service Unavailable', 'Retry-After: 7'], 'is not available now (HTTP 503), asks to wait 7 s. Wait, or', true],
  [['502 Bad Gateway'], 'is not available now (HTTP 502). Wait, or use another endpoint', true],
  [['401 Unauthorized'], 'takes no connection without valid access data (HTTP 401). Check the access key', false],
  [['403 Forbidden', 'Retry-After: 7'], 'refuses connections from here (HTTP 403). Check the access key', false],
  [['404 Not Found'], 'has nothing at this address (HTTP 404). Check the path in', false],
  [
    ['301 Moved Permanently', 'Location: https://ann:secret@node.example/secret?key=secret'],
    'sends elsewhere (HTTP 301), to https://node.example/.... Name that address as the endpoint',
    false,
  ],
  [
    ['200 OK', 'Content-Type: text/html; charset=utf-8'],
    'answers with a web page and not with a WebSocket (HTTP 200). Check',
    false,
  ],
  [['400 Bad Request'], 'takes no WebSocket connections (HTTP 400). Check --subtensor.network', false],
])('a handshake answered with %j is said as what it is', async ([status, ...headers], sentence, passes) => {
  const gate = await gateTo(null, [`HTTP/1.1 ${status}`, ...headers, 'Content-Length: 0']);
  const error = await failureOf(Subtensor.open({ endpoint: gate.url }));
  expect(error).toMatchObject({ code: 'chain-unreachable', transient: passes });
  expect(error.message).toContain(`${gate.url} ${sentence}`);
  expect(error.message).not.toMatch(/your network|secret/);
});

test('what refuses an endpoint that has worked came by itself, and is waited for', async () => {
  const gate = await gateTo((await startSubnet()).url, null);
  const subtensor = closeLater(await Subtensor.open({ endpoint: gate.url }));
  gate.answer = ['HTTP/1.1 403 Forbidden', 'Content-Length: 0'];
  gate.cutAll();
  await expect(subtensor.currentBlock()).rejects.toMatchObject({
    transient: true,
    message: expect.stringContaining('refuses connections from here (HTTP 403)'),
  });
  gate.answer = null;
  expect(await subtensor.currentBlock()).toBeGreaterThan(0);
});

test('a server that speaks neither HTTP nor TLS is said to', async () => {
  const server = createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.6\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = await failureOf(Subtensor.open({ endpoint: `ws://${host}` }));
  expect(http.message).toContain('it answered with something that is not HTTP. Check --subtensor.network');
  const tls = await failureOf(Subtensor.open({ endpoint: `wss://${host}` }));
  expect(tls.message).toContain('it does not speak TLS as expected. Check ws:// and wss:// in --subtensor.network');
  for (const { message, transient } of [http, tls]) {
    expect(message).not.toContain('your network');
    expect(transient).toBe(false);
  }
  server.close();
});

test.each([
  ['ENOTFOUND', 'there is no host of that name. Check the spelling of', false],
  ['EAI_AGAIN', 'lost. Check --subtensor.network or --subtensor.chain_endpoint, and your network', true],
  ['CERT_HAS_EXPIRED', 'its certificate is not accepted (lost). Check', false],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is not accepted (lost). Check', false],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its certificate is not accepted (lost). Check', false],
])('%s is no fault that passes before the endpoint has ever worked, or one that does', (code, words, passes) => {
  const error = new SocketLostError('lost', false, Object.assign(new Error('lost'), { code }));
  const failure = { url: 'wss://node', nowMs: 0 };
  expect(openingBroke(error, { ...failure, hasWorked: false })).toMatchObject({
    transient: passes,
    message: expect.stringContaining(`the chain at wss://node cannot be reached: ${words}`),
  });
  expect(openingBroke(error, { ...failure, hasWorked: true }).transient).toBe(true);
});

test('a chain that is down at the start is waited for, and found when it comes up', async () => {
  const down = await LocalChain.open({ subnets: [] });
  const port = Number(new URL(down.url).port);
  await down.close();
  const waits: OutageWait[] = [];
  let coming: Promise<unknown> | undefined;
  const onWait = (wait: OutageWait) => {
    waits.push(wait);
    coming ??= LocalChain.open({ port, subnets: [] }).then(closeLater);
  };
  const subtensor = closeLater(await Subtensor.open({ endpoint: down.url, wait: true, onWait }));
  await coming;
  expect(await subtensor.currentBlock()).toBeGreaterThanOrEqual(0);
  expect(waits[0]!.error.message).toContain('ECONNREFUSED');
});

test('an abort ends the wait at once with its own reason; without `wait` nothing is waited for', async () => {
  const stop = new AbortController();
  const endpoint = 'ws://127.0.0.1:1';
  const onWait = ({ delayMs }: OutageWait) => {
    expect(delayMs).toBeGreaterThan(0);
    stop.abort(new Error('stopped by the user'));
  };
  await expect(Subtensor.open({ endpoint, wait: true, onWait, signal: stop.signal })).rejects.toThrow(
    'stopped by the user',
  );
  await expect(
    Subtensor.open({ endpoint, onWait: () => expect.unreachable('it does not wait') }),
  ).rejects.toMatchObject({ code: 'chain-unreachable' });
});
