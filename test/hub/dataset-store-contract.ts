import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DatasetStore } from '../../src/hub/dataset-store.ts';

const BODY = '{"conversations":[]}\n'.repeat(5_000);

/** What every {@link DatasetStore} must do; `openStore` gives one that may write to the repository `repo`. */
export function datasetStoreContract(openStore: () => DatasetStore, repo: string): void {
  let folder: string;
  let store: DatasetStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flock-off-store-'));
    store = openStore();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const to = () => join(folder, 'down', 'data.jsonl');
  const download = (commit: string, more: { repo?: string; maxBytes?: number } = {}) =>
    store.download({ repo, commit, to: to(), maxBytes: 1e6, ...more });
  async function upload(body: string) {
    await writeFile(join(folder, 'up.jsonl'), body);
    return store.upload({ repo, path: join(folder, 'up.jsonl') });
  }

  test('what is uploaded comes back byte for byte from its commit', async () => {
    const { commit, sha256, bytes } = await upload(BODY);
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    expect(sha256).toBe(createHash('sha256').update(BODY).digest('hex'));
    expect(bytes).toBe(BODY.length);
    expect(await download(commit)).toEqual({ ok: true, value: { path: to(), sha256, bytes } });
    expect(await readFile(to(), 'utf8')).toBe(BODY);
    expect(existsSync(`${to()}.incomplete`)).toBe(false);
  });

  test('an older commit still gives the older file', async () => {
    const first = await upload('{"a":1}\n');
    const second = await upload('{"b":2}\n');
    expect(second.commit).not.toBe(first.commit);
    await download(first.commit);
    expect(await readFile(to(), 'utf8')).toBe('{"a":1}\n');
  });

  test('the same content again is the same commit', async () => {
    const { commit } = await upload(BODY);
    expect((await upload(BODY)).commit).toBe(commit);
  });

  test('an empty file is a file of 0 bytes', async () => {
    const { commit } = await upload('');
    expect(await download(commit)).toMatchObject({ ok: true, value: { bytes: 0 } });
    expect(await readFile(to(), 'utf8')).toBe('');
  });

  test('no repository and no such commit: the verdict dataset-missing, and no file', async () => {
    const { commit } = await upload(BODY);
    const missing = { ok: false, verdict: { reason: 'dataset-missing' } };
    expect(await download(commit, { repo: `${repo}-not` })).toMatchObject(missing);
    expect(await download('0'.repeat(40))).toMatchObject(missing);
    expect(existsSync(to())).toBe(false);
  });

  test('more bytes than allowed: the verdict dataset-too-large, and no file', async () => {
    const { commit } = await upload(BODY);
    expect(await download(commit, { maxBytes: BODY.length })).toMatchObject({ ok: true });
    expect(await download(commit, { maxBytes: BODY.length - 1 })).toMatchObject({
      ok: false,
      verdict: { reason: 'dataset-too-large' },
    });
    expect(existsSync(to())).toBe(false);
  });

  test('an aborted signal stops both directions', async () => {
    const { commit } = await upload(BODY);
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(store.upload({ repo, path: join(folder, 'up.jsonl'), signal })).rejects.toThrow('stop');
    await expect(store.download({ repo, commit, to: to(), maxBytes: 1e6, signal })).rejects.toThrow('stop');
    expect(existsSync(to())).toBe(false);
  });
}
