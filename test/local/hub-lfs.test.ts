import { createHash, randomBytes } from 'node:crypto';
import { uploadFile } from '@huggingface/hub';
import { afterEach, expect, test } from 'vitest';
import { LocalHub, type LocalHubParameters } from '../../src/local/hub/local-hub.ts';

// LFS in parts and rate limits, by @huggingface/hub and by hand.

const TOKEN = 'hf_ann';
let hub: LocalHub | null = null;
afterEach(() => hub?.close());

async function start(parameters: Partial<LocalHubParameters> = {}): Promise<LocalHub> {
  hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }], ...parameters });
  return hub;
}

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${hub!.url}${path}`, { ...init, headers: { Authorization: `Bearer ${TOKEN}`, ...init.headers } });
const post = (path: string, body: unknown) => ask(path, { method: 'POST', body: JSON.stringify(body) });
const create = () => post('/api/repos/create', { name: 'big', organization: 'ann', type: 'dataset' });

test('a large file is uploaded in parts by the JavaScript client', async () => {
  const { url, repository, faults } = await start({ lfsFromBytes: 1_000, lfsPartBytes: 10_000 });
  await create();
  const content = randomBytes(45_000);
  const file = { path: 'data.bin', content: new Blob([content]) };
  await uploadFile({ repo: 'datasets/ann/big', file, accessToken: TOKEN, hubUrl: url });
  expect(repository('ann/big')!.head.files.get('data.bin')!.content.equals(content)).toBe(true);
  expect(faults.requests.filter((request) => request.includes('/parts/'))).toHaveLength(5);
});

test('an upload in parts goes on where it broke off; a part that is missing or another one is refused', async () => {
  const { repository } = await start({ lfsFromBytes: 0, lfsPartBytes: 4 });
  await create();
  const content = Buffer.from('0123456789');
  const oid = createHash('sha256').update(content).digest('hex');
  const batch = { operation: 'upload', transfers: ['basic', 'multipart'], objects: [{ oid, size: 10 }] };
  const reply = await post('/datasets/ann/big.git/info/lfs/objects/batch', batch);
  const { objects, transfer } = (await reply.json()) as {
    transfer: string;
    objects: [{ actions: { upload: { href: string; header: Record<string, string> } } }];
  };
  const { header, href } = objects[0].actions.upload;
  expect([transfer, Object.keys(header)]).toEqual(['multipart', ['chunk_size', '00001', '00002', '00003']]);
  const put = async (part: number, bytes: string) => {
    const reply = await fetch(header[`0000${part}`]!, { method: 'PUT', body: bytes });
    return { partNumber: part, etag: reply.headers.get('etag') };
  };
  const complete = async (parts: unknown[]) =>
    (await fetch(href, { method: 'POST', body: JSON.stringify({ oid, parts }) })).status;
  const first = await put(1, '0123');
  const wrong = await put(2, 'xxxx');
  expect(await complete([first, wrong, { partNumber: 3, etag: '"x"' }])).toBe(400);
  const parts = [first, await put(2, '4567'), await put(3, '89')];
  expect(await complete([first, wrong, parts[2]!])).toBe(400);
  expect(await complete(parts)).toBe(200);
  const commit = [
    { key: 'header', value: { summary: 'Add' } },
    { key: 'lfsFile', value: { path: 'data.bin', algo: 'sha256', oid, size: 10 } },
  ];
  const body = commit.map((line) => JSON.stringify(line)).join('\n');
  expect((await ask('/api/datasets/ann/big/commit/main', { method: 'POST', body })).status).toBe(200);
  expect(repository('ann/big')!.head.files.get('data.bin')!.content.toString()).toBe('0123456789');
});

test('replies tell what is left of a rate limit, and 429 comes after it', async () => {
  await start({ rateLimits: { api: 2 } });
  const replies = [await ask('/api/whoami-v2'), await ask('/api/whoami-v2'), await ask('/api/whoami-v2')];
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 429]);
  const told = replies.map(({ headers }) => headers.get('ratelimit'));
  expect(told.map((line) => /^"api";r=(\d+);t=\d+$/.exec(line!)?.[1])).toEqual(['1', '0', '0']);
  expect(replies[0]!.headers.get('ratelimit-policy')).toBe('"fixed window";"api";q=2;w=300');
  // Another kind of request, and another caller, have limits of their own.
  expect((await ask('/datasets/ann/none/resolve/main/x')).status).toBe(404);
  expect((await fetch(`${hub!.url}/api/whoami-v2`)).status).toBe(401);
});
