import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { FlockOffError } from 'flock-off';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { MersenneTwister } from '../../src/shared/random.ts';
import { ValidatorState } from '../../src/validator/state.ts';
import { reveal } from '../chain/weights/pending-reveals-contract.ts';

let root: string;
let path: string;
/** What the state held when it was closed. */
let truth: string;
let soundTruth: string;

let good: string;

beforeAll(async () => {
  good = await mkdtemp(join(tmpdir(), 'flock-off-sound-'));
  // Every opening turns the log before into a table.
  for (let time = 0; time < 3; time++) {
    const state = await ValidatorState.open({ path: good });
    await state.beginEpoch({
      epoch: {
        epochSeed: time,
        hotkeys: ['a', 'b'],
        startBlock: 100 + time,
        seedBlock: 0,
        timeMs: 1_000,
        ownerUid: null,
        neurons: [],
        commitments: [],
      },
      queue: { waiting: [time] },
      history: {
        genesisHash: '0x',
        netuid: 1,
        competition: '1',
        sinceBlock: 100,
        ledgerFrom: null,
        lastStartBlock: time,
      },
    });
    await state.pendingReveals.put(reveal(`0x0${time}`));
    await state.putScore({ key: `score ${time}`, score: { ok: true, value: 1.5 + time } });
    const entry = { hotkey: `hotkey ${time % 2}`, coldkey: '', showings: [], received: [], unreadable: null };
    await state.putLedger({ put: [entry], removed: [] });
    truth = await contentsOf(state);
    await state.close();
  }
  soundTruth = truth;
});
afterAll(() => rm(good, { recursive: true, force: true }));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flock-off-damage-'));
  path = join(root, 'state');
  await cp(good, path, { recursive: true });
  truth = soundTruth;
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function contentsOf(state: ValidatorState): Promise<string> {
  const scores = await Promise.all([0, 1, 2].map((time) => state.score(`score ${time}`)));
  const ledger = await state.ledger();
  const [epoch, queue, reveals] = [await state.openEpoch(), await state.queue(), await state.pendingReveals.list()];
  return JSON.stringify([state.id, epoch, queue, reveals, scores, ledger]);
}

/** What a state gives that lies in a folder, or the error. */
async function look(folder: string): Promise<string | FlockOffError> {
  try {
    const state = await ValidatorState.open({ path: folder });
    return await contentsOf(state).finally(() => state.close());
  } catch (error) {
    if (error instanceof FlockOffError) return error;
    throw error;
  }
}

async function damaged(name: string, harm: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(root, name);
  await cp(path, folder, { recursive: true });
  await harm(folder);
  return folder;
}

const fileOf = async (folder: string, pattern: RegExp) =>
  join(
    folder,
    (await readdir(folder))
      .filter((name) => pattern.test(name))
      .sort()
      .at(-1)!,
  );

test('one byte that is wrong, anywhere in any file, is an error or changes nothing', async () => {
  const random = new MersenneTwister(14);
  const below = (limit: number) => Math.floor(random.nextUniform() * limit);
  const flips: { name: string; at: number; mask: number }[] = [];
  for (const name of await readdir(path)) {
    const { length } = await readFile(join(path, name));
    const count = name.endsWith('.log') || name.endsWith('.ldb') ? 6 : 2;
    for (let i = 0; i < count && length > 0; i++)
      // The two records of HEAD begin at 0 and 4096 and are mostly padding.
      flips.push({ name, at: name === 'HEAD' ? 4096 * (i % 2) + below(300) : below(length), mask: 1 << below(8) });
  }
  expect(flips.length).toBeGreaterThan(22);
  const seen = { true: 0, error: 0 };
  for (const { name, at, mask } of flips) {
    const folder = await damaged('flipped', async (folder) => {
      const bytes = await readFile(join(folder, name));
      bytes[at]! ^= mask;
      await writeFile(join(folder, name), bytes);
    });
    const result = await look(folder);
    if (result instanceof FlockOffError) expect(result.code, `${name} ${at} ${mask}`).toBe('state-damaged');
    else expect(result, `${name} ${at} ${mask}`).toBe(truth);
    seen[result instanceof FlockOffError ? 'error' : 'true']++;
    await rm(folder, { recursive: true });
  }
  expect(Math.min(seen.true, seen.error)).toBeGreaterThan(0);
}, 240_000);

test.each<[string, (folder: string) => Promise<void>, RegExp]>([
  [
    'a log without its end',
    async (it) => truncate(await fileOf(it, /\.log$/), 700),
    /older one: the last .+ gone\. .+ gives back/,
  ],
  ['no log', async (it) => rm(await fileOf(it, /\.log$/)), /is damaged: .+ gives back/],
  ['no table', async (it) => rm(await fileOf(it, /\.ldb$/)), /is damaged: .+ gives back \d+ of 12 entries/],
  [
    'no CURRENT',
    (it) => rm(join(it, 'CURRENT')),
    /is damaged: the database says .+ all 12 entries as they were last written/,
  ],
  [
    'an empty CURRENT',
    (it) => truncate(join(it, 'CURRENT'), 0),
    /all 12 entries as they were last written: start once with --repair_state/,
  ],
  [
    'an empty manifest',
    async (it) => truncate(await fileOf(it, /^MANIFEST/), 0),
    /all 12 entries as they were last written/,
  ],
  ['no HEAD', (it) => rm(join(it, 'HEAD')), /its file HEAD is missing/],
])(
  '%s is one sentence that says what a repair would give back, and the folder is left as it is',
  async (_, harm, said) => {
    const folder = await damaged('harmed', harm);
    const before = await readdir(folder);
    for (let time = 0; time < 2; time++) {
      const error = await look(folder);
      expect(error).toMatchObject({ code: 'state-damaged', message: expect.stringMatching(said) });
      expect((error as Error).message).toContain(`the validator state in ${folder} is damaged: `);
      expect((error as Error).message).not.toContain('incomplete');
    }
    expect(await readdir(folder)).toEqual(before);
  },
  60_000,
);

test('files of another time among the others are an error', async () => {
  const before = await damaged('before', async () => {});
  const state = await ValidatorState.open({ path });
  for (let i = 0; i < 3; i++) await state.putScore({ key: 'score 0', score: { ok: true, value: 9 + i } });
  await state.close();
  const olderHead = await damaged('older head', (it) => cp(join(before, 'HEAD'), join(it, 'HEAD')));
  expect(await look(olderHead)).toMatchObject({ message: expect.stringContaining('HEAD is of another time') });
  await cp(join(path, 'HEAD'), join(before, 'HEAD'));
  expect(await look(before)).toMatchObject({ message: expect.stringContaining('the last 3 writes are gone') });
}, 60_000);

test('to look at files of two times changes none of them, so that what is newer can still be had back', async () => {
  const live = join(root, 'live');
  let state = await ValidatorState.open({ path: live });
  await state.putScore({ key: 'early', score: { ok: true, value: 1 } });
  const older = await mkdtemp(join(root, 'older-'));
  for (const name of await readdir(live))
    if (/^(CURRENT|MANIFEST-|.+\.log$)/.test(name)) await cp(join(live, name), join(older, name));
  await state.putScore({ key: 'late', score: { ok: true, value: 2 } });
  await state.close();
  state = await ValidatorState.open({ path: live });
  await state.close();
  const table = await fileOf(live, /\.ldb$/);
  const before = await readFile(table);
  // An older manifest numbers its next table as the newer one was.
  await cp(older, live, { recursive: true });
  expect(await look(live)).toMatchObject({ code: 'state-damaged' });
  expect(await readFile(table)).toEqual(before);
  expect(await ValidatorState.repair({ path: live })).toMatchObject({ whole: true });
  state = await ValidatorState.open({ path: live });
  expect(await state.score('late')).toEqual({ ok: true, value: 2 });
  await state.close();
}, 60_000);

/** Has the process that looks started through a shell script. */
async function lookThrough(script: string): Promise<void> {
  const node = process.execPath;
  const file = join(root, 'node');
  await writeFile(file, `#!/bin/sh\n${script}\nexec '${node}' "$@"\n`);
  await chmod(file, 0o755);
  process.execPath = file;
  onTestFinished(() => {
    process.execPath = node;
    vi.unstubAllEnvs();
  });
}

describe.skipIf(process.platform === 'win32')('the process that looks', () => {
  test('has what Node itself needs to start', async () => {
    await lookThrough('[ "$LD_LIBRARY_PATH" = /lib/of/node ] || exit 127');
    vi.stubEnv('LD_LIBRARY_PATH', '/lib/of/node');
    vi.stubEnv('NODE_OPTIONS', '--require /not/there.cjs');
    expect(await look(path)).toBe(truth);
  });

  test.each([137, 143])('finds no damage where it is ended from outside, with code %d', async (code) => {
    await lookThrough(`exit ${code}`);
    const message = expect.stringContaining(`ended with code ${code}`);
    expect(await look(path)).toMatchObject({ code: 'disk', message });
  });

  test('finds no damage where another one made its last writes and ended meanwhile', async () => {
    const state = await ValidatorState.open({ path });
    const before = await readFile(join(path, 'HEAD'));
    for (let i = 0; i < 3; i++) await state.putScore({ key: 'score 0', score: { ok: true, value: i } });
    truth = await contentsOf(state);
    await state.close();
    await cp(join(path, 'HEAD'), join(root, 'HEAD'));
    await writeFile(join(path, 'HEAD'), before);
    await lookThrough(`cp '${root}/HEAD' '${path}/HEAD'`);
    expect(await look(path)).toBe(truth);
  });

  test('finds a state in use where a file goes away under its hands', async () => {
    await symlink(join(root, 'gone'), join(path, '000999.log'));
    expect(await look(path)).toMatchObject({ code: 'state-locked' });
  });
});

test.skipIf(process.platform === 'win32')(
  "others' files in the folder are left as they are, and are no state",
  async () => {
    const folder = join(root, 'home');
    const theirs = ['npm-debug.log', 'notes.txt'].map((name) => join(folder, name));
    await mkdir(folder);
    for (const file of theirs) await writeFile(file, 'x', { mode: 0o644 });
    expect(await look(folder)).not.toBeInstanceOf(FlockOffError);
    for (const file of theirs) expect((await stat(file)).mode & 0o777).toBe(0o644);
  },
);

test('what a crash leaves between its two writes is no damage, and one write more would be', async () => {
  const heads: string[] = [];
  let state = await ValidatorState.open({ path });
  for (let i = 0; i < 3; i++) {
    await cp(join(path, 'HEAD'), join(root, `HEAD ${i}`));
    heads.push(join(root, `HEAD ${i}`));
    await state.putScore({ key: 'score 0', score: { ok: true, value: i } });
  }
  truth = await contentsOf(state);
  await state.close();
  const [, , lagging] = heads;
  expect(await look(await damaged('lagging', (it) => cp(lagging!, join(it, 'HEAD'))))).toBe(truth);
  expect(await look(await damaged('lost', (it) => cp(heads[1]!, join(it, 'HEAD'))))).toMatchObject({
    code: 'state-damaged',
  });
  // And such a state can be written to and opened for as long as one likes.
  await cp(lagging!, join(path, 'HEAD'));
  for (let i = 0; i < 2; i++) {
    state = await ValidatorState.open({ path });
    await state.putScore({ key: 'score 1', score: { ok: true, value: i } });
    await state.close();
  }
}, 60_000);

test('a repair gives everything back where it can, and keeps the damaged folder', async () => {
  expect(await ValidatorState.repair({ path })).toBeNull();
  await truncate(join(path, 'CURRENT'), 0);
  const repair = await ValidatorState.repair({ path });
  expect(repair).toMatchObject({ whole: true, entries: 12, entriesBefore: 12, writesLost: 0 });
  expect((await stat(join(repair!.damagedPath, 'CURRENT'))).size).toBe(0);
  expect(await look(path)).toBe(truth);
  expect(await readdir(root)).toHaveLength(2);
}, 60_000);

test('a repair says what is gone, gives back what is left of it, and what it gives back can be trusted', async () => {
  await truncate(await fileOf(path, /\.log$/), 700);
  const repair = await ValidatorState.repair({ path });
  expect(repair).toMatchObject({ whole: false, writesLost: expect.any(Number) });
  expect(repair!.message).toMatch(/^\d+ of 12 entries, as they were \d writes? earlier$/);
  const state = await ValidatorState.open({ path });
  expect(await state.pendingReveals.list()).toContainEqual(reveal('0x01'));
  await state.putScore({ key: 'new', score: { ok: true, value: 1 } });
  await state.close();
  expect(await look(path)).not.toBeInstanceOf(FlockOffError);
}, 60_000);

test('a repair that was killed between its two renames is ended by the next start', async () => {
  await cp(path, `${path}.repaired`, { recursive: true });
  await rm(path, { recursive: true });
  expect(await look(path)).toBe(truth);
});

test('damage that makes the database end its process is a sentence', async () => {
  const table = await fileOf(path, /\.ldb$/);
  const bytes = await readFile(table);
  // A table ends with the places of its two indexes, four numbers of seven bits a byte; the last one becomes 2^62.
  let at = bytes.length - 48;
  for (let number = 0; number < 3; number++) while (bytes[at++]! >= 0x80);
  bytes.fill(0x80, at, at + 8);
  bytes[at + 8] = 0x40;
  await writeFile(table, bytes);
  expect(await look(path)).toMatchObject({
    code: 'state-damaged',
    message: expect.stringMatching(
      /the database ends its process with SIGABRT\. A repair was tried on a copy and gives back/,
    ),
  });
}, 60_000);

test('a state of version 0.1.0, which sealed nothing, is taken over once', async () => {
  const old = join(root, 'old');
  const db = new ClassicLevel<string, unknown>(old, { valueEncoding: 'json' });
  const epoch = { epochSeed: 7, hotkeys: ['a'], startBlock: 3 };
  await db.put('epoch', epoch, { sync: true });
  await db.put('reveal:0xaa', reveal('0xaa'), { sync: true });
  await db.close();
  for (let time = 0; time < 2; time++) {
    const state = await ValidatorState.open({ path: old });
    expect(await state.openEpoch()).toEqual(epoch);
    expect(await state.pendingReveals.list()).toEqual([reveal('0xaa')]);
    await state.close();
  }
  await truncate(await fileOf(old, /\.log$/), 0);
  await rm(await fileOf(old, /\.ldb$/));
  expect(await look(old)).toMatchObject({ code: 'state-damaged' });
}, 60_000);

test('a state of a later version is refused in one sentence, and left as it is', async () => {
  const text = (await readFile(join(path, 'HEAD'))).toString('latin1');
  const later = [0, 4096].map((at) => {
    const json = text.slice(at + 65, text.indexOf('\n', at)).replace('"version":1', '"version":2');
    return `${createHash('sha256').update(json).digest('hex')} ${json}\n`.padEnd(4096, '\0');
  });
  await writeFile(join(path, 'HEAD'), later.join(''));
  await expect(ValidatorState.open({ path })).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringMatching(/later version of flock-off \(format 2, this one knows 1\)\. Update flock-off/),
  });
});

test.skipIf(process.platform === 'win32')(
  'only its owner can read it, also what an earlier version left open',
  async () => {
    await chmod(path, 0o755);
    for (const name of await readdir(path)) await chmod(join(path, name), 0o644);
    const state = await ValidatorState.open({ path });
    const modes = async () => {
      const found = [(await stat(path)).mode & 0o777];
      for (const name of await readdir(path)) found.push((await stat(join(path, name))).mode & 0o777);
      return new Set(found);
    };
    expect(await modes()).toEqual(new Set([0o700, 0o600]));
    // Enough for new files; those of the background are tightened when it ends.
    for (let i = 0; i < 6; i++)
      await state.putScore({ key: `large ${i}`, score: { ok: true, value: i, x: 'x'.repeat(1e6) } as never });
    await state.close();
    expect(await modes()).toEqual(new Set([0o700, 0o600]));
    await truncate(join(path, 'CURRENT'), 0);
    await chmod(path, 0o755);
    const { damagedPath } = (await ValidatorState.repair({ path }))!;
    expect(await modes()).toEqual(new Set([0o700, 0o600]));
    expect((await stat(damagedPath)).mode & 0o777).toBe(0o700);
  },
);
