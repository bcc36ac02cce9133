import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { accept } from '../../src/schema/verdict.ts';
import { unpackNumbers } from '../../src/validator/ledger/packed.ts';
import { blockOf } from '../../src/validator/ledger/position.ts';
import { ValidatorState } from '../../src/validator/state.ts';
import { openStore } from '../../src/validator/store/open-store.ts';
import { pendingRevealStoreContract, reveal } from '../chain/weights/pending-reveals-contract.ts';

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-state-'));
});
afterEach(async () => {
  for (const folder of [path, `${path}-fingerprints`]) await rm(folder, { recursive: true, force: true });
});

test('a fresh state remembers nothing', async () => {
  const state = await ValidatorState.open({ path });
  expect(await state.openEpoch()).toBeNull();
  expect(await state.queue()).toBeNull();
  expect(await state.history()).toBeNull();
  expect(await state.standings()).toEqual({});
  expect(await state.score('x')).toBeNull();
  expect(await state.ledger()).toEqual([]);
  expect(await state.latePointers()).toEqual([]);
  expect(await state.fileFinding('x')).toBeNull();
  expect(await state.baseline('x')).toBeNull();
  expect(await state.pendingReveals.list()).toEqual([]);
  await state.close();
});

test('finishing an epoch stores the standings, closes it and forgets its scores, and keeps everything else', async () => {
  const state = await ValidatorState.open({ path });
  const start = { startBlock: 3, seedBlock: 6, timeMs: 1_000, ownerUid: null, neurons: [], commitments: [] };
  const epoch = { ...start, epochSeed: 7, hotkeys: ['a'] };
  const history = {
    genesisHash: '0x',
    netuid: 1,
    competition: '1',
    sinceBlock: 3,
    ledgerFrom: null,
    lastStartBlock: null,
  };
  await state.beginEpoch({ epoch, queue: { waiting: [] }, history });
  expect(await state.history()).toEqual(history);
  await state.putScore({ key: 'k', score: { ok: true, value: 1.25 } });
  await state.putDownload({ repo: 'a/b', commit: 'c', sha256: 'd', bytes: 1, block: 2 });
  expect(await state.openEpoch()).toEqual(epoch);
  const standings = { a: { average: 1, refused: null, postponedEpochs: 0 } };
  const entry = { hotkey: 'a', coldkey: 'c', showings: [], received: [], unreadable: null };
  await state.finishEpoch({
    ...{ standings, ledger: { put: [entry], removed: [] } },
    ...{ queue: { waiting: ['b'] }, history: { ...history, lastStartBlock: 3 } },
  });
  expect(await state.ledger()).toEqual([entry]);
  expect((await state.history())?.lastStartBlock).toBe(3);
  expect(await state.openEpoch()).toBeNull();
  expect(await state.score('k')).toBeNull();
  expect(await state.standings()).toEqual(standings);
  expect(await state.queue()).toEqual({ waiting: ['b'] });
  expect(await state.download({ repo: 'a/b', commit: 'c' })).toEqual({ sha256: 'd', bytes: 1, block: 2 });
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

test('downloads and findings older than a block go, but for downloads that pointers name', async () => {
  const state = await ValidatorState.open({ path });
  const download = (commit: string, block: number) =>
    state.putDownload({ repo: 'a/b', commit, sha256: commit, bytes: 1, block });
  await download('old', 9);
  await download('named', 9);
  await download('young', 10);
  for (const block of [9, 10]) await state.putFileFinding({ key: `k${block}`, checked: accept({ rows: 1 }), block });
  await state.keepSince({ block: 10, named: [{ repo: 'a/b', commit: 'named' }] });
  const kept = async (commit: string) => (await state.download({ repo: 'a/b', commit }))?.sha256;
  expect([await kept('old'), await kept('named'), await kept('young')]).toEqual([undefined, 'named', 'young']);
  expect([await state.fileFinding('k9'), (await state.fileFinding('k10'))?.block]).toEqual([null, 10]);
  await state.close();
});

test('of the base model the last loss is kept', async () => {
  const state = await ValidatorState.open({ path });
  await state.putBaseline({ key: 'a', lossNatsPerToken: 1 });
  await state.putBaseline({ key: 'b', lossNatsPerToken: 2 });
  expect([await state.baseline('a'), await state.baseline('b')]).toEqual([null, 2]);
  await state.close();
});

test('the ledger is stored by hotkey', async () => {
  const state = await ValidatorState.open({ path });
  const entry = (hotkey: string) => ({ hotkey, coldkey: 'c', showings: [], received: [], unreadable: null });
  await state.putLedger({ put: [entry('a'), entry('b')], removed: [] });
  await state.putLedger({ put: [{ ...entry('b'), coldkey: 'd' }], removed: ['a'] });
  expect(await state.ledger()).toEqual([{ ...entry('b'), coldkey: 'd' }]);
  await state.close();
});

test('dates of rows that an earlier version remembered stay, and its records go with the first write', async () => {
  const dataset = { repo: 'a/b', commit: 'c', commitBlock: 9, sha256: 'd', rowHashes: ['x', 'y'], rowBlocks: [5, 9] };
  const store = await openStore(path);
  await store.write([{ type: 'put', key: 'dataset:ann', value: [dataset] }]);
  await store.close();
  const state = await ValidatorState.open({ path });
  const [entry] = await state.ledger();
  expect(entry).toMatchObject({ hotkey: 'ann', showings: [{ repo: 'a/b', commit: 'c', rows: 2, judgement: null }] });
  const { shownAt, rows } = entry!.showings[0]!;
  expect([...unpackNumbers(shownAt, rows)].map(blockOf)).toEqual([5, 9]);
  await state.putLedger({ put: [{ ...entry!, coldkey: 'c' }], removed: [] });
  expect(await state.ledger()).toEqual([{ ...entry!, coldkey: 'c' }]);
  await state.close();
  const after = await openStore(path);
  expect(await after.keys('dataset:')).toEqual([]);
  await after.close();
});

test('a fingerprint that is damaged is as if it had never been there', async () => {
  const state = await ValidatorState.open({ path });
  const fingerprint = Uint8Array.of(1, 2, 3);
  for (const name of ['a.1', 'b.1']) await state.fingerprints.write({ name, fingerprint });
  expect(await state.fingerprints.read('a.1')).toEqual(fingerprint);
  await writeFile(join(`${path}-fingerprints`, 'a.1.fp'), 'rubbish');
  expect([await state.fingerprints.has('a.1'), await state.fingerprints.read('a.1')]).toEqual([true, null]);
  expect(await state.fingerprints.has('a.1')).toBe(false);
  await state.fingerprints.keepOnly([]);
  expect(await state.fingerprints.read('b.1')).toBeNull();
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
