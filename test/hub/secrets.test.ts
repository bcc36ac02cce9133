import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HubDatasetStore } from '../../src/hub/hub-dataset-store.ts';

const TOKEN = 'hf_XyZzY7abcXyZzY7';
let server: Server;
let folder: string;
let answer: (response: ServerResponse, token: string) => void;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-hub-secrets-'));
  server = createServer(({ headers }, response) => answer(response, headers.authorization?.slice(7) ?? ''));
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

test.each<[string, (response: ServerResponse, token: string) => void]>([
  ['in its sentence', (response, token) => response.writeHead(401).end(JSON.stringify({ error: `no user ${token}` }))],
  [
    'in small letters',
    (response, token) => response.writeHead(503).end(JSON.stringify({ error: token.toLowerCase() })),
  ],
  [
    'in headers',
    (response, token) => response.writeHead(403, { 'X-Error-Code': token, 'X-Error-Message': token }).end(),
  ],
  [
    'at the end of what is kept',
    (response, token) => response.writeHead(500).end(JSON.stringify({ error: '.'.repeat(290) + token })),
  ],
  [
    'for JSON',
    (response, token) => response.writeHead(200, { 'content-type': 'application/json' }).end(`${token}, you`),
  ],
  [
    'and breaks off',
    (response, token) =>
      response.writeHead(200, { 'content-length': 99, etag: token }).write(token, () => response.destroy()),
  ],
])('whoever answers with the token %s finds it in no error and no log', async (_, says) => {
  answer = says;
  const path = join(folder, 'data.jsonl');
  await writeFile(path, '{}\n');
  const lines: unknown[] = [];
  const log = (...line: unknown[]) => void lines.push(line);
  const { port } = server.address() as AddressInfo;
  const store = new HubDatasetStore({
    endpoint: `http://127.0.0.1:${port}`,
    token: TOKEN,
    attempts: 2,
    clock: { nowMs: Date.now, sleep: () => Promise.resolve() },
    logger: { trace: log, debug: log, info: log, warn: log, error: log },
  });
  const errors = await Promise.all([
    store.upload({ repo: 'ann/chats', path }).catch((error: unknown) => error),
    store
      .download({ repo: 'ann/chats', commit: '0'.repeat(40), to: join(folder, 'down.jsonl'), maxBytes: 1e6 })
      .catch((error: unknown) => error),
  ]);
  expect(errors[0]).toMatchObject({ name: 'FlockOffError' });
  expect(lines).not.toEqual([]);
  expect(inspect([errors, lines], { depth: 20, showHidden: true })).not.toMatch(/XyZzY/i);
});
