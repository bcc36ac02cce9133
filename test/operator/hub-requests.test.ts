import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HubDatasetStore, HubRequests, silentLogger, ValidatorMetrics, ValidatorWatch } from 'flock-off';
import { LocalHub } from 'flock-off/local';
import { expect, test } from 'vitest';
import { HOTKEY, manualClock } from './watched.ts';

const REPO = 'ann/data';
const TOKEN = 'hf_ann';

test('requests to the hub are counted by the status of their answers, also refused and unanswered ones', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-hub-requests-'));
  const hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }] });
  const path = join(folder, 'data.jsonl');
  await writeFile(path, '{}\n');
  const { commit } = await new HubDatasetStore({ endpoint: hub.url, token: TOKEN }).upload({ repo: REPO, path });
  const before = hub.faults.requests.length;

  const requests = new HubRequests();
  const clock = manualClock();
  const { onAnswer } = requests;
  const datasets = new HubDatasetStore({ endpoint: hub.url, token: TOKEN, onAnswer, clock });
  hub.faults.inject({ on: REPO, fault: { kind: 'status', status: 429, headers: { 'Retry-After': '1' } } });
  hub.faults.inject({ on: REPO, fault: { kind: 'drop' } });
  await datasets.download({ repo: REPO, commit, to: join(folder, 'copy'), maxBytes: 100 });

  const watch = new ValidatorWatch({ netuid: 7, competition: '1', hotkey: HOTKEY, clock });
  const metrics = await ValidatorMetrics.open({ watch, hub: requests, clock });
  const counted = new Map(
    [...(await metrics.text()).matchAll(/^flock_off_hub_requests_total\{status="(\w+)"\} (\d+)$/gm)].map(
      ([, status, count]) => [status, Number(count)],
    ),
  );
  expect(counted.get('429')).toBe(1);
  expect(counted.get('none')).toBe(1);
  const sum = [...counted.values()].reduce((total, count) => total + count, 0);
  expect(sum).toBe(hub.faults.requests.length - before);

  await datasets.download({ repo: REPO, commit, to: join(folder, 'again'), maxBytes: 100 });
  expect(await metrics.text()).toContain('flock_off_hub_requests_total{status="429"} 1\n');
  metrics.close();
  await hub.close();
  await rm(folder, { recursive: true });
});

test('what counts requests may throw, and those that the caller ends are not counted, unlike those without an answer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-hub-requests-'));
  const hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }] });
  const path = join(folder, 'data.jsonl');
  await writeFile(path, '{}\n');
  const seen: (number | null)[] = [];
  const logged: string[] = [];
  const datasets = new HubDatasetStore({
    endpoint: hub.url,
    token: TOKEN,
    attempts: 1,
    stallTimeoutMs: 300,
    logger: { ...silentLogger, debug: (message) => void logged.push(message) },
    onAnswer: (status) => {
      seen.push(status);
      throw new Error('no such series');
    },
  });
  const { commit } = await datasets.upload({ repo: REPO, path });
  expect(seen).not.toContain(null);
  expect(seen).toHaveLength(hub.faults.requests.length);
  expect(logged).toContain('onAnswer failed: no such series');

  const download = (signal?: AbortSignal) =>
    datasets.download({ repo: REPO, commit, to: join(folder, 'copy'), maxBytes: 100, signal });
  seen.length = 0;
  hub.faults.inject({ on: REPO, fault: { kind: 'hang' }, times: 2 });
  const stopping = new AbortController();
  const stopped = download(stopping.signal);
  const before = hub.faults.requests.length;
  await expect.poll(() => hub.faults.requests.length).toBeGreaterThan(before);
  stopping.abort(new Error('shutting down'));
  await expect(stopped).rejects.toThrow('shutting down');
  expect(seen).toEqual([]);
  await expect(download()).rejects.toMatchObject({ code: 'hub-unreachable' });
  expect(seen).toEqual([null]);
  await hub.close();
  await rm(folder, { recursive: true });
});
