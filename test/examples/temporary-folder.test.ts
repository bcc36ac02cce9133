import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ownIdentity } from '../../examples/process-identity.ts';
import { makeTemporaryFolder, temporaryFolders } from '../../examples/temporary-folder.ts';

let temporary: string;
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'flock-off-test-'));
  vi.stubEnv('TMPDIR', temporary);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true, force: true });
});

const [machine = '', pid = '', start = ''] = ownIdentity().split('-');
const folderOf = async (identity: string) => {
  const path = join(temporary, `flock-off-local-${identity}-aBcDeF`);
  await mkdir(join(path, 'wallets'), { recursive: true });
  return path;
};

/** The number of a process that was. */
async function overPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

test('only this user can enter it', async () => {
  const { path, remove } = await makeTemporaryFolder();
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await remove();
  expect(await readdir(temporary)).toEqual([]);
});

test('the next one removes what killed processes left, also where their number was given out again', async () => {
  await folderOf(`${machine}-${await overPid()}-${start}`);
  await folderOf(`${machine}-${pid}-${Number(start) - 1}`);
  const { path, remove } = await makeTemporaryFolder();
  expect(await readdir(temporary)).toEqual([basename(path)]);
  await remove();
});

test('it removes nothing of a process that runs, of another machine or container, or that it did not name', async () => {
  const kept = [
    await folderOf(ownIdentity()),
    await folderOf(`00000000-${await overPid()}-1`),
    join(temporary, 'flock-off-local-mine'),
    join(temporary, `flock-off-local-${machine}-${await overPid()}-1-LiNkEd`),
  ];
  await mkdir(kept[2]!);
  await symlink(kept[2]!, kept[3]!);
  await (await makeTemporaryFolder()).remove();
  expect((await readdir(temporary)).sort()).toEqual(kept.map((path) => basename(path)).sort());
  // A link is nobody's folder, wherever it leads.
  expect(temporaryFolders().map(({ path }) => path)).not.toContain(kept[3]);
});

test('two of one process are two, and each goes by itself', async () => {
  const [first, second] = [await makeTemporaryFolder(), await makeTemporaryFolder()];
  await first.remove();
  expect([existsSync(first.path), existsSync(second.path)]).toEqual([false, true]);
  await second.remove();
});
