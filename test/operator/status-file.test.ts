import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  DiskWatch,
  diskUse,
  keepFiles,
  livenessOf,
  REPORT_FILES,
  readStatusFile,
  StatusFile,
  ValidatorWatch,
} from 'flock-off';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../src/setup/run-command.ts';
import { HOTKEY, manualClock, training } from './watched.ts';

const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-status-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function start(clock?: ReturnType<typeof manualClock>) {
  const watch = new ValidatorWatch({ netuid: 7, competition: '1', hotkey: HOTKEY, clock });
  const warnings: string[] = [];
  const logger = { debug() {}, info() {}, warn: (line: string) => warnings.push(line), error() {} };
  const file = new StatusFile({ path: join(folder, 'status.json'), watch, logger, clock });
  return { watch, file, warnings };
}

const status = (...args: string[]) =>
  runCommand({
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), CLI, 'status', '--data_dir', folder, ...args],
    timeoutMs: 60_000,
  });

test('what was written last is read, also by `flock-off status`, and only its owner may', async () => {
  const { watch, file } = start();
  watch.onEvent({ kind: 'drawn', epochSeed: 5, hotkeys: ['a'], block: 360, resumed: false });
  watch.onEvent({ kind: 'scoring', uids: [1] });
  watch.onEvent(training(1, 40));
  await file.write();
  expect((await readStatusFile({ path: join(folder, 'status.json') }))!.epoch).toEqual(watch.snapshot().epoch);
  expect((await stat(join(folder, 'status.json'))).mode & 0o077).toBe(0);
  const [text, json] = await Promise.all([status(), status('--json')]);
  expect([text.code, json.code]).toEqual([0, 0]);
  expect(text.stdout).toContain('miner 1 of 1');
  expect(JSON.parse(json.stdout)).toMatchObject({ hotkey: HOTKEY, liveness: 'running', healthy: true });
}, 60_000);

test('one of a killed process, of none, and of a later version are told apart', async () => {
  const { watch, file } = start();
  const path = join(folder, 'status.json');
  expect(await readStatusFile({ path })).toBeNull();
  const none = await status();
  expect([none.code, none.stderr]).toEqual([3, expect.stringContaining('no validator has run with that folder')]);
  await file.write();
  await writeFile(path, JSON.stringify({ ...watch.snapshot(), pid: 2 ** 22 + 1 }));
  const killed = await status();
  expect([killed.code, killed.stdout]).toEqual([1, expect.stringContaining('is gone')]);
  await writeFile(path, JSON.stringify({ ...watch.snapshot(), format: 2 }));
  await expect(readStatusFile({ path })).rejects.toMatchObject({ code: 'bad-argument' });
  const later = await status();
  await writeFile(path, '{');
  const broken = await status();
  for (const { code, stderr } of [later, broken])
    expect([code, stderr]).toEqual([
      3,
      expect.stringContaining('holds no status that this version of flock-off reads'),
    ]);
}, 60_000);

test('a process that has ended or says nothing is not taken for one that runs', () => {
  const clock = manualClock();
  const { watch } = start(clock);
  expect(livenessOf(watch.snapshot(), clock.now)).toBe('running');
  expect(livenessOf(watch.snapshot(), clock.now + 61_000)).toBe('silent');
  watch.ended();
  expect(livenessOf(watch.snapshot(), clock.now)).toBe('ended');
});

test('it is written when something changes, repeated while nothing does, and once more at the end', async () => {
  const clock = manualClock();
  const { watch, file } = start(clock);
  const stop = new AbortController();
  let writes = 0;
  file.write = async () => void writes++;
  clock.sleep = async () => {
    clock.pass(2_000);
    if (clock.now >= Date.UTC(2026, 0, 2, 3, 4, 5) + 30_000) stop.abort();
    await new Promise((resolve) => setImmediate(resolve));
  };
  await file.run({ signal: stop.signal });
  // At 0, 10 and 20 s, and at the end.
  expect(writes).toBe(4);
  expect(watch.snapshot().epoch).toBeNull();
});

test('a folder that takes none is warned of once, and stops nothing', async () => {
  await writeFile(join(folder, 'file'), '');
  const { watch, warnings } = start();
  const logger = { debug() {}, info() {}, warn: (line: string) => warnings.push(line), error() {} };
  const file = new StatusFile({ path: join(folder, 'file', 'status.json'), watch, logger });
  await file.write();
  await file.write();
  expect(warnings).toEqual([expect.stringMatching(/^the status cannot be stored in \S+ \(E/)]);
});

test('the oldest files go by age and by size; the latest, and what is none of them, stay', async () => {
  const nowMs = Date.now();
  for (const [block, ageDays] of [
    [1, 9],
    [2, 5],
    [3, 3],
    [4, 1],
  ] as const) {
    const path = join(folder, `epoch-${block}.json`);
    await writeFile(path, 'x'.repeat(100));
    await utimes(path, new Date(), new Date(nowMs - ageDays * 86_400_000));
  }
  await writeFile(join(folder, 'notes.txt'), 'mine');
  const keep = (limits: object) => keepFiles({ folder, names: REPORT_FILES, nowMs, ...limits });
  expect(await keep({ maxAgeMs: 7 * 86_400_000 })).toEqual({ removed: 1, bytes: 100 });
  expect(await keep({ maxBytes: 250 })).toEqual({ removed: 1, bytes: 100 });
  expect((await readdir(folder)).sort()).toEqual(['epoch-3.json', 'epoch-4.json', 'notes.txt']);
  await keep({ maxAgeMs: 0 });
  expect((await readdir(folder)).sort()).toEqual(['epoch-4.json', 'notes.txt']);
  expect(await keepFiles({ folder: join(folder, 'none'), names: REPORT_FILES, nowMs })).toEqual({
    removed: 0,
    bytes: 0,
  });
});

test('of reports the lower blocks go first, also where copying gave them other times', async () => {
  const nowMs = Date.now();
  for (const [block, ageDays] of [
    [360, 1],
    [720, 9],
    [1_080, 9],
  ] as const) {
    const path = join(folder, `epoch-${block}.json`);
    await writeFile(path, 'x'.repeat(100));
    await utimes(path, new Date(), new Date(nowMs - ageDays * 86_400_000));
  }
  const keep = (limits: object) => keepFiles({ folder, names: REPORT_FILES, nowMs, ...limits });
  // The report of block 360 is young: without those after it the chain would have a gap.
  expect(await keep({ maxAgeMs: 7 * 86_400_000 })).toEqual({ removed: 0, bytes: 0 });
  expect(await keep({ maxBytes: 250 })).toEqual({ removed: 1, bytes: 100 });
  expect((await readdir(folder)).sort()).toEqual(['epoch-1080.json', 'epoch-720.json']);
});

test('what folders take is counted, and one that is not there takes nothing', async () => {
  await mkdir(join(folder, 'a', 'b'), { recursive: true });
  await writeFile(join(folder, 'a', 'one'), 'xxx');
  await writeFile(join(folder, 'a', 'b', 'two'), 'xx');
  const [a, none] = await diskUse({ a: join(folder, 'a'), none: join(folder, 'none') });
  expect([a!.bytes, a!.files, none!.bytes, none!.freeBytes]).toEqual([5, 2, 0, null]);
  expect(a!.freeBytes).toBeGreaterThan(0);
  const stop = new AbortController();
  const watching = new DiskWatch({ folders: { a: join(folder, 'a') } });
  const run = watching.run({ signal: stop.signal });
  while (watching.folders.length === 0) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await run;
  expect(watching.folders[0]).toMatchObject({ name: 'a', bytes: 5 });
});
