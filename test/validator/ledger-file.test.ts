import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EvalQueue, exportLedger, importLedger, ValidatorState, WalletHotkey } from 'flock-off';
import { writeDevWallet } from 'flock-off/local';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packNumbers } from '../../src/validator/ledger/packed.ts';

const GENESIS = `0x${'12'.repeat(32)}`;
const SHA256 = 'ab'.repeat(32);

let folder: string;
let hotkey: WalletHotkey;
let path: string;
let fresh: ValidatorState;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-ledger-'));
  await writeDevWallet({ path: folder, name: 'validator' });
  hotkey = await WalletHotkey.open({ path: folder, name: 'validator' });
  path = join(folder, 'ledger');
  const state = await ValidatorState.open({ path: join(folder, 'state') });
  await fill(state);
  await exportLedger({ state, hotkey, path });
  await state.close();
  fresh = await ValidatorState.open({ path: join(folder, 'fresh') });
});
afterEach(async () => {
  await fresh.close();
  await rm(folder, { recursive: true, force: true });
});

const history = {
  genesisHash: GENESIS,
  netuid: 7,
  competition: '1',
  sinceBlock: 360,
  ledgerFrom: null,
  lastStartBlock: null,
};
const epoch = {
  startBlock: 720,
  seedBlock: 723,
  timeMs: 1_000,
  ownerUid: null,
  epochSeed: 5,
  hotkeys: ['a'],
  neurons: [],
  commitments: [],
};
const queue = new EvalQueue({ seed: 1 }).toJSON();
const standings = { a: { average: 0.1 + 0.2, refused: null, postponedEpochs: 0 } };
const showing = {
  repo: 'u/a',
  commit: '0'.repeat(40),
  sha256: SHA256,
  rows: 2,
  position: 720 * 65_536,
  shownAt: packNumbers(Float64Array.of(1, 2)),
  readable: true,
  beatsBaseline: null,
  lostBlock: null,
  judgement: null,
};
const entry = { hotkey: 'a', coldkey: 'c', showings: [showing], received: [], unreadable: null };

const late = [{ hotkey: 'b', repo: 'u/b', commit: '1'.repeat(40), commitBlock: 600 }];

async function fill(state: ValidatorState): Promise<void> {
  await state.finishEpoch({ standings, ledger: { put: [], removed: [] }, queue, history });
  await state.beginEpoch({ epoch, queue, history });
  await state.putLedger({ put: [entry], removed: [] });
  await state.putLatePointers({ late });
  const { fingerprintName } = await import('../../src/validator/validator.ts');
  await state.fingerprints.write({ name: fingerprintName(showing), fingerprint: new Uint8Array(5_000).fill(7) });
}

const take = (changed: Partial<Parameters<typeof importLedger>[0]> = {}) =>
  importLedger({
    ...{ state: fresh, path, from: hotkey.address, genesisHash: GENESIS, netuid: 7, competition: '1' },
    ...changed,
  });

/** Every time: nothing of the file is in the state. */
async function expectRefused(said: RegExp, changed: Parameters<typeof take>[0] = {}): Promise<void> {
  const error = await take(changed).catch((error) => error);
  expect(error).toMatchObject({ code: 'bad-argument', message: expect.stringMatching(said) });
  expect(error.message.split('\n')).toHaveLength(1);
  expect([await fresh.history(), await fresh.ledger(), await fresh.standings()]).toEqual([null, [], {}]);
  expect(await readdir(join(folder, 'fresh-fingerprints')).catch(() => [])).toEqual([]);
}

test('a ledger is taken over as it was, with the epoch in progress', async () => {
  expect(await take()).toMatchObject({ block: 720, netuid: 7, signer: hotkey.address });
  expect(await fresh.ledger()).toEqual([entry]);
  expect(await fresh.standings()).toEqual(standings);
  expect(await fresh.openEpoch()).toEqual(epoch);
  expect(await fresh.queue()).toEqual(queue);
  expect(await fresh.latePointers()).toEqual(late);
  expect(await fresh.history()).toEqual({ ...history, ledgerFrom: hotkey.address });
  expect(await readdir(join(folder, 'fresh-fingerprints'))).toHaveLength(1);
});

test('a ledger that an earlier version exported in the middle of an epoch is taken over, and who was drawn then is known', async () => {
  const old = fileURLToPath(new URL('../vectors/ledger/mid-epoch.flock-off', import.meta.url));
  expect(await take({ path: old })).toMatchObject({ block: 720, signer: hotkey.address });
  expect(await fresh.history()).toMatchObject({ lastStartBlock: 360, ledgerFrom: hotkey.address });
  expect(await fresh.ledger()).toMatchObject([{ hotkey: 'ann', showings: [{ repo: 'u/ann', rows: 2 }] }]);
  expect(await fresh.standings()).toMatchObject({ ann: { average: 0.5, postponedEpochs: 1 } });
  expect(await fresh.openEpoch()).toMatchObject({ startBlock: 720, hotkeys: ['ben', 'ann'] });
  expect(await fresh.latePointers()).toEqual([]);
});

test('a state that has a history is left as it is', async () => {
  await take();
  await expect(take()).rejects.toMatchObject({ code: 'bad-argument', message: expect.stringContaining('--data_dir') });
});

test('a file with any byte changed is refused, and nothing of it is used', async () => {
  const good = await readFile(path);
  const places = [0, 40, 100, ...Array.from({ length: 12 }, (_, i) => Math.floor(((i + 1) * good.length) / 13))];
  for (const at of [...places, good.length - 40]) {
    const changed = Buffer.from(good);
    changed[at] = changed[at]! ^ 1;
    await writeFile(path, changed);
    await expectRefused(/so nothing of it is used/);
  }
});

test('a file that was cut off anywhere is refused', async () => {
  const good = await readFile(path);
  for (const length of [0, 1, 50, 700, Math.floor(good.length / 2), good.length - 1]) {
    await writeFile(path, good);
    await truncate(path, length);
    await expectRefused(/cut off|no ledger|does not go on|signature/);
  }
});

test('what is appended is refused', async () => {
  await writeFile(path, '{}\n', { flag: 'a' });
  await expectRefused(/goes on after its end/);
});

test.each([
  ['another chain', { genesisHash: `0x${'34'.repeat(32)}` }, /genesis/],
  ['another subnet', { netuid: 8 }, /of subnet 7, competition "1", and this is subnet 8/],
  ['another competition', { competition: '2' }, /this is subnet 7, competition "2"/],
  ['another hotkey', { from: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY' }, /not of 5Grwva.*--ledger_from/],
  ['more bytes than are accepted', { maxBytes: 1_000 }, /more than the 1000 that are accepted/],
] as const)('a ledger of %s is refused', (_, changed, said) => expectRefused(said, changed));

test.each([
  ['an older version', 0, /format 0.*exported again/],
  ['a later version', 2, /format 2.*Update flock-off/],
] as const)('a ledger of %s is refused', async (_, version, said) => {
  const body = JSON.stringify({ format: 'flock-off ledger', version });
  await writeFile(path, `${JSON.stringify({ kind: 'header', bytes: body.length })}\n${body}`);
  await expectRefused(said);
});

test.each([
  ['does not exist', null],
  ['is no file', 'folder'],
  ['is no ledger', Buffer.alloc(100_000, 65)],
  ['is no ledger', Buffer.from('{"kind":"header","bytes":2}\n{}')],
])('what %s is told', async (said, content) => {
  await rm(path);
  if (content === 'folder') return expectRefused(/is no file/, { path: folder });
  if (content !== null) await writeFile(path, content);
  await expectRefused(new RegExp(said));
});

test.each([
  ['a folder that is a file', (file: string) => join(file, 'ledger')],
  ['a name that is too long', () => join(folder, 'x'.repeat(5_000))],
  ['a name that no system takes', () => `${folder}\0`],
])('a path that cannot be looked at, such as %s, is told in one sentence', async (_, of) => {
  const error = await take({ path: of(path) }).catch((error) => error);
  expect(error).toMatchObject({ code: 'disk', message: expect.stringContaining('cannot be read or written') });
  expect(await fresh.history()).toBeNull();
});

test('whoever signs another validator’s ledger with a key of their own is not believed', async () => {
  await writeDevWallet({ path: folder, name: 'mallory' });
  const mallory = await WalletHotkey.open({ path: folder, name: 'mallory' });
  const state = await ValidatorState.open({ path: join(folder, 'state') });
  await exportLedger({ state, path, hotkey: { address: hotkey.address, sign: mallory.sign } });
  await state.close();
  await expectRefused(/does not have the signature/);
});

test('a state without an epoch has nothing to export', async () => {
  await expect(exportLedger({ state: fresh, hotkey, path })).rejects.toMatchObject({ code: 'bad-argument' });
});
