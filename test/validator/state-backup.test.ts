import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ValidatorState } from 'flock-off';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../src/setup/run-command.ts';
import { reveal } from '../chain/weights/pending-reveals-contract.ts';

const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
let folder: string;
let path: string;
let backup: string;
let state: ValidatorState;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-backup-'));
  path = join(folder, 'state');
  backup = join(folder, 'backup.gz');
  state = await ValidatorState.open({ path });
  await state.pendingReveals.put(reveal('0x01'));
  await state.putScore({ key: 'one', score: { ok: true, value: 1.5 } });
});
afterEach(async () => {
  await state.close();
  await rm(folder, { recursive: true, force: true });
});

const cli = (...args: string[]) =>
  runCommand({
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), CLI, 'state', ...args],
    timeoutMs: 60_000,
  });

test('a backup of a state in use is whole, and gives the same state elsewhere', async () => {
  const { entries } = await ValidatorState.backup({ path, to: backup });
  expect((await stat(backup)).mode & 0o077).toBe(0);
  const elsewhere = join(folder, 'elsewhere', 'state');
  expect(await ValidatorState.restore({ path: elsewhere, from: backup })).toMatchObject({ entries });
  const restored = await ValidatorState.open({ path: elsewhere });
  expect(restored.id).toBe(state.id);
  expect(await restored.score('one')).toEqual({ ok: true, value: 1.5 });
  expect(await restored.pendingReveals.list()).toEqual([reveal('0x01')]);
  await restored.close();
  expect((await readdir(folder)).sort()).toEqual(['backup.gz', 'elsewhere', 'state']);
});

test('backups beside a validator that writes all the time are each as of one write, and never older than their call', async () => {
  let stop = false;
  let written = 0;
  const writing = (async () => {
    for (; !stop; written++) await state.putScore({ key: 'last', score: { ok: true, value: written } });
  })();
  for (let time = 0; time < 3; time++) {
    const least = written - 1;
    await ValidatorState.backup({ path, to: backup });
    const copy = join(folder, `copy-${time}`);
    await ValidatorState.restore({ path: copy, from: backup });
    const restored = await ValidatorState.open({ path: copy });
    const score = (await restored.score('last')) as { value: number } | null;
    expect(score?.value ?? 0).toBeGreaterThanOrEqual(least);
    await restored.close();
  }
  stop = true;
  await writing;
  expect(written).toBeGreaterThan(3);
}, 60_000);

test('a backup that is cut, of something else, or with one other byte is refused', async () => {
  await ValidatorState.backup({ path, to: backup });
  const bytes = await readFile(backup);
  const to = join(folder, 'other');
  for (const bad of [bytes.subarray(0, bytes.length - 20), Buffer.from('no backup')]) {
    await writeFile(backup, bad);
    await expect(ValidatorState.restore({ path: to, from: backup })).rejects.toMatchObject({
      code: 'bad-argument',
      what: expect.stringContaining('is no whole backup of a state'),
    });
  }
  const { gunzipSync, gzipSync } = await import('node:zlib');
  await writeFile(backup, gzipSync(gunzipSync(bytes).toString().replace('1.5', '2.5')));
  await expect(ValidatorState.restore({ path: to, from: backup })).rejects.toMatchObject({
    what: expect.stringContaining('are not what was stored'),
  });
  expect(await readdir(folder)).not.toContain('other');
});

test('a state that is there is not replaced, and a folder without one is told', async () => {
  await ValidatorState.backup({ path, to: backup });
  await expect(ValidatorState.restore({ path, from: backup })).rejects.toMatchObject({
    sentence: expect.stringContaining('there is a state in'),
  });
  await expect(ValidatorState.backup({ path: join(folder, 'none'), to: backup })).rejects.toMatchObject({
    code: 'bad-argument',
  });
});

test('the commands check, save and get back a state beside a validator that has it open', async () => {
  const check = await cli('check', '--data_dir', folder);
  expect([check.code, check.stdout]).toEqual([
    0,
    expect.stringMatching(/whole as of write \d+.*\n.*\n(.*\n)*1 hidden/),
  ]);
  const saved = await cli('backup', '--data_dir', folder, '--to', backup);
  expect([saved.code, saved.stdout]).toEqual([0, expect.stringMatching(/\d+ entries, as of write \d+/)]);
  const other = join(folder, 'other');
  const [restored, repaired] = [
    await cli('restore', '--data_dir', other, '--from', backup),
    await cli('repair', '--data_dir', other),
  ];
  expect([restored.code, restored.stdout]).toEqual([0, expect.stringContaining('goes on from there')]);
  expect([repaired.code, repaired.stdout]).toEqual([0, 'the state is sound: nothing was changed\n']);
  const locked = await cli('repair', '--data_dir', folder);
  expect([locked.code, locked.stderr]).toEqual([3, expect.stringContaining('in use by another process')]);
}, 60_000);

test('a damaged state is told by the check with what a repair would give, and left as it is', async () => {
  await state.close();
  const damaged = join(folder, 'damaged', 'state');
  await cp(path, damaged, { recursive: true });
  const log = (await readdir(damaged)).find((name) => name.endsWith('.log'))!;
  const bytes = await readFile(join(damaged, log));
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  await writeFile(join(damaged, log), bytes);
  const check = await cli('check', '--data_dir', join(folder, 'damaged'));
  expect([check.code, check.stdout]).toEqual([3, '']);
  expect(check.stderr).toContain('is damaged');
  expect(await readFile(join(damaged, log))).toEqual(bytes);
  state = await ValidatorState.open({ path });
}, 60_000);

test('the commands take the states of several competitions along, and one that is of one asks for which', async () => {
  const own = await ValidatorState.open({ path: join(folder, 'competitions', 'a', 'state') });
  await own.putScore({ key: 'two', score: { ok: true, value: 2.5 } });
  await own.close();
  const check = await cli('check', '--data_dir', folder, '--json');
  expect(JSON.parse(check.stdout)).toMatchObject({
    counts: { reveal: 1 },
    competitions: { a: { counts: { reveal: 0, score: 1 } } },
  });
  const saved = await cli('backup', '--data_dir', folder, '--to', backup);
  expect(saved.stdout).toMatch(/backup\.gz: \d+ entries.*\n.*backup\.competition-a\.gz: \d+ entries/);
  const other = join(folder, 'other');
  const restored = await cli('restore', '--data_dir', other, '--from', backup);
  expect([restored.code, restored.stdout.trim().split('\n').length]).toEqual([0, 2]);
  const again = await ValidatorState.open({ path: join(other, 'competitions', 'a', 'state') });
  expect(await again.score('two')).toEqual({ ok: true, value: 2.5 });
  await again.close();
  const repaired = await cli('repair', '--data_dir', other);
  expect(repaired.stdout).toContain('the state of competition a is sound');
  const exported = await cli('export', '--data_dir', other);
  expect([exported.code, exported.stderr]).toEqual([
    1,
    expect.stringContaining(`--data_dir ${join(other, 'competitions', 'a')}`),
  ]);
}, 120_000);
