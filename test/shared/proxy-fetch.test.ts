import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { httpRoute } from '../../src/shared/proxy-fetch.ts';
import { type ForwardProxy, startForwardProxy } from './forward-proxy.ts';

let proxy: ForwardProxy;
const closing: (() => unknown)[] = [];
beforeEach(async () => {
  proxy = await startForwardProxy();
  closing.push(() => proxy.close());
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a redirect goes through the proxy of its own target, and neither server sees the password', async () => {
  const passwords: unknown[] = [];
  const see: RequestListener = ({ headers }) => passwords.push(headers['proxy-authorization']);
  const store = await serve((request, response) => {
    see(request, response);
    response.end('the file');
  });
  const hub = await serve((request, response) => {
    see(request, response);
    response.writeHead(302, { location: `${store}/file` }).end();
  });
  proxy.credentials = 'ann:p@ss';
  const HTTP_PROXY = proxy.url.replace('//', '//ann:p%40ss@');
  const fetchWith = async (env: NodeJS.ProcessEnv) => {
    proxy.seen.length = 0;
    const response = await httpRoute({ env }, hub).fetch(`${hub}/resolve`);
    expect([response.status, response.url, await response.text()]).toEqual([200, `${store}/file`, 'the file']);
    return proxy.seen;
  };
  const [viaHub, viaStore] = [`GET ${hub}/resolve`, `GET ${store}/file`];
  expect(await fetchWith({ HTTP_PROXY })).toEqual([viaHub, viaStore]);
  expect(await fetchWith({ HTTP_PROXY, NO_PROXY: new URL(store).host })).toEqual([viaHub]);
  expect(await fetchWith({ HTTP_PROXY, NO_PROXY: new URL(hub).host })).toEqual([viaStore]);
  expect(passwords).toEqual(Array(6).fill(undefined));
});

test('a tunnel that nobody waits for any more is given up at once', async () => {
  proxy.fault = 'hang';
  const controller = new AbortController();
  const { fetch } = httpRoute({ proxy: proxy.url }, 'https://a.test');
  const fetching = fetch('https://a.test/', { signal: controller.signal });
  await vi.waitFor(() => expect(proxy.seen).toEqual(['CONNECT a.test:443']));
  controller.abort(new Error('enough'));
  await expect(fetching).rejects.toThrow('enough');
  await vi.waitFor(() => expect(proxy.open).toBe(0));
});
