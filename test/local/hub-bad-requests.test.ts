import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LocalHub } from '../../src/local/hub/local-hub.ts';

// What no client of the Hub should send: it is refused with a reason, changes nothing, and the hub goes on.

let hub: LocalHub;
beforeEach(async () => {
  hub = await LocalHub.open({ users: [{ name: 'ann', token: 'hf_ann' }], lfsPartBytes: 5 });
  await ask('POST', '/api/repos/create', { name: 'chats', type: 'dataset' });
});
afterEach(() => hub.close());

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(hub.url + path, {
    method,
    body: text,
    headers: { Authorization: 'Bearer hf_ann', ...headers },
  });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

const COMMIT = '/api/datasets/ann/chats/commit/main';
const line = (key: string, value: object) => JSON.stringify({ key, value });
const commit = (...operations: string[]) => ask('POST', COMMIT, [line('header', {}), ...operations].join('\n'));
const head = () => hub.repository('ann/chats')!.head;

test.each(['../evil', '/etc/passwd', 'a/../../b', './a', 'a//b', 'a/', '', '.git/config', 'a\0b', null, { a: 1 }])(
  'a file with the path %j is refused',
  async (path) => {
    const before = head();
    const { status, body } = await commit(line('file', { path, content: 'aGk=' }));
    expect([status, JSON.parse(body)]).toEqual([400, { error: expect.stringContaining('Invalid path') }]);
    expect(head()).toBe(before);
  },
);

test.each(['../chats', '..', '', 'a/b', 'a b', '.hidden', 'a'.repeat(97), 'ä', null])(
  'a repository named %j is refused',
  async (name) => {
    expect((await ask('POST', '/api/repos/create', { name, type: 'dataset' })).status).toBe(400);
  },
);

test.each([
  ['half a line', '{"key":"header"'],
  ['an operation that there is none of', line('rename', { path: 'a' })],
  ['a line that is a number', '5'],
  ['a file without content', line('file', { path: 'a' })],
  ['lists a million deep', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`],
])('a commit with %s is refused, whole', async (_what, operation) => {
  const before = head();
  expect((await commit(line('file', { path: 'good', content: 'aGk=' }), operation)).status).toBe(400);
  expect(head()).toBe(before);
});

test('an LFS pointer of another size than its object, or to none, is refused', async () => {
  const content = 'large';
  const oid = createHash('sha256').update(content).digest('hex');
  expect((await ask('PUT', `/__lfs/${oid}`, 'other')).status).toBe(400);
  expect((await ask('PUT', `/__lfs/${oid}`, content)).status).toBe(200);
  const pointer = (more: object) => commit(line('lfsFile', { path: 'data.jsonl', algo: 'sha256', oid, ...more }));
  for (const wrong of [{ size: 4 }, { size: -1 }, { size: '5' }, { oid: '0'.repeat(64), size: 5 }, { oid: null }])
    expect((await pointer(wrong)).status, JSON.stringify(wrong)).toBe(400);
  expect(head().files.size).toBe(0);
  expect((await ask('POST', '/__lfs/verify', { oid, size: 6 })).status).toBe(400);
  expect((await pointer({ size: 5 })).status).toBe(200);
});

test('objects that no LFS has are refused one by one, and no list of parts is made without end', async () => {
  const oid = '1'.repeat(64);
  const objects = [
    { oid: '../../api', size: 1 },
    { oid, size: -1 },
    { oid, size: 1e15 },
    { oid, size: 20 },
  ];
  const transfers = ['basic', 'multipart'];
  const { status, body } = await ask('POST', '/datasets/ann/chats.git/info/lfs/objects/batch', { objects, transfers });
  const answers = JSON.parse(body).objects as { error?: { code: number }; actions?: { upload: { header: object } } }[];
  expect([status, ...answers.map(({ error }) => error?.code)]).toEqual([200, 422, 422, 422, undefined]);
  expect(Object.keys(answers[3]!.actions!.upload.header)).toHaveLength(5);
});

test.each([
  ['bytes=2-', 416],
  ['bytes=99999999999999999999-', 416],
  ['bytes=1-0', 416],
  ['bytes=0-99999999999999999999', 206],
  ['bytes=-1', 200],
  ['bytes=a-b', 200],
  ['lines=0-1', 200],
])('of two bytes the range %s is answered with %i', async (range, status) => {
  await commit(line('file', { path: 'two', content: 'aGk=' }));
  const answer = await ask('GET', '/datasets/ann/chats/resolve/main/two', undefined, { Range: range });
  expect([answer.status, answer.body]).toEqual([status, status === 416 ? '' : 'hi']);
  if (status === 416) expect(answer.headers.get('content-range')).toBe('bytes */2');
});

test('of twenty commits on the same parent at once one is taken', async () => {
  const parentCommit = head().id;
  const commits = Array.from({ length: 20 }, (_, i) =>
    ask('POST', COMMIT, `${line('header', { parentCommit })}\n${line('file', { path: `${i}`, content: 'aGk=' })}`),
  );
  const statuses = (await Promise.all(commits)).map(({ status }) => status);
  expect(statuses.toSorted()).toEqual([200, ...Array(19).fill(412)]);
  expect(head().files.size).toBe(1);
});

test('a card whose YAML names itself without end is refused soon', async () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 12; i++) {
    const [name, before] = [String.fromCharCode(97 + i), String.fromCharCode(96 + i)];
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`);
  }
  const content = `---\n${bomb.join('\n')}\n---\n`;
  const { status } = await ask('POST', '/api/validate-yaml', { content, repoType: 'dataset' });
  expect(status).toBe(400);
});

test('a history of 20,000 commits is listed', async () => {
  const repository = hub.repository('ann/chats')!;
  for (let i = 0; i < 20_000; i++) repository.commit({ changes: [], author: 'ann', title: `${i}`, dateMs: 0 });
  const { status, headers } = await ask('GET', '/api/datasets/ann/chats/commits/main?limit=1');
  expect([status, headers.get('x-total-count')]).toEqual([200, '20001']);
});
