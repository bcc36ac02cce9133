import { Agent } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import { type ForwardProxy, startForwardProxy } from '../../shared/forward-proxy.ts';
import { closeLater, connect, NETUID, startSubnet } from '../start-subnet.ts';

let proxy: ForwardProxy;
beforeEach(async () => {
  proxy = closeLater(await startForwardProxy());
});
afterEach(() => void vi.unstubAllEnvs());

test.each(['HTTP_PROXY', 'the option'])(
  'what %s names carries the WebSocket, to an address that only it knows',
  async (where) => {
    const chain = await startSubnet();
    proxy = closeLater(await startForwardProxy({ hosts: { 'localhost:1': new URL(chain.url).host } }));
    proxy.credentials = 'ann:p@ss';
    const url = proxy.url.replace('//', '//ann:p%40ss@');
    if (where !== 'the option') vi.stubEnv(where, url);
    const subtensor = await connect('ws://localhost:1', where === 'the option' ? { proxy: url } : {});
    const { block } = await subtensor.metagraph({ netuid: NETUID });
    await subtensor.waitForBlock({ block: block + 2 });
    expect(proxy.seen).toEqual(['CONNECT localhost:1']);
  },
);

test.each([
  ['NO_PROXY', '127.0.0.0/8', {}],
  ['the option false', '', { proxy: false }],
] as const)('%s goes past the proxy', async (_what, exempt, more) => {
  vi.stubEnv('HTTP_PROXY', proxy.url);
  vi.stubEnv('NO_PROXY', exempt);
  await (await connect((await startSubnet()).url, more)).metagraph({ netuid: NETUID });
  expect(proxy.seen).toEqual([]);
});

describe('a proxy that fails is named, and the fault passes', () => {
  test.each([
    [
      'asks for a password',
      () => Object.assign(proxy, { credentials: 'ann:p@ss' }),
      'does not accept the user name and password that it was given (407)',
    ],
    ['refuses', () => Object.assign(proxy, { fault: 403 }), 'refuses to connect to NODE (403 Forbidden)'],
    [
      'cannot reach the node',
      () => Object.assign(proxy, { fault: 502 }),
      'could not connect to NODE (502 Bad Gateway)',
    ],
    ['is silent', () => Object.assign(proxy, { fault: 'hang' }), 'did not answer within 500 ms'],
    ['is gone', () => proxy.close(), 'cannot be used: connect ECONNREFUSED'],
  ] as const)('one that %s', async (_what, fail, words) => {
    const { url } = await startSubnet();
    await fail();
    const connecting = Subtensor.open({
      endpoint: url,
      timeoutMs: 1_000,
      proxy: proxy.url.replace('//', '//ann:hunter2@'),
    });
    const error = await connecting.catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'chain-unreachable', transient: true });
    expect(error.message).toContain(`the proxy ${proxy.shown} ${words.replace('NODE', new URL(url).host)}`);
    expect(JSON.stringify([error.message, error.stack, error.cause?.message, error.facts])).not.toContain('hunter2');
  });
});

test('a connection that broke with its proxy is opened again through it', async () => {
  const chain = await startSubnet();
  const subtensor = await connect(chain.url, { proxy: proxy.url });
  proxy.cut();
  await subtensor.metagraph({ netuid: NETUID });
  expect(proxy.seen).toHaveLength(2);
});

test('an agent of the own opens the sockets', async () => {
  const agent = new Agent();
  const open = vi.spyOn(agent as unknown as { createConnection(): unknown }, 'createConnection');
  vi.stubEnv('HTTP_PROXY', proxy.url);
  await (await connect((await startSubnet()).url, { agent })).metagraph({ netuid: NETUID });
  expect([open.mock.calls.length, proxy.seen]).toEqual([1, []]);
});

test('an address that names no proxy is said at once, without what it holds', async () => {
  vi.stubEnv('ALL_PROXY', 'http://ann:hun#ter2@127.0.0.1:1080');
  await expect(Subtensor.open({ endpoint: 'ws://127.0.0.1:9' })).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringMatching(/^ALL_PROXY is not the address of a proxy\. Write(?!.*hun)/),
  });
});
