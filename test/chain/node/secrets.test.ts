import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { Subtensor } from '../../../src/chain/subtensor.ts';

type Answer = (socket: WebSocket, id: number, request: IncomingMessage) => void;
const replied = (socket: WebSocket, id: number, answer: object) =>
  socket.send(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));

test.each<[string, Answer]>([
  [
    'an error',
    (socket, id, { url }) => replied(socket, id, { error: { code: -32_000, message: `bad request ${url}` } }),
  ],
  [
    'an unknown method',
    (socket, id, { url }) => replied(socket, id, { error: { code: -32_601, message: 'no such method', data: url } }),
  ],
  [
    'an error with the whole address',
    (socket, id, { headers, url }) =>
      replied(socket, id, { error: { code: 1, message: `${headers.authorization} ${url}` } }),
  ],
  ['a result', (socket, id, { url }) => replied(socket, id, { result: url })],
  ['something that is no JSON', (socket, _, { url }) => socket.send(`${url}`)],
  ['the end of the connection', (socket, _, { url }) => socket.close(4000, url?.slice(0, 100))],
])('a node that answers with %s, and its own address in it, is quoted without the keys in that', async (_, answer) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket, request) => {
    socket.on('message', (data) => answer(socket, JSON.parse(String(data)).id, request));
  });
  const lines: unknown[] = [];
  const log = (...line: unknown[]) => void lines.push(line);
  const logger = { trace: log, debug: log, info: log, warn: log, error: log };
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const endpoints = [
    `ws://ann:XyZzY1%2Fpass@${host}/v1/XyZzY2key?apikey=XyZzY3key`,
    `ws://XyZzY4user@${host}/XyZzY5key`,
  ];
  try {
    const one = await Subtensor.open({ endpoint: endpoints[0], timeoutMs: 2_000, logger }).catch(
      (error: unknown) => error,
    );
    const both = await Subtensor.open({ endpoints, timeoutMs: 2_000, logger }).catch((error: unknown) => error);
    expect(one).toMatchObject({ name: 'FlockOffError' });
    const printed = inspect([one, both, lines], { depth: 20, showHidden: true });
    expect(printed).toContain(`ws://${host}/...`);
    expect(printed).not.toMatch(/XyZzY/i);
  } finally {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});
