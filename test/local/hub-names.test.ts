import { afterEach, beforeEach, expect, test } from 'vitest';
import { LocalHub } from '../../src/local/hub/local-hub.ts';

let hub: LocalHub;
beforeEach(async () => {
  hub = await LocalHub.open({ users: [{ name: 'ann', token: 'hf_ann' }] });
  await ask('POST', '/api/repos/create', '{"name":"chats","type":"dataset"}');
});
afterEach(() => hub.close());

function ask(method: string, path: string, body?: string): Promise<Response> {
  return fetch(hub.url + path, { method, body, headers: { Authorization: 'Bearer hf_ann' } });
}

test('names of files may be in any language', async () => {
  const path = 'données/対話 "1".txt';
  const lines = [
    { key: 'header', value: { summary: 'Add' } },
    { key: 'file', value: { path, content: 'aGk=' } },
  ];
  await ask('POST', '/api/datasets/ann/chats/commit/main', lines.map((line) => JSON.stringify(line)).join('\n'));
  const file = await ask('GET', `/datasets/ann/chats/resolve/main/${encodeURIComponent(path)}`);
  expect([file.status, await file.text()]).toEqual([200, 'hi']);
  expect(file.headers.get('content-disposition')).toBe(
    `inline; filename*=UTF-8''${encodeURIComponent('対話 "1".txt')}; filename="?? ?1?.txt"`,
  );
});

test.each([
  ['GET', '/api/datasets/ann/chats/tree/main/%E5%AF%BE%E8%A9%B1', 404, '対話 does not exist on "main"'],
  ['GET', '/api/datasets/ann/chats/tree/a%0Ab', 404, 'Invalid rev id: a\nb'],
  ['GET', '/api/datasets/ann/chats/tree/main/%ZZ', 400, 'Bad request'],
  ['POST', '/api/repos/create', 400, 'Bad request', '{'],
  ['POST', '/api/repos/create', 400, 'This hub has datasets alone', '{"name":"tiny","type":"model"}'],
  ['POST', '/api/validate-yaml', 400, 'Bad request', 'null'],
] as const)('%s %s is answered with %i, and the hub goes on', async (method, path, status, error, body?: string) => {
  const answer = await ask(method, path, body);
  expect([answer.status, await answer.json()]).toEqual([status, { error }]);
  expect((await ask('GET', '/api/datasets/ann/chats')).status).toBe(200);
});
