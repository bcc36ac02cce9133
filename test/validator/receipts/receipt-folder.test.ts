import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Receipt, ReceiptFolder, runValidator, type UnsignedReceipt, WalletHotkey } from 'flock-off';
import { writeDevWallet } from 'flock-off/local';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { closeMachine, type Machine, openMachine } from '../miners.ts';
import { realReceipts } from './real-receipts.ts';

let machine: Machine;
let folder: string;
let hotkey: WalletHotkey;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(() => closeMachine(machine));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-receipts-'));
  await writeDevWallet({ path: folder, name: 'validator' });
  hotkey = await WalletHotkey.open({ path: folder, name: 'validator' });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const said = (startBlock: number, netuid = 7) =>
  ({ startBlock, netuid, inputs: { genesisHash: '0x00' } }) as UnsignedReceipt;
const stored = async (startBlock: number) =>
  JSON.parse(await readFile(join(folder, 'reports', `epoch-${startBlock}.json`), 'utf8')) as Receipt;

test('each names the one before it, also where a process was killed in between, and none of another subnet', async () => {
  const open = () => new ReceiptFolder({ folder: join(folder, 'reports'), hotkey });
  await open().put(said(360));
  await open().put(said(1080));
  // Killed before the epoch was closed: the same report again.
  await open().put(said(1080));
  expect((await stored(360)).previous).toBeNull();
  expect((await stored(1080)).previous?.startBlock).toBe(360);
  await open().put(said(1440, 8));
  expect((await stored(1440)).previous).toBeNull();
});

test('what cannot be written waits, and comes before what is written later', async () => {
  const receipts = new ReceiptFolder({ folder: join(folder, 'reports'), hotkey });
  await writeFile(join(folder, 'reports'), 'a file where a folder should be');
  await expect(receipts.put(said(360))).rejects.toMatchObject({ code: 'disk' });
  await expect(receipts.retry()).rejects.toMatchObject({ code: 'disk' });
  await rm(join(folder, 'reports'));
  await receipts.put(said(720));
  expect(await readdir(join(folder, 'reports'))).toEqual(['epoch-360.json', 'epoch-720.json']);
  expect((await stored(720)).previous?.startBlock).toBe(360);
});

test('a signer that is silent or fails costs a minute at most, and the report waits', async () => {
  let isSilent = true;
  const slow = {
    address: hotkey.address,
    sign: ({ payload }: { payload: Uint8Array }) =>
      isSilent ? new Promise<never>(() => {}) : hotkey.sign({ payload }),
  };
  const receipts = new ReceiptFolder({ folder: join(folder, 'reports'), hotkey: slow, signingTimeoutMs: 20 });
  await expect(receipts.put(said(360))).rejects.toMatchObject({ code: 'timeout' });
  isSilent = false;
  await receipts.retry();
  expect((await stored(360)).signer).toBe(hotkey.address);
});

test('an epoch is not lost because its report cannot be stored: weights are sent, it is told, and stored later', async () => {
  const warnings: string[] = [];
  const logger = {
    ...{ debug: () => {}, info: () => {}, error: () => {} },
    warn: (message: string) => void warnings.push(message),
  };
  const { miners } = await realReceipts({ machine, epochs: 0 });
  try {
    const failing = {
      put: async () => {
        throw new Error('no room');
      },
      retry: async () => {},
    };
    const { report } = await miners.epoch({ receipts: failing, logger });
    expect(report.receipt).toMatchObject({ mode: 'set' });
    expect(await miners.state.openEpoch()).toBeNull();
    expect(warnings).toEqual([expect.stringMatching(/^the report of block \d+ could not be stored: no room/)]);
  } finally {
    await miners.close();
  }
}, 60_000);

test('a running validator tries again by itself what it could not store', async () => {
  const { miners, folder: reports } = await realReceipts({ machine, epochs: 0 });
  try {
    await writeFile(reports, 'a file where a folder should be');
    const receipts = new ReceiptFolder({ folder: reports, hotkey });
    const validator = await miners.validator({
      receipts,
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    const onReport = () => rm(reports);
    const blocks = setInterval(() => void miners.chain.produceBlocks(1), 20);
    await runValidator({ validator, epochs: 1, onReport }).finally(() => clearInterval(blocks));
    expect(await readdir(reports)).toEqual([expect.stringMatching(/^epoch-\d+\.json$/)]);
  } finally {
    await miners.close();
  }
}, 60_000);
