import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HubDatasetStore } from '../../src/hub/hub-dataset-store.ts';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { lfsFile, regularFile } from '../../src/local/hub/repository.ts';

const TOKEN = 'hf_ann';
const REPO = 'ann/chats';
const ANN = `5${'A'.repeat(47)}`;
const BOB = `5${'B'.repeat(47)}`;
let hub: LocalHub;
let folder: string;
let path: string;
/** Authorization headers of all requests. */
let tokens: (string | null)[];

beforeEach(async () => {
  hub = await LocalHub.open({
    users: [
      { name: 'ann', token: TOKEN },
      { name: 'ben', token: 'hf_ben' },
    ],
  });
  folder = await mkdtemp(join(tmpdir(), 'flock-off-owners-'));
  path = join(folder, 'data.jsonl');
  await writeFile(path, '{"conversations":[]}\n');
  tokens = [];
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

const store = (token: string | undefined = TOKEN) =>
  new HubDatasetStore({
    endpoint: hub.url,
    token,
    attempts: 2,
    stallTimeoutMs: 300,
    clock: { nowMs: Date.now, sleep: () => Promise.resolve() },
    fetch: (input, init) => {
      tokens.push(new Headers(init?.headers).get('Authorization'));
      return fetch(input, init);
    },
  });

/** Puts a list of owners of this text into the repository, and returns the commit. */
function commitOwners(text: string | Buffer, { lfs = false } = {}): string {
  const file = (lfs ? lfsFile : regularFile)(Buffer.from(text));
  const changes = [{ path: 'flock-off.json', file }];
  return hub.repository(REPO)!.commit({ changes, author: 'ann', title: 'owners', dateMs: 0 }).id;
}

describe('the owners of a repository', () => {
  const owners = (commit: string, more: { repo?: string; signal?: AbortSignal } = {}) =>
    store().owners({ repo: REPO, commit, ...more });

  test('are those whom whoever uploaded has named, at that commit', async () => {
    const none = await store().upload({ repo: REPO, path });
    const ann = await store().upload({ repo: REPO, path, owner: ANN });
    const both = await store().upload({ repo: REPO, path, owner: BOB });
    expect(await owners(none.commit)).toEqual({ ok: true, value: null });
    expect(await owners(ann.commit)).toEqual({ ok: true, value: [ANN] });
    expect(await owners(both.commit)).toEqual({ ok: true, value: [ANN, BOB] });
    expect((await store().upload({ repo: REPO, path, owner: ANN })).commit).toBe(both.commit);
  });

  test('are kept with whatever else the file says', async () => {
    await store().upload({ repo: REPO, path });
    commitOwners(JSON.stringify({ hotkeys: [ANN], note: 'mine', nested: { a: 1 } }));
    await store().upload({ repo: REPO, path, owner: BOB });
    const written = hub.repository(REPO)!.head.files.get('flock-off.json')!.content.toString();
    expect(JSON.parse(written)).toEqual({ hotkeys: [ANN, BOB], note: 'mine', nested: { a: 1 } });
  });

  test('are nobody where there is no such repository or commit, or it cannot be read', async () => {
    const { commit } = await store().upload({ repo: REPO, path, owner: ANN });
    const nobody = { ok: true, value: null };
    expect(await owners(commit, { repo: 'ann/other' })).toEqual(nobody);
    expect(await owners('0'.repeat(40))).toEqual(nobody);
    hub.repository(REPO)!.disabled = true;
    expect(await owners(commit)).toEqual(nobody);
  });

  test.each([
    ['10,000 hotkeys', JSON.stringify({ hotkeys: Array(10_000).fill(ANN) }), /more than 65536 bytes/],
    ['101 hotkeys', JSON.stringify({ hotkeys: Array(101).fill(ANN) }), /expected at most 100 hotkeys/],
    ['a list of 30,000 numbers', `{"hotkeys":[${Array(30_000).fill(0).join()}]}`, /expected at most 100 hotkeys/],
    ['no hotkey', '{"hotkeys":[]}', /expected one hotkey or more/],
    ['something that is no hotkey', '{"hotkeys":["me"]}', /expected a hotkey .* at "hotkeys.0"/],
    ['no JSON', 'hotkeys: me', /it is no JSON/],
    ['brackets', '['.repeat(60_000), /it is no JSON/],
    ['an array', '[]', /expected object/i],
    ['nothing', '', /it is no JSON/],
  ])('are nobody who could be told where the file holds %s: the verdict foreign-dataset', async (_, text, why) => {
    await store().upload({ repo: REPO, path });
    for (const lfs of [false, true])
      expect(await owners(commitOwners(text, { lfs }))).toEqual({
        ok: false,
        verdict: { reason: 'foreign-dataset', message: expect.stringMatching(why) },
      });
  });

  test('a file of 100 MB is refused after its first 64 KiB', async () => {
    await store().upload({ repo: REPO, path });
    const commit = commitOwners(Buffer.alloc(100 * 1024 * 1024, 'x'), { lfs: true });
    const started = performance.now();
    expect(await owners(commit)).toMatchObject({ ok: false, verdict: { reason: 'foreign-dataset' } });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test.each([
    ['other bytes', { kind: 'wrong-bytes' } as const],
    ['a status', { kind: 'status', status: 503 } as const],
    ['no answer', { kind: 'hang' } as const],
    ['a page', { kind: 'body', status: 200, body: '<html>'.repeat(20_000) } as const],
    ['half of it', { kind: 'truncate', afterBytes: 10 } as const],
    ['a bare 404', { kind: 'body', status: 404, body: '' } as const],
  ])("are not judged by %s that is the Hub's fault", async (_, fault) => {
    const { commit } = await store().upload({ repo: REPO, path, owner: ANN });
    hub.faults.inject({ on: 'flock-off.json', fault, times: 1_000 });
    await expect(owners(commit)).rejects.toMatchObject({ code: 'hub-unreachable', transient: true });
    hub.faults.clear();
    hub.faults.inject({ on: 'flock-off.json', fault });
    expect(await owners(commit)).toEqual({ ok: true, value: [ANN] });
  });

  test('a list that leaves out what is served is no word of the Hub', async () => {
    const { commit } = await store().upload({ repo: REPO, path, owner: ANN });
    hub.faults.inject({
      on: '/paths-info/',
      fault: { kind: 'body', status: 200, body: '[]', headers: { 'Content-Type': 'application/json' } },
      times: 2,
    });
    await expect(owners(commit)).rejects.toMatchObject({ code: 'hub-unreachable' });
  });
});

describe('whether anybody can read a dataset', () => {
  const isReadable = (commit: string, token?: string) => store(token).isReadable({ repo: REPO, commit });

  test('is asked without a token', async () => {
    const { commit } = await store().upload({ repo: REPO, path });
    tokens = [];
    expect(await isReadable(commit)).toBe(true);
    expect(tokens).toEqual([null]);
  });

  test('it is not while the repository is private, also to its owner, and it is once that is over', async () => {
    const { commit } = await store().upload({ repo: REPO, path, visibility: 'private' });
    expect(await isReadable(commit)).toBe(false);
    expect(await isReadable(commit, 'hf_ben')).toBe(false);
    await store().makePublic({ repo: REPO });
    await store().makePublic({ repo: REPO });
    expect(await isReadable(commit)).toBe(true);
  });

  test('it is not where it is gated, disabled, or there is no such commit or file', async () => {
    const { commit } = await store().upload({ repo: REPO, path });
    const repository = hub.repository(REPO)!;
    repository.gated = true;
    expect(await isReadable(commit)).toBe(false);
    repository.gated = false;
    repository.disabled = true;
    expect(await isReadable(commit)).toBe(false);
    repository.disabled = false;
    expect(await isReadable('0'.repeat(40))).toBe(false);
    expect(await isReadable(repository.history(repository.head).at(-1)!.id)).toBe(false);
  });

  test.each([
    ['a status', { kind: 'status', status: 503 } as const],
    ['a bare 401', { kind: 'status', status: 401 } as const],
    ['no answer', { kind: 'hang' } as const],
    ['a page', { kind: 'body', status: 200, body: '<html>' } as const],
    ['a lost connection', { kind: 'drop' } as const],
  ])("is not told by %s, which is the Hub's fault", async (_, fault) => {
    const { commit } = await store().upload({ repo: REPO, path });
    hub.faults.inject({ on: '/resolve/', fault, times: 1_000 });
    await expect(isReadable(commit)).rejects.toMatchObject({ code: 'hub-unreachable', transient: true });
  });
});

test('making public what is not there, or is not the own, is denied', async () => {
  await store().upload({ repo: REPO, path, visibility: 'private' });
  await expect(store().makePublic({ repo: 'ann/other' })).rejects.toMatchObject({ code: 'hub-denied' });
  await expect(store('hf_ben').makePublic({ repo: REPO })).rejects.toMatchObject({ code: 'hub-denied' });
  expect(hub.repository(REPO)!.visibility).toBe('private');
});

test('a Hub that makes public what was to be private gets no data', async () => {
  const ignoring = new HubDatasetStore({
    endpoint: hub.url,
    token: TOKEN,
    fetch: (input, init) =>
      fetch(input, {
        ...init,
        body: typeof init?.body === 'string' ? init.body.replace('private', 'public') : init?.body,
      }),
  });
  await expect(ignoring.upload({ repo: REPO, path, visibility: 'private' })).rejects.toMatchObject({
    code: 'hub-denied',
    message: expect.stringMatching(/made ann\/chats public although it was to be private, so nothing was uploaded/),
  });
  expect(hub.repository(REPO)!.head.files.size).toBe(0);
});

test('two owners who upload at the same time are both named', async () => {
  await store().upload({ repo: REPO, path });
  const patient = () => new HubDatasetStore({ endpoint: hub.url, token: TOKEN, attempts: 10 });
  await Promise.all([ANN, BOB].map((owner) => patient().upload({ repo: REPO, path, owner })));
  expect(await store().owners({ repo: REPO, commit: hub.repository(REPO)!.head.id })).toMatchObject({
    value: expect.arrayContaining([ANN, BOB]),
  });
});
