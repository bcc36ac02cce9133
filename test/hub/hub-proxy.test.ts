import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HubDatasetStore, type HubDatasetStoreParameters } from '../../src/hub/hub-dataset-store.ts';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { type ForwardProxy, startForwardProxy } from '../shared/forward-proxy.ts';

const REPO = 'ann/chats';
const BODY = '{"conversations":[]}\n'.repeat(5_000);
let hub: LocalHub;
let proxy: ForwardProxy;
let folder: string;

beforeEach(async () => {
  hub = await LocalHub.open({ users: [{ name: 'ann', token: 'hf_ann' }], storageMode: 'lfs' });
  proxy = await startForwardProxy();
  folder = await mkdtemp(join(tmpdir(), 'flock-off-hub-proxy-'));
  await writeFile(join(folder, 'up.jsonl'), BODY);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await proxy.close();
  await rm(folder, { recursive: true, force: true });
});

const store = (more: HubDatasetStoreParameters = {}) =>
  new HubDatasetStore({
    endpoint: hub.url,
    token: 'hf_ann',
    stallTimeoutMs: 500,
    attempts: 2,
    clock: { nowMs: Date.now, sleep: () => Promise.resolve() },
    ...more,
  });
const upload = (to = store()) => to.upload({ repo: REPO, path: join(folder, 'up.jsonl') });
const download = (commit: string, from = store()) =>
  from.download({ repo: REPO, commit, to: join(folder, 'data.jsonl'), maxBytes: 1e6 });

test.each(['HTTP_PROXY', 'ALL_PROXY', 'http_proxy', 'the option'])(
  'what %s names carries every request of an upload and a download, with its password',
  async (where) => {
    proxy.credentials = 'ann:p@ss';
    const url = proxy.url.replace('//', '//ann:p%40ss@');
    if (where !== 'the option') vi.stubEnv(where, url);
    const through = store(where === 'the option' ? { proxy: url } : {});
    const { commit, sha256 } = await upload(through);
    expect(await download(commit, through)).toMatchObject({ ok: true, value: { sha256 } });
    expect(await readFile(join(folder, 'data.jsonl'), 'utf8')).toBe(BODY);
    const { host } = new URL(hub.url);
    expect(proxy.seen.filter((line) => !line.includes(`http://${host}/`))).toEqual([]);
    for (const one of [/^POST .*\/api\/repos\/create/, /^PUT /, /^POST .*\/commit\//, /^GET .*\/resolve\//])
      expect(
        proxy.seen.some((line) => one.test(line)),
        String(one),
      ).toBe(true);
  },
);

test.each([
  ['NO_PROXY', '127.0.0.1', {}],
  ['NO_PROXY with the port', () => new URL(hub.url).host, {}],
  ['the option false', '', { proxy: false }],
  ['a fetch of the own', '', { fetch }],
] as const)('%s goes past the proxy', async (_what, exempt, more) => {
  vi.stubEnv('HTTP_PROXY', proxy.url);
  vi.stubEnv('NO_PROXY', typeof exempt === 'function' ? exempt() : exempt);
  await upload(store(more));
  expect(proxy.seen).toEqual([]);
});

describe('a proxy that fails is named, the fault passes, and no miner has a verdict for it', () => {
  test.each([
    [
      'asks for a password',
      () => Object.assign(proxy, { credentials: 'ann:p@ss' }),
      /the proxy HOST asks for a user name and password \(407\)/,
    ],
    ['refuses', () => Object.assign(proxy, { fault: 403 }), /403 .*\(through the proxy HOST\)/],
    ['knows no way', () => Object.assign(proxy, { fault: 404 }), /404 .*\(through the proxy HOST\)/],
    ['cannot reach the hub', () => Object.assign(proxy, { fault: 502 }), /502 .*\(through the proxy HOST\)/],
    ['is silent', () => Object.assign(proxy, { fault: 'hang' }), /no data for 500 ms \(through the proxy HOST\)/],
    ['is gone', () => proxy.close(), /the proxy HOST cannot be used: .*ECONNREFUSED/],
  ] as const)('one that %s', async (_what, fail, message) => {
    const { commit } = await upload(store({ proxy: false }));
    await fail();
    const error = await download(
      commit,
      store({
        proxy: proxy.url
          .replace('//', '//user:hunter2@')
          .replace('user:hunter2@', proxy.credentials ? '' : 'user:hunter2@'),
      }),
    ).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'hub-unreachable', transient: true });
    expect(error.message.replace(proxy.shown, 'HOST')).toMatch(message);
    expect(JSON.stringify([error.message, error.stack, error.cause?.message, error.facts])).not.toContain('hunter2');
  });
});

test('a proxy that answers in place of the Hub is named, too', async () => {
  const { commit } = await upload(store({ proxy: false }));
  const page = createServer((_, response) => response.end('<h1>Welcome</h1>')).listen(0, '127.0.0.1');
  await once(page, 'listening');
  const shown = `127.0.0.1:${(page.address() as AddressInfo).port}`;
  const downloading = download(commit, store({ proxy: `http://${shown}` }));
  await expect(downloading).rejects.toMatchObject({
    code: 'hub-unreachable',
    message: expect.stringContaining(`(through the proxy ${shown})`),
  });
  page.close();
});

test('an address that names no proxy is said before anything is sent, without what it holds', () => {
  vi.stubEnv('HTTP_PROXY', 'socks5://ann:hunter2@127.0.0.1:1080');
  expect(() => store()).toThrow(
    expect.objectContaining({
      code: 'bad-argument',
      message: expect.stringMatching(/^HTTP_PROXY names a socks5 proxy/),
    }),
  );
  expect(() => store()).not.toThrow(/hunter2/);
});
