import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HubDatasetStore, type HubDatasetStoreParameters } from '../../src/hub/hub-dataset-store.ts';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { datasetStoreContract } from './dataset-store-contract.ts';

const TOKEN = 'hf_ann';
const REPO = 'ann/chats';
const BODY = `${'{"conversations":[]}\n'.repeat(5_000)}`;
let hub: LocalHub;
let folder: string;
const at = (name: string) => join(folder, name);
const store = (more: HubDatasetStoreParameters = {}) =>
  new HubDatasetStore({
    endpoint: `${hub.url}/`,
    token: TOKEN,
    stallTimeoutMs: 300,
    attempts: 3,
    clock: { nowMs: Date.now, sleep: () => Promise.resolve() },
    ...more,
  });
async function uploaded(body = BODY) {
  await writeFile(at('up.jsonl'), body);
  return store().upload({ repo: REPO, path: at('up.jsonl') });
}
const fetchTo = (commit: string, more = {}) =>
  store().download({ repo: REPO, commit, to: at('down/data.jsonl'), maxBytes: 1e6, ...more });

beforeEach(async () => {
  hub = await LocalHub.open({
    users: [
      { name: 'ann', token: TOKEN },
      { name: 'ben', token: 'hf_ben' },
    ],
  });
  folder = await mkdtemp(join(tmpdir(), 'flock-off-hub-'));
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

describe.each(['regular', 'lfs'] as const)('with %s storage', (storageMode) => {
  beforeEach(async () => {
    await hub.close();
    hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }], storageMode });
  });

  datasetStoreContract(() => store(), REPO);

  test('the same content again makes no commit', async () => {
    const first = await uploaded();
    expect((await uploaded()).commit).toBe(first.commit);
    expect(hub.repository(REPO)!.history(hub.repository(REPO)!.head)).toHaveLength(2);
  });
});

test('an empty file is a file of 0 bytes, also from a server that has no first byte to give', async () => {
  const { commit, sha256 } = await uploaded('');
  const fault = { kind: 'status', status: 416, headers: { 'Content-Range': 'bytes */0' } } as const;
  hub.faults.inject({ on: '/resolve/', fault, times: 9 });
  expect(await fetchTo(commit)).toEqual({ ok: true, value: { path: at('down/data.jsonl'), sha256, bytes: 0 } });
});

describe("the miner's fault is a verdict", () => {
  test.each([
    ['a repository that does not exist', 'dataset-missing', () => hub.deleteRepository(REPO)],
    ['a private repository', 'dataset-missing', () => Object.assign(hub.repository(REPO)!, { visibility: 'private' })],
    ['a commit squashed away', 'dataset-missing', () => hub.repository(REPO)!.forget(hub.repository(REPO)!.head.id)],
    ['a gated repository', 'dataset-denied', () => Object.assign(hub.repository(REPO)!, { gated: true })],
    ['a disabled repository', 'dataset-denied', () => Object.assign(hub.repository(REPO)!, { disabled: true })],
  ])('%s: %s', async (_what, reason, change) => {
    const { commit } = await uploaded();
    change();
    for (const token of ['hf_ben', undefined]) {
      const file = await store({ token }).download({ repo: REPO, commit, to: at('data.jsonl'), maxBytes: 1e6 });
      expect(file).toMatchObject({ ok: false, verdict: { reason } });
    }
  });

  test.each([410, 451])('a repository that the Hub took down (%i): dataset-denied', async (status) => {
    const { commit } = await uploaded();
    hub.faults.inject({ on: '/resolve/', fault: { kind: 'status', status } });
    expect(await fetchTo(commit)).toMatchObject({ ok: false, verdict: { reason: 'dataset-denied' } });
  });

  test('a commit without data.jsonl', async () => {
    await uploaded();
    const [, first] = hub.repository(REPO)!.history(hub.repository(REPO)!.head);
    expect(await fetchTo(first!.id)).toMatchObject({ ok: false, verdict: { reason: 'dataset-missing' } });
  });

  test('a file over the byte cap, with nothing left on disk', async () => {
    const { commit } = await uploaded();
    expect(await fetchTo(commit, { maxBytes: 1000 })).toMatchObject({
      ok: false,
      verdict: { reason: 'dataset-too-large' },
    });
    expect(existsSync(at('down/data.jsonl'))).toBe(false);
  });
});

describe("the Hub's fault is an error, and passes", () => {
  test.each([
    ['503 twice', { kind: 'status', status: 503 }],
    ['429 with Retry-After', { kind: 'status', status: 429, headers: { 'Retry-After': '1' } }],
    ['a bare 404 from a proxy', { kind: 'status', status: 404 }],
    ['a bare 403 from a proxy', { kind: 'body', status: 403, body: '<h1>Forbidden</h1>' }],
    ['a page of HTML where the file should be', { kind: 'body', status: 200, body: '<h1>Please log in</h1>' }],
    ['a dropped socket', { kind: 'drop' }],
    ['an answer that never comes', { kind: 'hang' }],
  ] as const)('%s before a download', async (_what, fault) => {
    const { commit } = await uploaded();
    hub.faults.inject({ on: '/resolve/', fault, times: 2 });
    expect(await fetchTo(commit)).toMatchObject({ ok: true });
  });

  test.each([
    ['a body cut short', { kind: 'truncate', afterBytes: 40_000 }],
    ['a body that stalls', { kind: 'stall', afterBytes: 40_000 }],
    ['wrong bytes', { kind: 'wrong-bytes' }],
  ] as const)('%s during a download', async (_what, fault) => {
    const { commit, sha256 } = await uploaded();
    hub.faults.inject({ on: '/resolve/', fault });
    expect(await fetchTo(commit)).toMatchObject({ ok: true, value: { sha256 } });
    expect(await readFile(at('down/data.jsonl'), 'utf8')).toBe(BODY);
  });

  test.each([
    ['a page of HTML for the hash of the file', { kind: 'body', status: 200, body: '<h1>Please log in</h1>' }],
    ['an answer of another shape', { kind: 'body', status: 200, body: '{"files":1}' }],
    ['a bare 403 for the hash of the file', { kind: 'body', status: 403, body: '<h1>Forbidden</h1>' }],
    [
      'a missing file where there was one',
      { kind: 'status', status: 404, headers: { 'X-Error-Code': 'EntryNotFound' } },
    ],
  ] as const)('%s: tried again, then one error of ours', async (_what, fault) => {
    const { commit } = await uploaded();
    hub.faults.inject({ on: '/paths-info/', fault, times: 2 });
    expect(await fetchTo(commit)).toMatchObject({ ok: true });
    hub.faults.inject({ on: '/paths-info/', fault, times: 100 });
    await expect(fetchTo(commit)).rejects.toMatchObject({ code: 'hub-unreachable', transient: true });
  });

  test('a hub that only fails is asked a few times, not hundreds', async () => {
    const { commit } = await uploaded();
    hub.faults.requests.splice(0);
    hub.faults.inject({ on: '/', fault: { kind: 'status', status: 503 }, times: 1_000 });
    await expect(fetchTo(commit)).rejects.toMatchObject({ code: 'hub-unreachable' });
    expect(hub.faults.requests).toHaveLength(3);
  });

  test('a hub that trickles is given up when the time of the call is up', async () => {
    const { commit } = await uploaded();
    hub.faults.inject({ on: '/resolve/', fault: { kind: 'trickle', everyMs: 50 }, times: 1_000 });
    const started = performance.now();
    const download = store({ totalTimeoutMs: 500 }).download({ repo: REPO, commit, to: at('x'), maxBytes: 1e6 });
    await expect(download).rejects.toMatchObject({
      code: 'hub-unreachable',
      message: expect.stringContaining('it took more than 0.5 s in all'),
    });
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  test('an upload that is never taken is given up after a few attempts, and when its time is up', async () => {
    await writeFile(at('up.jsonl'), BODY);
    const up = (more: Parameters<typeof store>[0]) => store(more).upload({ repo: REPO, path: at('up.jsonl') });
    hub.faults.inject({ on: '/repos/create', fault: { kind: 'status', status: 503 }, times: 1_000 });
    await expect(up({})).rejects.toMatchObject({ code: 'hub-unreachable', transient: true });
    expect(hub.faults.requests.filter((request) => request.includes('/repos/create'))).toHaveLength(3);
    hub.faults.clear();
    hub.faults.inject({ on: '/preupload/', fault: { kind: 'hang' }, times: 1_000 });
    const started = performance.now();
    await expect(up({ totalTimeoutMs: 500, stallTimeoutMs: 60_000 })).rejects.toThrow('it took more than 0.5 s in all');
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  test('a large file is received over many broken connections, each going on where the last one stopped', async () => {
    const body = 'x'.repeat(9 * 1024 * 1024);
    const { commit, sha256 } = await uploaded(body);
    hub.faults.requests.splice(0);
    hub.faults.inject({ on: '/resolve/', fault: { kind: 'truncate', afterBytes: 2 * 1024 * 1024 }, times: 4 });
    expect(await fetchTo(commit, { maxBytes: 1e8 })).toMatchObject({ ok: true, value: { sha256 } });
    expect(hub.faults.requests.filter((request) => request.includes('/resolve/'))).toHaveLength(5);
  });

  test('a question that is not answered is given up like any other, though it has a body', async () => {
    const { commit } = await uploaded();
    hub.faults.inject({ on: '/paths-info/', fault: { kind: 'hang' }, times: 2 });
    const started = performance.now();
    expect(await fetchTo(commit)).toMatchObject({ ok: true });
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('a Hub that refuses without a reason whoever asks without a token blames nobody', async () => {
    const { commit } = await uploaded();
    hub.faults.inject({ on: '/resolve/', fault: { kind: 'status', status: 401 }, times: 100 });
    const download = store({ token: undefined }).download({ repo: REPO, commit, to: at('x'), maxBytes: 1e6 });
    await expect(download).rejects.toMatchObject({ code: 'hub-unreachable' });
  });

  test('defect 8: a download that fails for good throws, and leaves no file, not even an older one', async () => {
    const { commit } = await uploaded();
    await fetchTo(commit);
    hub.faults.inject({ on: '/resolve/', fault: { kind: 'status', status: 500 }, times: 100 });
    await expect(fetchTo(commit)).rejects.toMatchObject({ code: 'hub-unreachable', transient: true });
    expect(existsSync(at('down/data.jsonl'))).toBe(false);
    expect(existsSync(at('down/data.jsonl.incomplete'))).toBe(false);
  });

  test('bytes that stay wrong are never accepted', async () => {
    const { commit } = await uploaded();
    hub.faults.inject({ on: '/resolve/', fault: { kind: 'wrong-bytes' }, times: 100 });
    await expect(fetchTo(commit)).rejects.toMatchObject({ code: 'hub-unreachable' });
  });

  test('a hub that nobody listens at is one clear sentence', async () => {
    const { url } = hub;
    await hub.close();
    const download = store().download({ repo: REPO, commit: '0'.repeat(40), to: at('x'), maxBytes: 1 });
    await expect(download).rejects.toThrow(new RegExp(`^the Hub at ${url} did not serve .*ECONNREFUSED`));
  });

  test('our own bad token is our error, not a verdict', async () => {
    const { commit } = await uploaded();
    const download = store({ token: 'hf_wrong' }).download({ repo: REPO, commit, to: at('x'), maxBytes: 1e6 });
    await expect(download).rejects.toMatchObject({ code: 'hub-denied' });
  });

  test.each([
    ['a lost answer to the commit', 'POST /api/datasets/ann/chats/commit', { kind: 'lose-answer' }],
    ['a refused commit', 'POST /api/datasets/ann/chats/commit', { kind: 'status', status: 503 }],
    ['a failing preupload', '/preupload/', { kind: 'status', status: 500 }],
    ['a failing create', '/repos/create', { kind: 'drop' }],
  ] as const)('an upload survives %s and makes one commit', async (_what, on, fault) => {
    hub.faults.inject({ on, fault });
    const { commit } = await uploaded();
    const { head } = hub.repository(REPO)!;
    expect(head.id).toBe(commit);
    expect(hub.repository(REPO)!.history(head)).toHaveLength(2);
  });
});

// A limit on the size of files stands for a full disk: what one call cannot write is refused by the next one.
test.skipIf(process.platform === 'win32')(
  'a disk that fills up while a file is received is our error, never a shorter file',
  async () => {
    const { commit } = await uploaded('x'.repeat(100_000));
    const script = `
    import { HubDatasetStore } from ${JSON.stringify(new URL('../../src/hub/hub-dataset-store.ts', import.meta.url).href)};
    const store = new HubDatasetStore({ endpoint: ${JSON.stringify(hub.url)}, attempts: 1 });
    const download = { repo: '${REPO}', commit: '${commit}', to: ${JSON.stringify(at('down/data.jsonl'))}, maxBytes: 1e6 };
    await store.download(download).then((it) => console.log(JSON.stringify(it)), (error) => console.log(error.code));`;
    const child = spawn('bash', [
      ...['-c', 'trap "" XFSZ; ulimit -f 60; exec "$0" "$@"', process.execPath],
      ...['--import', 'tsx', '--input-type=module', '-e', script],
    ]);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    await once(child, 'close');
    expect(output.trim()).toBe('disk');
    expect(existsSync(at('down/data.jsonl'))).toBe(false);
  },
);

test('two processes that download one commit into one folder at once both find it whole', async () => {
  const body = BODY.repeat(100);
  const { commit } = await uploaded(body);
  const script = `
    import { readFileSync } from 'node:fs';
    import { HubDatasetStore } from ${JSON.stringify(new URL('../../src/hub/hub-dataset-store.ts', import.meta.url).href)};
    const store = new HubDatasetStore({ endpoint: ${JSON.stringify(hub.url)} });
    console.log('ready');
    for (let round = 0; round < 6; round++) {
      const to = ${JSON.stringify(at('shared'))} + '/' + round + '/data.jsonl';
      const file = await store.download({ repo: '${REPO}', commit: '${commit}', to, maxBytes: 1e9 });
      console.log(file.ok && readFileSync(to).length);
    }`;
  const children = [1, 2].map(() =>
    spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const outputs = await Promise.all(
    children.map(async (child) => {
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk;
      });
      await once(child, 'close');
      return output.trim().split('\n');
    }),
  );
  const lines = ['ready', ...Array.from({ length: 6 }, () => String(Buffer.byteLength(body)))];
  expect(outputs).toEqual([lines, lines]);
}, 60_000);

test('a download that fails leaves what another one has put there meanwhile', async () => {
  const { commit } = await uploaded();
  hub.faults.inject({ on: '/resolve/', fault: { kind: 'status', status: 500 }, times: 100 });
  const failing = fetchTo(commit);
  failing.catch(() => {});
  await mkdir(at('down'), { recursive: true });
  await vi.waitFor(() => expect(hub.faults.requests.some((line) => line.includes('/resolve/'))).toBe(true));
  await writeFile(at('down/data.jsonl'), 'of another process');
  await expect(failing).rejects.toMatchObject({ code: 'hub-unreachable' });
  expect(existsSync(at('down/data.jsonl'))).toBe(true);
});

describe('before anything is sent', () => {
  test.each([undefined, 'secret'])('a token of %s is refused without showing it', async (token) => {
    await writeFile(at('up.jsonl'), BODY);
    const upload = store({ token }).upload({ repo: REPO, path: at('up.jsonl') });
    await expect(upload).rejects.toMatchObject({
      code: 'token-missing',
      message: expect.not.stringContaining('secret'),
    });
    expect(hub.faults.requests).toEqual([]);
  });

  test('a missing file is a clear error', async () => {
    await expect(store().upload({ repo: REPO, path: at('none.jsonl') })).rejects.toMatchObject({ code: 'disk' });
    expect(hub.faults.requests).toEqual([]);
  });

  test('a folder that cannot be written is our error, and the Hub is not asked', async () => {
    await writeFile(at('file'), '');
    const download = store().download({ repo: REPO, commit: '0'.repeat(40), to: at('file/data.jsonl'), maxBytes: 1 });
    await expect(download).rejects.toMatchObject({ code: 'disk', message: expect.stringContaining('free space') });
    expect(hub.faults.requests).toEqual([]);
  });
});

test('aborting during a download stops it at once', async () => {
  const { commit } = await uploaded();
  hub.faults.inject({ on: '/resolve/', fault: { kind: 'hang' }, times: 9 });
  const controller = new AbortController();
  const download = store({ stallTimeoutMs: 60_000 }).download({
    repo: REPO,
    commit,
    to: at('x'),
    maxBytes: 1e6,
    signal: controller.signal,
  });
  setTimeout(() => controller.abort(new Error('enough')), 50);
  await expect(download).rejects.toThrow('enough');
});

test("writing under somebody else's name is denied in one sentence", async () => {
  await writeFile(at('up.jsonl'), BODY);
  const upload = store({ token: 'hf_ben' }).upload({ repo: REPO, path: at('up.jsonl') });
  await expect(upload).rejects.toMatchObject({ code: 'hub-denied', message: expect.stringContaining('write') });
});

describe('a token', () => {
  test.each(['"hf_SECRET"', 'hf_SECRET\nhf_SECRET', 'hf_SECRET\u200b', 'Bearer hf_SECRET'])(
    'that cannot be one (%j) is refused when the store is made, without showing it',
    (token) => {
      expect(() => new HubDatasetStore({ token })).toThrow(/^the parameter "token" (?!.*SECRET)/);
    },
  );

  test('is sent without the white space around it, in both directions', async () => {
    await writeFile(at('up.jsonl'), BODY);
    const { commit } = await store({ token: ` ${TOKEN}\r\n` }).upload({ repo: REPO, path: at('up.jsonl') });
    hub.repository(REPO)!.visibility = 'private';
    const download = { repo: REPO, commit, to: at('data.jsonl'), maxBytes: 1e6 };
    expect(await store({ token: `${TOKEN}\n` }).download(download)).toMatchObject({ ok: true });
    expect(await store({ token: ' \n' }).download(download)).toMatchObject({ ok: false });
  });

  test("of a mirror's own reads; to write, it must be one of the Hub", async () => {
    const mirrors = await LocalHub.open({ users: [{ name: 'ann', token: 'cmVmdGtuOjAx/+A==' }] });
    const reading = store({ endpoint: mirrors.url, token: 'cmVmdGtuOjAx/+A==' });
    const download = { repo: REPO, commit: '0'.repeat(40), to: at('data.jsonl'), maxBytes: 1e6 };
    expect(await reading.download(download)).toMatchObject({ ok: false, verdict: { reason: 'dataset-missing' } });
    await writeFile(at('up.jsonl'), BODY);
    await expect(reading.upload({ repo: REPO, path: at('up.jsonl') })).rejects.toMatchObject({ code: 'token-missing' });
    await mirrors.close();
  });

  test('that the Hub refuses as if the repository were missing is our error, unless it is missing without one, too', async () => {
    const { commit } = await uploaded();
    const fault = { kind: 'status', status: 401, headers: { 'X-Error-Code': 'RepoNotFound' } } as const;
    hub.faults.inject({ on: '/paths-info/', fault });
    await expect(fetchTo(commit)).rejects.toMatchObject({
      code: 'hub-denied',
      facts: { status: 401 },
      message: expect.stringContaining('Check HF_TOKEN; public repositories can be read without one'),
    });
    hub.faults.inject({ on: '/paths-info/', fault, times: 2 });
    expect(await fetchTo(commit)).toMatchObject({ ok: false, verdict: { reason: 'dataset-missing' } });
  });

  test('that the Hub refuses is not shown either, though the Hub repeats it', async () => {
    const lines: string[] = [];
    const log = (message: string, facts?: unknown) => void lines.push(message + JSON.stringify(facts));
    const logger = { debug: log, info: log, warn: log, error: log };
    for (const status of [401, 403, 404, 429, 500]) {
      const headers = { 'X-Error-Message': 'no hf_SECRET here', 'X-Error-Code': 'Other' };
      hub.faults.inject({ on: '/', fault: { kind: 'status', status, headers }, times: 3 });
      const refused = store({ token: 'hf_SECRET', logger }).download({
        ...{ repo: REPO, commit: '0'.repeat(40), to: at('data.jsonl'), maxBytes: 1e6 },
      });
      const error = (await refused.catch((thrown) => thrown)) as Error;
      expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)} ${lines}`).not.toContain('SECRET');
      hub.faults.clear();
    }
  });
});
