import { afterEach, expect, test } from 'vitest';
import { LocalHub, type LocalHubParameters } from '../../src/local/hub/local-hub.ts';

let hub: LocalHub;
afterEach(() => hub.close());

async function start(users: LocalHubParameters['users']) {
  hub = await LocalHub.open({ users });
  return hub;
}

async function ask(method: string, path: string, token?: string, body?: unknown) {
  const response = await fetch(hub.url + path, {
    method,
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, errorCode: response.headers.get('X-Error-Code'), json: await response.json() };
}
const create = (id: string, token: string, more = {}) => {
  const [organization, name] = id.split('/');
  return ask('POST', '/api/repos/create', token, { type: 'dataset', organization, name, ...more });
};
const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status;

test('a private repository is missing to who has no token, to others, and there for its owner', async () => {
  await start([
    { name: 'ann', token: 'hf_ann' },
    { name: 'ben', token: 'hf_ben' },
  ]);
  await create('ann/chats', 'hf_ann', { visibility: 'private' });
  const info = '/api/datasets/ann/chats';
  expect(await ask('GET', info)).toMatchObject({ status: 401, errorCode: 'RepoNotFound' });
  expect(await ask('GET', info, 'hf_ben')).toMatchObject({ status: 404, errorCode: 'RepoNotFound' });
  expect(await ask('GET', info, 'hf_ann')).toMatchObject({ status: 200, json: { private: true } });
  expect(await statusOf('PUT', `${info}/settings`, 'hf_ben', { private: false })).toBe(404);
  expect(await statusOf('PUT', `${info}/settings`, 'hf_ann', { private: false })).toBe(200);
  expect(await ask('GET', info)).toMatchObject({ status: 200, json: { private: false } });
  expect(await statusOf('PUT', `${info}/settings`, 'hf_ben', { private: true })).toBe(403);
});

test('whoami tells what a token may do, and the hub holds it to that', async () => {
  await start([
    { name: 'ann', token: 'hf_read', role: 'read' },
    { name: 'ann', token: 'hf_write' },
    { name: 'ann', token: 'hf_one', writes: ['ann/chats'] },
  ]);
  const told = async (token: string) =>
    ((await ask('GET', '/api/whoami-v2', token)).json as { auth: { accessToken: unknown } }).auth.accessToken;
  expect(await told('hf_read')).toEqual({ role: 'read' });
  expect(await told('hf_write')).toEqual({ role: 'write' });
  expect(await told('hf_one')).toMatchObject({
    role: 'fineGrained',
    fineGrained: {
      scoped: [{ entity: { type: 'dataset', name: 'ann/chats' }, permissions: expect.arrayContaining(['repo.write']) }],
    },
  });
  expect((await create('ann/chats', 'hf_read')).status).toBe(403);
  expect((await create('ann/chats', 'hf_one')).status).toBe(403);
  expect((await create('ann/chats', 'hf_write')).status).toBe(200);
  expect((await create('ann/other', 'hf_write')).status).toBe(200);
  const settings = (id: string, token: string) => statusOf('PUT', `/api/datasets/${id}/settings`, token, {});
  expect(await settings('ann/chats', 'hf_one')).toBe(200);
  expect(await settings('ann/other', 'hf_one')).toBe(403);
  expect(await settings('ann/chats', 'hf_read')).toBe(403);
});

test('members of an organization see its private repositories, and write to them as their roles allow', async () => {
  const organizations = (role: 'admin' | 'write' | 'contributor' | 'read') => [{ name: 'lab', role }];
  await start([
    { name: 'ann', token: 'hf_ann', organizations: organizations('admin') },
    { name: 'ben', token: 'hf_ben', organizations: organizations('contributor') },
    { name: 'cat', token: 'hf_cat', organizations: organizations('read') },
  ]);
  expect((await create('lab/anns', 'hf_ann', { visibility: 'private' })).status).toBe(200);
  expect((await create('lab/bens', 'hf_ben')).status).toBe(200);
  expect((await create('lab/cats', 'hf_cat')).status).toBe(403);
  expect(await statusOf('GET', '/api/datasets/lab/anns', 'hf_cat')).toBe(200);
  const settings = (id: string, token: string) => statusOf('PUT', `/api/datasets/${id}/settings`, token, {});
  expect(await settings('lab/anns', 'hf_ben')).toBe(403);
  expect(await settings('lab/bens', 'hf_ben')).toBe(200);
  expect(await settings('lab/bens', 'hf_ann')).toBe(200);
  expect(await settings('lab/bens', 'hf_cat')).toBe(403);
});
