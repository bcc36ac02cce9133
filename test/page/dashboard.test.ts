import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ValidatorSnapshot } from '../../src/operator/snapshot.ts';
import { type WebPage, WebServer } from '../../src/operator/web-server.ts';
import { dashboardPages } from '../../src/page/dashboard-pages.ts';
import { HOSTILE, makeValidator } from './made-validator.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-dashboard-'));
  await makeValidator({ folder, epochs: 2, miners: 256 });
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const RUNNING: ValidatorSnapshot = {
  ...{ format: 1, version: '0.1.0', host: 'here', pid: 1, movedMs: 99_000, subnet: null, lastEpoch: null },
  totals: { epochs: 1, interruptions: 0, chainFaults: 0, weights: 1, epochsWithoutWeights: 0, trainingSteps: 12 },
  ...{
    atMs: 100_000,
    startedMs: 0,
    endedMs: null,
    netuid: 7,
    competition: '1',
    hotkey: '5F',
    device: 'tfjs-node, CPU',
  },
  chain: { block: 740, blockSeenMs: 97_000, blockTimeMs: 12_000, nextEpochBlock: 1_080 },
  epoch: {
    ...{ startBlock: 720, seed: 1, resumed: false, sinceMs: 40_000, drawn: 3, scoring: [4, 5, 6], weightsBlock: null },
    settled: [{ uid: 4, kind: 'scored', lossNatsPerToken: 2.1, reason: null }],
    work: [
      {
        uid: 5,
        phase: 'training',
        sinceMs: 90_000,
        gradNorm: 1,
        done: 12,
        of: 60,
        lossNatsPerToken: 2.5,
        tokensPerSecond: 812.4,
      },
    ],
  },
  ...{ lastWeights: { block: 700, atMs: 20_000, mode: 'set' }, fault: null },
};

test('before the first report it says so, and shows what goes on', async () => {
  const pages = dashboardPages({ reports: join(folder, 'none'), watch: { snapshot: () => RUNNING } });
  const { type, body } = await pages['/']();
  expect(type).toBe('text/html; charset=utf-8');
  expect(body).toContain('No epoch has ended yet');
  expect(body).toContain("connect-src 'self'");
  const text = pages['/live']().body.replace(/<[^>]+>/g, '');
  expect(text.replace(/\s+/g, ' ').trim()).toBe(
    'live Epoch of block 720 for 60 s, 3 miners drawn, 1 done. Miners1 of 3 uid 5training 12 of 60, loss 2.5000, 812 tokens/s tfjs-node, CPU. Chain: block 740, 3 s ago. Weights were sent in block 700, 80 s ago.',
  );
});

test('a fault is told, as text', () => {
  const fault = { code: 'hub', message: HOSTILE.message, atMs: 90_000, retryMs: 130_000 };
  const { body } = dashboardPages({ reports: folder, watch: { snapshot: () => ({ ...RUNNING, fault }) } })['/live']();
  expect(body).toContain('It is tried again in 30 s.');
  expect(body).not.toMatch(/<script|<\/title/);
});

test('a new report is on the page that is asked for after it, and changes the version that the browser compares', async () => {
  const reports = join(folder, 'grows');
  await mkdir(reports);
  await copyFile(join(folder, 'reports', 'epoch-360.json'), join(reports, 'epoch-360.json'));
  let live = RUNNING;
  const pages = dashboardPages({ reports, watch: { snapshot: () => live } });
  expect((await pages['/']()).body).toContain('The epoch of block 360');
  const version = () => /data-version="([^"]+)"/.exec(pages['/live']().body)![1];
  const before = version();
  await copyFile(join(folder, 'reports', 'epoch-720.json'), join(reports, 'epoch-720.json'));
  expect(version()).toBe(before);
  // The end of the epoch is what lets the browser ask again.
  live = { ...RUNNING, epoch: null };
  const ended = version();
  expect(ended).not.toBe(before);
  expect((await pages['/']()).body).toContain('The epoch of block 720');
  expect([before, ended]).not.toContain(version());
});

test('with 256 miners, somebody who looks costs less than 1 % of a core', async () => {
  const pages = dashboardPages({
    reports: join(folder, 'reports'),
    metrics: join(folder, 'metrics'),
    watch: { snapshot: () => RUNNING },
  });
  await pages['/']();
  const looks = 200;
  const begun = process.cpuUsage();
  for (let i = 0; i < looks; i++) pages['/live']();
  const { user, system } = process.cpuUsage(begun);
  // The page asks every 3 s.
  expect((user + system) / 1000 / looks / 3_000).toBeLessThan(0.01);
  const again = process.cpuUsage();
  await pages['/']();
  const once = process.cpuUsage(again);
  // A whole page is made at most every 5 s, and only when it is asked for.
  expect((once.user + once.system) / 1000).toBeLessThan(2_000);
});

test('it is served on loopback, to nobody who asks for another host, and a port in use is told in a sentence', async () => {
  const pages = dashboardPages({ reports: join(folder, 'reports'), watch: { snapshot: () => RUNNING } });
  const server = await WebServer.open({ port: 0, pages });
  try {
    expect(new URL(server.url).hostname).toBe('127.0.0.1');
    const asked = await fetch(`${server.url}/`);
    expect([asked.status, asked.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await asked.text()).toContain('<section id="live"');
    expect((await fetch(`${server.url}/live`, { method: 'POST' })).status).toBe(405);
    const forged = await new Promise<number | undefined>((resolve, reject) => {
      get(`${server.url}/`, { headers: { host: 'rebound.example:80' } }, ({ statusCode }) => resolve(statusCode)).once(
        'error',
        reject,
      );
    });
    expect(forged).toBe(421);
    const port = Number(new URL(server.url).port);
    await expect(WebServer.open({ port, pages })).rejects.toThrow(
      `port ${port} of 127.0.0.1 is in use by another program`,
    );
  } finally {
    await server.close();
  }
});

test('several competitions have a page each, with tabs, and what each does now', async () => {
  const [chat, code] = ['chat', 'code'].map((competition) => ({ competition, reports: join(folder, competition) }));
  await mkdir(chat!.reports);
  await copyFile(join(folder, 'reports', 'epoch-360.json'), join(chat!.reports, 'epoch-360.json'));
  const competitions = [
    { competition: 'chat', epoch: null, lastEpoch: null, fault: null },
    { competition: 'code', epoch: RUNNING.epoch, lastEpoch: null, fault: null },
  ];
  const watch = { snapshot: () => ({ ...RUNNING, competitions }) };
  const pages: Record<string, () => WebPage | Promise<WebPage>> = dashboardPages({ reports: [chat!, code!], watch });
  expect(Object.keys(pages)).toEqual(['/', '/live', '/code/', '/code/live']);
  const tabs = async (path: string) => /<nav class="tabs"[\s\S]*?<\/nav>/.exec(String((await pages[path]!()).body))![0];
  expect(await tabs('/')).toMatch(
    /<a href="\/" aria-current="page"><bdi>chat<\/bdi><\/a><a href="\/code\/"><bdi>code<\/bdi><\/a>/,
  );
  expect(await tabs('/code/')).toMatch(
    /<a href="\/"><bdi>chat<\/bdi><\/a><a href="\/code\/" aria-current="page"><bdi>code<\/bdi><\/a>/,
  );
  expect((await pages['/']!()).body).toContain('The epoch of block 360');
  expect((await pages['/code/']!()).body).toContain('No epoch has ended yet');
  expect((await pages['/live']!()).body).not.toContain('uid 5');
  expect((await pages['/code/live']!()).body).toContain('uid 5');
});
