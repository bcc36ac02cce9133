import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { commitId, treeId } from '../../src/local/hub/git-objects.ts';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { lfsFile, regularFile } from '../../src/local/hub/repository.ts';

test('tree and commit ids are those of git itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flock-off-git-'));
  const date = 1_700_000_000;
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        GIT_AUTHOR_NAME: 'ann',
        GIT_AUTHOR_EMAIL: 'ann@users.noreply.localhost',
        GIT_AUTHOR_DATE: `${date} +0000`,
        GIT_COMMITTER_NAME: 'ann',
        GIT_COMMITTER_EMAIL: 'ann@users.noreply.localhost',
        GIT_COMMITTER_DATE: `${date} +0000`,
      },
    }).trim();
  try {
    const files = new Map([
      ['data.jsonl', regularFile(Buffer.from('{"a":1}\n'))],
      ['data/x.txt', regularFile(Buffer.from('x'))],
      ['data-b/deep/y.txt', regularFile(Buffer.from(''))],
      ['é.txt', regularFile(Buffer.from('é'))],
    ]);
    git('init', '-q', '-b', 'main');
    for (const [path, { content }] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    git('add', '-A');
    git('commit', '-q', '-m', 'first');
    expect(treeId(files)).toBe(git('rev-parse', 'HEAD^{tree}'));
    const first = commitId({ treeId: treeId(files), parent: null, author: 'ann', date, message: 'first' });
    expect(first).toBe(git('rev-parse', 'HEAD'));
    git('commit', '-q', '--allow-empty', '-m', 'second');
    expect(commitId({ treeId: treeId(files), parent: first, author: 'ann', date, message: 'second' })).toBe(
      git('rev-parse', 'HEAD'),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('an LFS file is a pointer to git', () => {
  const { blobId, lfs } = lfsFile(Buffer.from('hello'));
  expect(lfs).toEqual({
    oid: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
    size: 5,
    pointerSize: 126,
  });
  expect(blobId).toMatch(/^[0-9a-f]{40}$/);
});

test('a port in use is one clear sentence', async () => {
  const hub = await LocalHub.open({ users: [] });
  const port = Number(new URL(hub.url).port);
  await expect(LocalHub.open({ port, users: [] })).rejects.toMatchObject({
    code: 'port-in-use',
    sentence: `port ${port} is in use, so the local hub cannot start there. Choose another port, or 0 for any.`,
  });
  await hub.close();
});

test('somebody who reaches it under another name is refused', async () => {
  const hub = await LocalHub.open({ users: [] });
  const { request } = await import('node:http');
  const status = await new Promise((resolve) => {
    request(`${hub.url}/api/whoami-v2`, { headers: { Host: 'evil.example' } }, ({ statusCode }) =>
      resolve(statusCode),
    ).end();
  });
  expect(status).toBe(403);
  await hub.close();
});
