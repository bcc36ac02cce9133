import { randomBytes } from 'node:crypto';
import { HubEvaluationSetStore } from 'flock-off';
import { LocalHub } from 'flock-off/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIST_PATH } from '../../src/evaluation-sets/list.ts';
import { lockedPath } from '../../src/evaluation-sets/locked-file.ts';

const MIB = 1024 * 1024;
let hub: LocalHub;
let store: HubEvaluationSetStore;
beforeAll(async () => {
  hub = await LocalHub.open({ users: [{ name: 'u', token: 'hf_token' }] });
  store = new HubEvaluationSetStore({ endpoint: hub.url, token: 'hf_token', attempts: 1 });
});
afterAll(() => hub.close());

test('a locked file that is larger than an answer may be is read whole, and no more of one than is asked for', async () => {
  const file = Uint8Array.from(randomBytes(5 * MIB));
  const path = lockedPath('a'.repeat(64));
  const files = [
    { path: LIST_PATH, content: '{}\n' },
    { path, content: file },
  ];
  const commit = await store.publish({ repo: 'u/sets', parent: null, files });
  const read = await store.read({ repo: 'u/sets', commit, path, maxBytes: file.length });
  expect(Buffer.isBuffer(read) && Buffer.compare(read, file)).toBe(0);
  expect(await store.read({ repo: 'u/sets', commit, path, maxBytes: file.length - 1 })).toBe('too-large');
  expect(String(await store.read({ repo: 'u/sets', commit, path: LIST_PATH, maxBytes: MIB }))).toBe('{}\n');
  expect(await store.read({ repo: 'u/sets', commit, path: lockedPath('b'.repeat(64)), maxBytes: MIB })).toBe('missing');
  expect(await store.read({ repo: 'u/none', commit, path, maxBytes: MIB })).toBe('missing');
}, 30_000);
