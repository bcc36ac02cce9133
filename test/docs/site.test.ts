import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildSite } from '../../docs/site/build.ts';

test('a folder with something else than a site is refused, and loses nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-site-'));
  try {
    await writeFile(join(folder, 'work.txt'), 'of weeks');
    await expect(buildSite(folder)).rejects.toThrow(`${folder} holds something else than a site`);
    expect(await readFile(join(folder, 'work.txt'), 'utf8')).toBe('of weeks');
    await expect(buildSite(join(folder, 'work.txt'))).rejects.toThrow(/ENOTDIR/);
    expect(await readdir(folder)).toEqual(['work.txt']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 30_000);
