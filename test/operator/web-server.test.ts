import { request } from 'node:http';
import { ValidatorMetrics, ValidatorWatch, validatorPages, WebServer } from 'flock-off';
import { afterEach, expect, test } from 'vitest';
import { HOTKEY, manualClock } from './watched.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function serve(names?: string[]) {
  const clock = manualClock();
  const watch = new ValidatorWatch({ netuid: 7, competition: '1', hotkey: HOTKEY, clock });
  const metrics = await ValidatorMetrics.open({ watch, clock });
  const pages = validatorPages({ watch, metrics, clock });
  const server = await WebServer.open({ port: 0, names, pages });
  open.push(metrics, server);
  return { watch, clock, server };
}

/** With the Host header that is given, which fetch does not let one choose. */
function ask(url: string, { host, method = 'GET' }: { host?: string; method?: string } = {}) {
  return new Promise<{ status: number; body: string; type: string }>((resolve, reject) => {
    const asked = request(url, { method, headers: host === undefined ? {} : { host }, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode!, body, type: response.headers['content-type'] ?? '' }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('numbers are served as Prometheus reads them, and the snapshot as JSON', async () => {
  const { server, watch } = await serve();
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const metrics = await ask(`${server.url}/metrics`);
  expect(metrics).toMatchObject({ status: 200, type: expect.stringMatching(/^text\/plain; version=0\.0\.4/) });
  expect(metrics.body).toContain('flock_off_info{');
  const status = await ask(`${server.url}/status?any`);
  expect(JSON.parse(status.body)).toEqual(watch.snapshot());
});

test('probes answer 503 with the reasons, and 200 once there are none', async () => {
  const { server, watch } = await serve();
  expect(await ask(`${server.url}/healthz`)).toMatchObject({ status: 200, body: 'ok\n' });
  expect(await ask(`${server.url}/readyz`)).toMatchObject({
    status: 503,
    body: 'no device trains yet\nthe chain has not answered yet\n',
  });
  watch.deviceOpened('tfjs-node');
  watch.sawPosition({ block: 1, nextEpochBlock: 5 });
  expect(await ask(`${server.url}/readyz`)).toMatchObject({ status: 200, body: 'ok\n' });
});

test.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example'])(
  'a request for the host %j is refused',
  async (host) => {
    const { server } = await serve();
    const { status, body } = await ask(`${server.url}/metrics`, { host });
    expect([400, 421]).toContain(status);
    expect(body).not.toContain('flock_off');
  },
);

test.each(['localhost:9100', '127.0.0.1', '[::1]:9100', '10.1.2.3:9100', 'Validator:9100'])(
  'one for %j is not',
  async (host) => {
    const { server } = await serve(['validator']);
    expect((await ask(`${server.url}/healthz`, { host })).status).toBe(200);
  },
);

test('nothing but GET and HEAD of these paths is answered', async () => {
  const { server } = await serve();
  expect((await ask(`${server.url}/metrics`, { method: 'POST' })).status).toBe(405);
  expect((await ask(`${server.url}/../etc/passwd`)).status).toBe(404);
  expect((await ask(`${server.url}/constructor`)).status).toBe(404);
  expect(await ask(`${server.url}/healthz`, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
});

test('a port in use is told in one sentence', async () => {
  const { server } = await serve();
  const port = Number(new URL(server.url).port);
  await expect(WebServer.open({ port, pages: {} })).rejects.toMatchObject({
    code: 'bad-argument',
    sentence: `port ${port} of 127.0.0.1 is in use by another program. Choose another one.`,
  });
});
