import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { eitherSignal } from '../../src/shared/either-signal.ts';
import { HubClient } from '../../src/shared/hub-client.ts';
import { hubFetch } from '../../src/shared/hub-fetch.ts';

const TIMES = 1_000;
const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

test('aborts with the reason of the first that does, now or before, and then follows none', () => {
  const [one, other, over] = [new AbortController(), new AbortController(), new Error('over')];
  const either = eitherSignal(one.signal, undefined, other.signal);
  other.abort(over);
  one.abort(new Error('later'));
  expect(either.signal.reason).toBe(over);
  expect(eitherSignal(new AbortController().signal, other.signal).signal.reason).toBe(over);
  expect([one, other].map(({ signal }) => listenersOf(signal))).toEqual([0, 0]);
});

test('released, it leaves nothing on a signal that lives long', () => {
  const long = new AbortController();
  for (let times = 0; times < TIMES; times++) {
    const either = eitherSignal(new AbortController().signal, long.signal);
    either.release();
  }
  expect(listenersOf(long.signal)).toBe(0);
});

test('requests to a hub leave nothing on the signal of their process, whether they were read, refused or given up', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/silent') return;
    response.writeHead(request.url === '/refused' ? 404 : 200).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const long = new AbortController();
  const send = hubFetch({ fetch, stallTimeoutMs: 10_000, signal: long.signal });
  const client = new HubClient({ hubUrl: url, totalTimeoutMs: 60_000, longestWaitMs: 1_000 });
  for (let times = 0; times < TIMES; times += 4) {
    await (await send(`${url}/read`)).text();
    await expect(send(`${url}/refused`)).rejects.toThrow();
    const stop = new AbortController();
    const given = send(`${url}/silent`, { signal: stop.signal });
    stop.abort(new Error('given up'));
    await expect(given).rejects.toThrow('given up');
    await client.within(url, long.signal, async () => {});
  }
  expect(listenersOf(long.signal)).toBe(0);
  const last = send(`${url}/silent`);
  long.abort(new Error('the process ends'));
  await expect(last).rejects.toThrow('the process ends');
  server.closeAllConnections();
  server.close();
}, 60_000);
