import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DRAND_QUICKNET } from '../../../src/chain/timelock/drand.ts';
import { HttpPulseSource, type HttpPulseSourceParameters } from '../../../src/chain/timelock/http-pulse-source.ts';
import { firstPulse, type PulseSource } from '../../../src/chain/timelock/pulse-source.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import { BEACON, signRound } from '../../evaluation-sets/locked-world.ts';
import { startForwardProxy } from '../../shared/forward-proxy.ts';
import { PULSE } from './quicknet-pulse.ts';

// A server of this machine that is several: each has a path, answers in its own way, and knows quicknet's true pulse.

const { round } = PULSE;
const TRUE = Buffer.from(PULSE.signature, 'hex');
const json = (pulse: unknown) => (to: ServerResponse) => void to.end(JSON.stringify(pulse));
const status = (code: number) => (to: ServerResponse) => void to.writeHead(code).end('no');
const other = Buffer.from(signRound(round)).toString('hex');
const SERVERS: Record<string, (to: ServerResponse, url: string) => void> = {
  good: json(PULSE),
  // As drand's own, whatever else they say.
  newer: json({ ...PULSE, randomness: 'none', previous: 'any' }),
  'of another round': json({ ...PULSE, round: round + 1 }),
  "with another beacon's signature": json({ ...PULSE, signature: other }),
  'with a signature of no point': json({ ...PULSE, signature: 'f'.repeat(96) }),
  'with half a signature': json({ ...PULSE, signature: PULSE.signature.slice(48) }),
  'with null': json(null),
  'with HTML': (to) => void to.setHeader('Content-Type', 'text/html').end('<h1>Log in</h1>'),
  'without that round': status(404),
  'that is too busy': status(503),
  'that says nothing': () => {},
  'that stops in the middle': (to) => void to.write('{"round":1000,'),
  'that cuts the connection': (to) => void to.destroy(),
  'that sends on and on in a circle': (to, url) => void to.writeHead(302, { Location: url }).end(),
  'with a megabyte': json({ ...PULSE, more: 'x'.repeat(1 << 20) }),
};
const WHY: Record<string, RegExp> = {
  'of another round': /it answered round 1001/,
  "with another beacon's signature": /it gave a signature that is not the beacon's/,
  'with a signature of no point': /it gave a signature that is not the beacon's/,
  'with half a signature': /it answered no pulse/,
  'with null': /it answered no pulse/,
  'with HTML': /it answered no pulse/,
  'without that round': /it answered 404/,
  'that is too busy': /it answered 503/,
  'that says nothing': /no whole answer in 1500 ms/,
  'that stops in the middle': /no whole answer in 1500 ms/,
  'that cuts the connection': /other side closed|hang up|ECONNRESET/,
  'that sends on and on in a circle': /redirect count exceeded/,
  'with a megabyte': /its answer goes on after 16384 bytes/,
};

const asked: string[] = [];
const warned: string[] = [];
const logger = { ...silentLogger, warn: (message: string) => void warned.push(message) };
const clock = { nowMs: Date.now, sleep: async () => {} };
const server = createServer((request, to) => {
  asked.push(request.url!);
  const name = decodeURIComponent(request.url!.split('/')[1]!);
  SERVERS[name]!(to, request.url!);
});
let base: string;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked.length = 0;
  warned.length = 0;
});

const sourceOf = (names: string[], more: HttpPulseSourceParameters = {}) =>
  new HttpPulseSource({
    ...{ urls: names.map((name) => `${base}/${encodeURIComponent(name)}`), attempts: 1, timeoutMs: 20_000 },
    ...{ clock, logger, proxy: false, ...more },
  });
const QUICKNET = { round, beacon: DRAND_QUICKNET };

test.each(['good', 'newer'])("quicknet's true pulse is had from a server that is %s", async (name) => {
  expect(await sourceOf([name]).pulse(QUICKNET)).toEqual(TRUE);
  expect(asked).toEqual([`/${name}/${DRAND_QUICKNET.chainHash}/public/${round}`]);
  expect(warned).toEqual([]);
});

test.each(Object.entries(WHY))('a server %s is passed over, named, and never trusted', async (name, why) => {
  const shown = `${base}/${encodeURIComponent(name)}`;
  expect(
    await sourceOf([name, 'good'], { timeoutMs: WHY[name]!.source.includes('1500') ? 1_500 : 20_000 }).pulse(QUICKNET),
  ).toEqual(TRUE);
  expect(warned).toEqual([expect.stringMatching(why)]);
  expect(warned[0]).toContain(`drand's server ${shown} is passed over for round ${round}`);
  const alone = sourceOf([name], { timeoutMs: WHY[name]!.source.includes('1500') ? 1_500 : 20_000 });
  await expect(alone.pulse(QUICKNET)).rejects.toMatchObject({
    ...{ code: 'drand-unreachable', transient: true },
    facts: { round, servers: [{ url: shown, why: expect.stringMatching(why) }] },
  });
});

test('what fails in passing is tried again, at all of them', async () => {
  let answers = 0;
  SERVERS.waking = (to, url) => (++answers < 3 ? status(503)(to) : SERVERS.good!(to, url));
  expect(await sourceOf(['without that round', 'waking'], { attempts: 3, timeoutMs: 20_000 }).pulse(QUICKNET)).toEqual(
    TRUE,
  );
  expect(asked.filter((url) => url.startsWith('/waking/'))).toHaveLength(3);
});

test('whoever stops does not wait for a server that says nothing', async () => {
  const stop = new AbortController();
  const asking = sourceOf(['that says nothing'], { timeoutMs: 600_000 }).pulse({ ...QUICKNET, signal: stop.signal });
  await expect.poll(() => asked.length).toBe(1);
  stop.abort(new Error('stopped'));
  await expect(asking).rejects.toThrow('stopped');
});

test('nobody is asked for the rounds of another beacon', async () => {
  expect(await sourceOf(['good']).pulse({ round, beacon: BEACON })).toBeNull();
  expect(asked).toEqual([]);
});

test('requests go through the proxy that is set, which is named where it fails', async () => {
  const proxy = await startForwardProxy();
  try {
    expect(await sourceOf(['good'], { proxy: proxy.url, timeoutMs: 20_000 }).pulse(QUICKNET)).toEqual(TRUE);
    expect(proxy.seen).toEqual([`GET ${base}/good/${DRAND_QUICKNET.chainHash}/public/${round}`]);
    proxy.fault = 502;
    const refused = sourceOf(['good'], { proxy: proxy.url, timeoutMs: 20_000 }).pulse(QUICKNET);
    await expect(refused).rejects.toThrow(`it answered 502 (through the proxy ${proxy.shown})`);
  } finally {
    await proxy.close();
  }
});

test.each([
  'api.drand.sh',
  'ftp://api.drand.sh',
  'https://ann:secret@api.drand.sh',
  'https://api.drand.sh/?key=secret',
])('%s is no base address, and no secret is shown', (url) => {
  expect(() => new HttpPulseSource({ urls: [url] })).toThrow(/is not the base address of a drand server/);
  expect(() => new HttpPulseSource({ urls: [url] })).not.toThrow(/ann:secret/);
});

test('sources are asked in order, and what one gives is verified', async () => {
  const order: string[] = [];
  const source = (name: string, gives: () => Uint8Array | null): PulseSource => ({
    pulse: async () => {
      order.push(name);
      return gives();
    },
  });
  const none = source('none', () => null);
  const lying = source('lying', () => signRound(round));
  const broken = source('broken', () => {
    throw new Error('gone');
  });
  const sound = source('sound', () => TRUE);
  const first = (...sources: PulseSource[]) => firstPulse({ ...QUICKNET, sources });
  expect(await first(none, lying, broken, sound, none)).toEqual(TRUE);
  expect(order).toEqual(['none', 'lying', 'broken', 'sound']);
  expect(await first(none, lying)).toBeNull();
  await expect(first(none, broken, lying)).rejects.toThrow('gone');
});
