import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ValidatorState } from '../../src/validator/state.ts';
import { pendingRevealStoreContract, reveal } from '../chain/weights/pending-reveals-contract.ts';

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-state-'));
});
afterEach(() => rm(path, { recursive: true, force: true }));

test('a fresh state remembers nothing', async () => {
  const state = await ValidatorState.open({ path });
  expect(await state.openEpoch()).toBeNull();
  expect(await state.queue()).toBeNull();
  expect(await state.standings()).toEqual({});
  expect(await state.score('x')).toBeNull();
  expect(await state.datasets('x')).toEqual([]);
  expect(await state.pendingReveals.list()).toEqual([]);
  await state.close();
});

test('finishing an epoch stores the standings, closes it and forgets its scores, and keeps everything else', async () => {
  const state = await ValidatorState.open({ path });
  await state.beginEpoch({ epoch: { epochSeed: 7, hotkeys: ['a'], startBlock: 3 }, queue: { waiting: [] } });
  await state.putScore({ key: 'k', score: { ok: true, value: 1.25 } });
  await state.putDownload({ repo: 'a/b', commit: 'c', sha256: 'd' });
  expect(await state.openEpoch()).toEqual({ epochSeed: 7, hotkeys: ['a'], startBlock: 3 });
  const standings = { a: { average: 1, refused: null, postponedEpochs: 0 } };
  await state.finishEpoch({ standings, queue: { waiting: ['b'] } });
  expect(await state.openEpoch()).toBeNull();
  expect(await state.score('k')).toBeNull();
  expect(await state.standings()).toEqual(standings);
  expect(await state.queue()).toEqual({ waiting: ['b'] });
  expect(await state.download({ repo: 'a/b', commit: 'c' })).toEqual({ sha256: 'd' });
  await state.close();
});

test('a second process is refused with a sentence that says what to do', async () => {
  const state = await ValidatorState.open({ path });
  await expect(ValidatorState.open({ path })).rejects.toMatchObject({
    code: 'state-locked',
    message: expect.stringContaining('--data_dir'),
  });
  await state.close();
});

test.runIf(process.platform === 'linux')('a folder that cannot be made is one sentence', async () => {
  await expect(ValidatorState.open({ path: '/proc/flock-off/state' })).rejects.toMatchObject({
    code: 'disk',
    message: expect.stringMatching(/^the validator state in .+ cannot be opened \(ENOENT.+\)\. Check the free space/),
  });
});

test('what was stored before kill -9 is there afterwards', async () => {
  const script = `
    import { ValidatorState } from ${JSON.stringify(new URL('../../src/validator/state.ts', import.meta.url).href)};
    const state = await ValidatorState.open({ path: ${JSON.stringify(path)} });
    for (let i = 0; ; i++) {
      await state.putScore({ key: 'n' + i, score: { ok: true, value: i } });
      process.stdout.write(i + '\\n');
    }`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last = -1;
  child.stdout.on('data', (chunk: Buffer) => {
    last = Number(chunk.toString().trim().split('\n').at(-1));
    if (last >= 50) child.kill('SIGKILL');
  });
  await once(child, 'exit');
  expect(last).toBeGreaterThanOrEqual(50);
  const state = await ValidatorState.open({ path });
  for (let i = 0; i <= last; i++) expect(await state.score(`n${i}`)).toEqual({ ok: true, value: i });
  await state.close();
});

test('keeps only what it is told to of datasets and downloads, and everything else', async () => {
  const state = await ValidatorState.open({ path });
  await state.putDatasets({ hotkey: 'gone', datasets: [] });
  await state.putDatasets({ hotkey: 'here', datasets: [] });
  await state.putDownload({ repo: 'a/b', commit: 'old', sha256: '1' });
  await state.putDownload({ repo: 'a/b', commit: 'new', sha256: '2' });
  await state.putScore({ key: 'k', score: { ok: true, value: 1 } });
  await state.keepOnly({ hotkeys: ['here'], downloads: [{ repo: 'a/b', commit: 'new' }] });
  expect(await state.download({ repo: 'a/b', commit: 'old' })).toBeNull();
  expect(await state.download({ repo: 'a/b', commit: 'new' })).toEqual({ sha256: '2' });
  expect(await state.score('k')).toEqual({ ok: true, value: 1 });
  await state.close();
});

// A limit on the size of files stands for a full disk: the write is refused by the system in the same way.
test.skipIf(process.platform === 'win32')('a full disk is one sentence, and loses nothing stored before', async () => {
  const script = `
    import { ValidatorState } from ${JSON.stringify(new URL('../../src/validator/state.ts', import.meta.url).href)};
    const state = await ValidatorState.open({ path: ${JSON.stringify(path)} });
    try {
      for (let i = 0; ; i++) {
        await state.putScore({ key: 'n' + i, score: { ok: true, value: i, filler: 'x'.repeat(10_000) } });
        console.log(i);
      }
    } catch (error) {
      console.error(error.name, error.code, error.message);
    }`;
  const child = spawn('bash', [
    '-c',
    'trap "" XFSZ; ulimit -f 400; exec "$0" "$@"',
    process.execPath,
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    script,
  ]);
  let [stored, complaint] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stored += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk;
  });
  await once(child, 'close');
  expect(complaint).toMatch(/FlockOffError disk the validator state in .+ cannot be read or written .+ Make room/);
  const state = await ValidatorState.open({ path });
  const last = Number(stored.trim().split('\n').at(-1));
  expect(last).toBeGreaterThan(5);
  for (let i = 0; i <= last; i++) expect(await state.score(`n${i}`)).toMatchObject({ ok: true, value: i });
  await state.close();
});

pendingRevealStoreContract('the store of pending reveals', async (use) => {
  const state = await ValidatorState.open({ path });
  await use(state.pendingReveals).finally(() => state.close());
});

test('defect 17: pending reveals and their salts are there after a restart', async () => {
  const state = await ValidatorState.open({ path });
  await state.pendingReveals.put(reveal('0xaa'));
  await state.close();
  const again = await ValidatorState.open({ path });
  expect(await again.pendingReveals.list()).toEqual([reveal('0xaa')]);
  await again.close();
});
