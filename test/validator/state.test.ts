import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ValidatorState } from '../../src/validator/state.ts';

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-state-'));
});
afterEach(() => rm(path, { recursive: true, force: true }));

test('a fresh state remembers nothing', async () => {
  const state = await ValidatorState.open({ path });
  expect(await state.openEpoch()).toBeNull();
  expect(await state.queue()).toBeNull();
  expect(await state.weights()).toEqual({});
  expect(await state.score('x')).toBeNull();
  expect(await state.dataset('x')).toBeNull();
  expect(await state.pendingReveals.list()).toEqual([]);
  await state.close();
});

test('finishing an epoch stores the averages, closes it and forgets its scores, and keeps everything else', async () => {
  const state = await ValidatorState.open({ path });
  await state.beginEpoch({ epochSeed: 7, hotkeys: ['a'], startBlock: 3 }, { waiting: [] });
  await state.putScore('k', { ok: true, value: 1.25 });
  await state.putDownload('a/b', 'c', { sha256: 'd' });
  expect(await state.openEpoch()).toEqual({ epochSeed: 7, hotkeys: ['a'], startBlock: 3 });
  await state.finishEpoch({ a: 1 }, { waiting: ['b'] });
  expect(await state.openEpoch()).toBeNull();
  expect(await state.score('k')).toBeNull();
  expect(await state.weights()).toEqual({ a: 1 });
  expect(await state.queue()).toEqual({ waiting: ['b'] });
  expect(await state.download('a/b', 'c')).toEqual({ sha256: 'd' });
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

test('what was stored before kill -9 is there afterwards', async () => {
  const script = `
    import { ValidatorState } from ${JSON.stringify(new URL('../../src/validator/state.ts', import.meta.url).href)};
    const state = await ValidatorState.open({ path: ${JSON.stringify(path)} });
    for (let i = 0; ; i++) {
      await state.putScore('n' + i, { ok: true, value: i });
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
