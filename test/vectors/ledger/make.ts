/**
 * Makes `mid-epoch.flock-off`: a ledger exported in the middle of an epoch by the version that did not store yet when an
 * epoch began and who owned the subnet. It has to be run in a checkout of commit 2829322, as `npx tsx test/vectors/ledger/make.ts`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EvalQueue, exportLedger, type OpenEpoch, ValidatorState, WalletHotkey } from '../../../src/index.ts';
import { writeDevWallet } from '../../../src/local/index.ts';
import { packNumbers } from '../../../src/validator/ledger/packed.ts';

const folder = await mkdtemp(join(tmpdir(), 'flock-off-vector-'));
await writeDevWallet({ path: folder, name: 'validator' });
const hotkey = await WalletHotkey.open({ path: folder, name: 'validator' });
const state = await ValidatorState.open({ path: join(folder, 'state') });

const history = {
  ...{ genesisHash: `0x${'12'.repeat(32)}`, netuid: 7, competition: '1' },
  ...{ sinceBlock: 360, ledgerFrom: null, lastStartBlock: 360 },
};
const queue = new EvalQueue({ seed: 1 });
const { epochSeed, hotkeys } = queue.next({ hotkeys: ['ann', 'ben'], weights: {}, seed: 5 });
const epoch = {
  ...{ startBlock: 720, seedBlock: 723, epochSeed, hotkeys },
  neurons: [
    { uid: 0, hotkey: 'ann', coldkey: 'coldkey of ann', registrationBlock: 1, consensus: 0.5 },
    { uid: 1, hotkey: 'ben', coldkey: 'coldkey of ben', registrationBlock: 2, consensus: 0 },
  ],
  commitments: [
    { hotkey: 'ann', text: `u/ann:1:${'0'.repeat(40)}`, kind: 'Raw', block: 700 },
    { hotkey: 'ben', text: `u/ben:1:${'1'.repeat(40)}`, kind: 'Raw', block: 710 },
  ],
};
const standing = { average: 0.5, refused: null, postponedEpochs: 1 };
const showing = {
  ...{ repo: 'u/ann', commit: '0'.repeat(40), sha256: 'ab'.repeat(32), rows: 2, position: 700 * 65_536 },
  ...{ shownAt: packNumbers(new Float64Array(2).fill(700 * 65_536)), readable: true, beatsBaseline: true },
  ...{ lostBlock: null, judgement: null },
};
const unchanged = { put: [], removed: [] };
await state.finishEpoch({ standings: { ann: standing }, ledger: unchanged, queue: queue.toJSON(), history });
await state.beginEpoch({ epoch: epoch as OpenEpoch, queue: queue.toJSON(), history });
const entry = { hotkey: 'ann', coldkey: 'coldkey of ann', showings: [showing], received: [], unreadable: null };
await state.putLedger({ put: [entry], removed: [] });
await exportLedger({ state, hotkey, path: fileURLToPath(new URL('mid-epoch.flock-off', import.meta.url)) });
await state.close();
await rm(folder, { recursive: true });
