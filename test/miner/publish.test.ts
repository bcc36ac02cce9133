import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChainMetadataStore, HubDatasetStore, type PublishStep, publishDataset, Subtensor } from 'flock-off';
import { LocalChain, LocalHub } from 'flock-off/local';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { devHotkey } from '../chain/dev-hotkey.ts';

const NETUID = 96;
const TOKEN = 'hf_token';
const row = (question: string) =>
  JSON.stringify({
    conversations: [
      { role: 'user', content: question },
      { role: 'assistant', content: 'Yes.' },
    ],
  });
let folder: string;
let hub: LocalHub;
let chain: LocalChain;
let steps: PublishStep[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-publish-'));
  steps = [];
  hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }] });
  const neurons = [{ hotkey: (await devHotkey('ann')).address }];
  chain = await LocalChain.open({ blockTimeMs: 50, subnets: [{ netuid: NETUID, neurons }] });
});
afterEach(async () => {
  await chain.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

async function publish({ repo = 'ann/chat', rows = [row('Cats?'), row('Dogs?')], by = 'ann' } = {}) {
  const path = join(folder, 'data.jsonl');
  await writeFile(path, `${rows.join('\n')}\n`);
  const subtensor = await Subtensor.open({ endpoint: chain.url });
  try {
    return await publishDataset({
      path,
      repo,
      datasets: new HubDatasetStore({ endpoint: hub.url, token: TOKEN }),
      metadata: new ChainMetadataStore({ subtensor, netuid: NETUID }),
      hotkey: await devHotkey(by),
      onStep: (step) => steps.push(step),
    });
  } finally {
    await subtensor.close();
  }
}

const sent = () => chain.faults.requests.filter((method) => method === 'author_submitAndWatchExtrinsic').length;
const uploads = () => steps.filter(({ kind }) => kind === 'uploaded').length;

test('a dataset is checked, uploaded and committed; publishing it again changes nothing', async () => {
  const first = await publish();
  expect(first).toMatchObject({
    ok: true,
    value: { rows: 2, pointer: expect.stringMatching(/^ann\/chat:1:[0-9a-f]{40}$/) },
  });
  const before = sent();
  expect(await publish()).toEqual(first);
  expect(sent()).toBe(before);
});

test('rows that a validator would refuse are that verdict, and nothing is uploaded or sent', async () => {
  const published = await publish({ rows: [row('Cats?'), '{"conversations":[]}'] });
  expect(published).toMatchObject({ ok: false, verdict: { message: expect.stringContaining('line 2') } });
  expect([uploads(), sent()]).toEqual([0, 0]);
});

test('an unregistered hotkey uploads nothing', async () => {
  await expect(publish({ by: 'eve' })).rejects.toMatchObject({ code: 'unregistered' });
  expect([uploads(), sent()]).toEqual([0, 0]);
});

test('a pointer that not every validator reads is refused before anything is read, uploaded or sent', async () => {
  await expect(publish({ repo: `ann/${'a'.repeat(81)}` })).resolves.toMatchObject({ ok: true });
  const before = sent();
  await expect(publish({ repo: `ann/${'a'.repeat(83)}` })).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringMatching(
      /the pointer would have 130 bytes, and not every validator reads more than 128\. Shorten the name of the repository by 2/i,
    ),
  });
  expect([uploads(), sent()]).toEqual([1, before]);
});
