import type { PublishStep } from 'flock-off';
import { afterEach, expect, test } from 'vitest';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { row, startWorld, TOKEN, type World, type WorldParameters } from './publish-world.ts';

let world: World;
async function start(parameters?: WorldParameters) {
  world = await startWorld(parameters);
  return world;
}
afterEach(() => world.close());

const sent = () => world.chain.faults.requests.filter((method) => method === 'author_submitAndWatchExtrinsic').length;
const step = <Kind extends PublishStep['kind']>(kind: Kind) =>
  world.steps.find((one): one is Extract<PublishStep, { kind: Kind }> => one.kind === kind);
const ownersIn = (repo = 'ann/chat') => {
  const file = world.hub.repository(repo)?.head.files.get('flock-off.json');
  return file && JSON.parse(file.content.toString());
};
const annsAddress = async () => (await devHotkey('ann')).address;

test('a dataset is checked, uploaded, committed and made public; publishing it again changes nothing', async () => {
  const { publish, kinds, hub } = await start();
  const first = await publish();
  expect(first).toMatchObject({
    ok: true,
    value: { rows: 2, pointer: expect.stringMatching(/^ann\/chat:1:[0-9a-f]{40}$/) },
  });
  expect(kinds()).toEqual(['checked', 'looked', 'uploaded', 'committed', 'public']);
  expect(step('public')).toMatchObject({ repo: 'ann/chat', isLate: false });
  expect(hub.repository('ann/chat')!.visibility).toBe('public');
  const [chainBefore, hubBefore] = [sent(), world.changes().length];
  world.steps.length = 0;
  expect(await publish()).toEqual(first);
  expect(kinds()).toEqual(['checked', 'looked', 'committed']);
  expect([sent(), world.changes().length]).toEqual([chainBefore, hubBefore]);
});

test('nobody can read the data, or see the repository, before the pointer is in a block', async () => {
  const { hub, chain, publish } = await start({
    hub: {
      users: [
        { name: 'ann', token: TOKEN },
        { name: 'eve', token: 'hf_eve' },
      ],
    },
    hotkeys: ['ann', 'eve'],
    chain: { blockTimeMs: 400 },
  });
  const ann = await annsAddress();
  const ended = new AbortController();
  const seen: boolean[] = [];
  let refused = 0;
  /** Asks as fast as it can, with and without a token, and notes whether the pointer was in a block when it succeeded. */
  const rival = async (token?: string) => {
    const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
    for (const path of ['/datasets/ann/chat/resolve/main/data.jsonl', '/api/datasets/ann/chat'])
      while (!ended.signal.aborted) {
        const { status } = await fetch(`${hub.url}${path}`, { headers });
        if (status === 200) {
          seen.push(chain.storage('Commitments.CommitmentOf', 96, ann) !== null);
          break;
        }
        refused++;
      }
  };
  const rivals = [rival(), rival('hf_eve'), rival()];
  expect(await publish()).toMatchObject({ ok: true });
  await Promise.all(rivals);
  ended.abort();
  expect(refused).toBeGreaterThan(20);
  expect(seen).toEqual([true, true, true, true, true, true]);
});

test('room on the chain is waited for before anything is uploaded', async () => {
  const { publish, changes, chain } = await start({ chain: { profile: 'legacy', commitmentCooldownBlocks: 20 } });
  await publish();
  const before = changes().length;
  let whileWaiting: number | undefined;
  const second = await publish({
    rows: [row('Birds?'), row('Fish?')],
    repo: 'ann/other',
    onStep: (one) => {
      if (one.kind === 'waiting') whileWaiting = changes().length;
      if (one.kind === 'uploaded') expect(chain.currentBlock()).toBeGreaterThanOrEqual(step('committed')!.block + 19);
    },
  });
  expect(second).toMatchObject({ ok: true });
  expect(whileWaiting).toBe(before);
  expect(changes().length).toBeGreaterThan(before);
});

test('a private repository is used as it is, and becomes public', async () => {
  const { publish, hub } = await start();
  await publish();
  hub.repository('ann/chat')!.visibility = 'private';
  world.steps.length = 0;
  await publish({ rows: [row('Birds?'), row('Fish?')] });
  expect(step('looked')).toMatchObject({ visibility: 'private' });
  expect(step('exposed')).toBeUndefined();
  expect(hub.repository('ann/chat')!.visibility).toBe('public');
});

test('who publishes into a public repository is warned before anything is sent', async () => {
  const { publish } = await start();
  await publish();
  const before = world.changes().length;
  world.steps.length = 0;
  await publish({
    rows: [row('Birds?'), row('Fish?')],
    onStep: (one) => {
      world.steps.push(one);
      if (one.kind === 'exposed') expect(world.changes()).toHaveLength(before);
    },
  });
  expect(world.kinds()).toEqual(['checked', 'looked', 'exposed', 'uploaded', 'committed']);
});

test('a fresh repository holds one version, is private until its pointer is in a block, and is the same one again', async () => {
  const { publish, hub } = await start();
  await publish();
  const fresh = { rows: [row('Birds?'), row('Fish?')], freshRepository: true };
  const published = await publish(fresh);
  const name = /^(ann\/chat-[0-9a-f]{8}):1:/.exec(published.ok ? published.value.pointer : '')![1]!;
  expect(hub.repository(name)!.visibility).toBe('public');
  expect(await publish(fresh)).toEqual(published);
  expect(world.commits(name)).toBe(1);
  expect(world.commits('ann/chat')).toBe(1);
  expect(step('exposed')).toBeUndefined();
});

test('rows that a validator would refuse are that verdict, and nothing is uploaded or sent', async () => {
  const { publish } = await start();
  const published = await publish({ rows: [row('Cats?'), '{"conversations":[]}'] });
  expect(published).toMatchObject({ ok: false, verdict: { message: expect.stringContaining('line 2') } });
  expect([world.changes(), sent()]).toEqual([[], 0]);
});

test('an unregistered hotkey uploads nothing', async () => {
  const { publish } = await start();
  await expect(publish({ by: 'eve' })).rejects.toMatchObject({ code: 'unregistered' });
  expect([world.changes(), sent()]).toEqual([[], 0]);
});

test('a pointer that not every validator reads is refused before anything is read, uploaded or sent', async () => {
  const { publish } = await start();
  await expect(publish({ repo: `ann/${'a'.repeat(81)}` })).resolves.toMatchObject({ ok: true });
  const before = [world.changes().length, sent()];
  await expect(publish({ repo: `ann/${'a'.repeat(83)}` })).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringMatching(
      /the pointer would have 130 bytes, and not every validator reads more than 128\. Shorten the name of the repository by 2/i,
    ),
  });
  // What is added to the name counts.
  await expect(publish({ repo: `ann/${'a'.repeat(73)}`, freshRepository: true })).rejects.toMatchObject({
    message: expect.stringMatching(/would have 129 bytes/),
  });
  expect([world.changes().length, sent()]).toEqual(before);
});

test.each([
  ['only reads', { name: 'ann', token: TOKEN, role: 'read' as const }, 'ann/chat', /it may only read/],
  ['is for another repository', { name: 'ann', token: TOKEN, writes: ['ann/other'] }, 'ann/chat', /fine-grained/],
  ["is another's", { name: 'bob', token: TOKEN }, 'ann/chat', /it is bob's, who is not ann/],
  [
    'is of a reader in the organization',
    { name: 'bob', token: TOKEN, organizations: [{ name: 'lab', role: 'read' as const }] },
    'lab/chat',
    /bob may only read in the organization lab/,
  ],
])('a token that %s is refused before anything is sent', async (_, user, repo, why) => {
  const { publish } = await start({ hub: { users: [user] } });
  await expect(publish({ repo })).rejects.toMatchObject({ code: 'hub-denied', message: expect.stringMatching(why) });
  expect([world.changes(), sent()]).toEqual([[], 0]);
});

test.each([
  ['fine-grained, for all of the user', { name: 'ann', token: TOKEN, writes: ['ann'] }, 'ann/chat'],
  [
    "an organization's contributor's",
    { name: 'bob', token: TOKEN, organizations: [{ name: 'lab', role: 'contributor' as const }] },
    'lab/chat',
  ],
])('a token that is %s publishes', async (_, user, repo) => {
  const { publish, hub } = await start({ hub: { users: [user] } });
  await expect(publish({ repo })).resolves.toMatchObject({ ok: true });
  expect(hub.repository(repo)!.visibility).toBe('public');
});

test('a fine-grained token for one repository publishes to it where it is there already', async () => {
  const { publish, hub } = await start({
    hub: {
      users: [
        { name: 'ann', token: TOKEN },
        { name: 'ann', token: 'hf_one', writes: ['ann/chat'] },
      ],
    },
  });
  await publish();
  hub.repository('ann/chat')!.visibility = 'private';
  await expect(publish({ token: 'hf_one', rows: [row('Birds?'), row('Fish?')] })).resolves.toMatchObject({ ok: true });
});

test('a refused token, a gated repository and no token at all end it before anything is sent', async () => {
  const { publish, hub } = await start();
  await publish();
  const before = world.changes().length;
  const rows = [row('Birds?'), row('Fish?')];
  await expect(publish({ token: 'hf_other', rows })).rejects.toMatchObject({ code: 'hub-denied' });
  await expect(publish({ token: '', rows })).rejects.toMatchObject({ code: 'token-missing' });
  hub.repository('ann/chat')!.gated = true;
  await expect(publish({ rows })).rejects.toMatchObject({
    code: 'hub-denied',
    message: expect.stringMatching(/gated/),
  });
  expect(world.changes()).toHaveLength(before);
});

test('the repository names the hotkey as its owner, in the same commit, and keeps those named before', async () => {
  const { publish } = await start({ hotkeys: ['ann', 'bob'] });
  await publish();
  expect(ownersIn()).toEqual({ hotkeys: [await annsAddress()] });
  expect(world.commits()).toBe(1);
  await publish({ by: 'bob' });
  expect(ownersIn()).toEqual({ hotkeys: [await annsAddress(), (await devHotkey('bob')).address] });
  expect(world.commits()).toBe(2);
  // The first one's pointer names a commit that is still his.
  const before = sent();
  await publish();
  expect([world.commits(), sent()]).toEqual([2, before]);
});

test('a pointer to a commit that names nobody is left alone when it is published again', async () => {
  const { publish, hub } = await start();
  await publish();
  const repository = hub.repository('ann/chat')!;
  repository.commit({
    changes: [{ path: 'flock-off.json', file: null }],
    ...{ author: 'ann', title: 'name nobody', dateMs: 0 },
  });
  // A new commit has to be pointed to: the pointer's own one is still there, and still hers.
  const before = sent();
  expect(await publish()).toMatchObject({ ok: true });
  expect([world.commits(), sent()]).toEqual([2, before]);
});

test.each([
  ['no JSON', '{', /it is no JSON/],
  ['a list of something else', '{"hotkeys": [1]}', /expected string/i],
  ['full', JSON.stringify({ hotkeys: Array(100).fill(`5${'F'.repeat(47)}`) }), /names 100 hotkeys already/],
  ['too large', `{"hotkeys": ["5${'F'.repeat(47)}"], "note": "${'x'.repeat(70_000)}"}`, /more than 65536 bytes/],
])('a list of owners that is %s is told to the miner before anything is sent', async (_, text, why) => {
  const { publish, hub } = await start();
  await publish();
  const { regularFile } = await import('../../src/local/hub/repository.ts');
  hub.repository('ann/chat')!.commit({
    changes: [{ path: 'flock-off.json', file: regularFile(Buffer.from(text)) }],
    ...{ author: 'ann', title: 'owners', dateMs: 0 },
  });
  const before = world.changes().length;
  const rows = [row('Birds?'), row('Fish?')];
  await expect(publish({ rows })).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringMatching(why),
  });
  expect(world.changes()).toHaveLength(before);
});

test('making the dataset public is tried again for as long as the Hub fails in passing, and the miner is told', async () => {
  const { publish, hub } = await start();
  hub.faults.inject({ on: '/settings', fault: { kind: 'status', status: 503 }, times: 3 });
  hub.faults.inject({ on: '/data.jsonl', fault: { kind: 'drop' } });
  expect(await publish({ clock: hurried })).toMatchObject({ ok: true });
  expect(world.kinds().filter((kind) => kind === 'hidden').length).toBeGreaterThanOrEqual(3);
  expect(step('hidden')).toMatchObject({ untilBlock: step('committed')!.block + 50 });
  expect(hub.repository('ann/chat')!.visibility).toBe('public');
});

test('a dataset that is public later than validators wait is told as late', async () => {
  const { publish, hub, chain } = await start();
  hub.faults.inject({ on: '/settings', fault: { kind: 'status', status: 503 } });
  const sleep = async () => chain.produceBlocks(60);
  expect(await publish({ clock: { nowMs: Date.now, sleep } })).toMatchObject({ ok: true });
  expect(step('public')).toMatchObject({ isLate: true });
});

test.each([
  ['for good', 403, 'hub-denied', false],
  ['for too long', 503, 'hub-unreachable', true],
])(
  'where the Hub refuses %s to make it public, the error says how things stand and what to do',
  async (_, status, code, transient) => {
    const { publish, hub } = await start();
    hub.faults.inject({ on: '/settings', fault: { kind: 'status', status }, times: 1_000 });
    await expect(publish({ clock: hurried, publicTimeoutMs: 300 })).rejects.toMatchObject({
      code,
      transient,
      message: expect.stringMatching(
        /^the pointer is in block \d+, and ann\/chat is not public: .*publish again.*or make ann\/chat public on the Hub: after block \d+/i,
      ),
    });
    expect(await world.isCommitted()).toBe(true);
    hub.faults.clear();
    expect(await publish()).toMatchObject({ ok: true });
    expect(hub.repository('ann/chat')!.visibility).toBe('public');
    expect([world.commits(), await world.landed()]).toEqual([1, 1]);
  },
);

const hurried = { nowMs: Date.now, sleep: () => new Promise<void>((resolve) => setTimeout(resolve, 20)) };
