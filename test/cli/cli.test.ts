import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkMachine } from '../../src/cli/doctor/checks.ts';
import type { MachineReport } from '../../src/cli/machine-report.ts';
import { LocalChain } from '../../src/local/chain/local-chain.ts';
import { writeDevWallet } from '../../src/local/dev-wallet.ts';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { EvalQueue } from '../../src/queue/eval-queue.ts';
import { runCommand } from '../../src/setup/run-command.ts';
import { importLedger } from '../../src/validator/ledger/import-ledger.ts';
import { ValidatorState } from '../../src/validator/state.ts';

const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
const SECRET = 'hf_do_not_print_this';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function cli(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { HF_TOKEN: _, BT_WALLET_PATH: __, FLOCK_OFF_TENSORFLOW: ___, ...inherited } = process.env;
  return runCommand({
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), CLI, ...args],
    cwd: folder,
    env: { ...inherited, ...env },
    timeoutMs: 60_000,
  });
}

test('help names the commands, and not the hidden one', async () => {
  const { code, stdout } = await cli(['--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('tensorflow [options]');
  expect(stdout).toContain('doctor [options]');
  expect(stdout).not.toContain('probe');
});

test.each([
  [['dokter'], "error: unknown command 'dokter'"],
  [['tensorflow', '--cuda'], "error: unknown option '--cuda'"],
  [
    ['tensorflow', '--only', 'cuda'],
    '"cuda" is no route to TensorFlow. Choose among linked, wheel, prebuilt, wasm. See flock-off/docs/errors.md#bad-argument',
  ],
])('%j is refused with a sentence', async (args, sentence) => {
  const { code, stdout, stderr } = await cli(args);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr.split('\n')[0]).toBe(sentence);
});

test('the doctor tells a program what the machine has', async () => {
  const wallets = join(folder, 'wallets');
  await mkdir(wallets);
  const { code, stdout } = await cli(['doctor', '--json'], { HF_TOKEN: SECRET, BT_WALLET_PATH: wallets });
  expect(code).toBe(0);
  expect(stdout).not.toContain(SECRET);
  const report = JSON.parse(stdout) as MachineReport;
  expect(report).toMatchObject({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    system: { node: process.version, cpus: expect.any(Number) },
    hubToken: 'environment',
    hubTokenProblem: null,
    wallets: { folder: wallets, present: true },
    packages: { '@tensorflow/tfjs': '4.22.0', '@tensorflow/tfjs-node': null },
  });
  expect(report.backends.map(({ name }) => name)).toEqual(['tfjs-node-gpu', 'tfjs-node', 'wasm', 'cpu']);
  expect(report.backends.find(({ name }) => name === 'wasm')?.info).toMatchObject({ packageVersion: '4.22.0' });
  expect(report.disk[0]!.freeBytes).toBeGreaterThan(0);
  const told = Object.fromEntries(report.checks.map(({ name, ok, told }) => [name, `${ok} ${told}`]));
  expect(Object.keys(told)).toEqual(['clock', 'open files', 'disk speed', 'wallet modes', 'data folder']);
  expect(told['disk speed']).toMatch(/B a second, written and synced/);
  expect(told['wallet modes']).toBe('true no key can be read by others');
});

test('the doctor finds keys that others can read, coldkeys, and asks a chain and a hub', async () => {
  const path = join(folder, 'open-wallets');
  const { hotkey, coldkey } = await writeDevWallet({ path, name: 'ann', coldkey: true });
  await chmod(join(path, 'ann', 'hotkeys', 'default'), 0o644);
  const hub = await LocalHub.open({ users: [{ name: 'ann', token: SECRET }] });
  const chain = await LocalChain.open({ subnets: [{ netuid: 7, neurons: [{ hotkey, coldkey }] }] });
  try {
    const args = ['doctor', '--json', '--online', '--subtensor.chain_endpoint', chain.url];
    const { stdout } = await cli(args, { HF_TOKEN: SECRET, HF_ENDPOINT: hub.url, BT_WALLET_PATH: path });
    const { checks } = JSON.parse(stdout) as MachineReport;
    const told = Object.fromEntries(checks.map(({ name, ok, told }) => [name, `${ok} ${told}`]));
    expect(told['wallet modes']).toMatch(
      /^false others can read ann\/hotkeys\/default: chmod 600; the coldkeys of ann/,
    );
    expect(told.chain).toMatch(/^true block \d+, \d+ s old/);
    expect(told.hub).toMatch(/^true the token is ann's, write, and may write to ann:/);
    expect(stdout).not.toContain(SECRET);
  } finally {
    await chain.close();
    await hub.close();
  }
}, 60_000);

test('the doctor shows no password of an address, and nothing that moves the cursor', async () => {
  const [hub, chain] = ['http://ann:passw3rd@127.0.0.1:9', 'wss://eve:passw7rd@127.0.0.1:9/\u001b[2J'];
  const checks = await checkMachine({
    ...{ diskFolder: folder, walletFolder: join(folder, 'absent'), dataDir: join(folder, 'absent\u001b[2J') },
    online: { endpoints: [chain], hubEndpoint: hub, hubToken: SECRET },
  });
  const told = checks.map((check) => check.told).join('\n');
  expect(told).toContain('HF_ENDPOINT has a user name or password in it');
  for (const text of ['passw3rd', 'passw7rd', '\u001b', SECRET]) expect(told).not.toContain(text);
}, 60_000);

test.skipIf(process.platform === 'win32')(
  'the doctor lists each GPU, and where key operations really ran',
  async () => {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    const tool = '#!/bin/sh\ncase "$1" in *compute_cap) exit 2;; esac\necho "NVIDIA Test, 8192 MiB, 450.80.02"\n';
    await writeFile(join(bin, 'nvidia-smi'), tool, { mode: 0o755 });
    const PATH = [bin, process.env.PATH].join(delimiter);
    const report = JSON.parse((await cli(['doctor', '--json'], { PATH })).stdout) as MachineReport;
    expect(report.cudaDevices).toEqual([
      { name: 'NVIDIA Test', memory: '8192 MiB', driver: '450.80.02', computeCapability: null },
    ]);
    expect(report.operationsProblem).toBeNull();
    // WebAssembly runs no graphs, and no GPU.
    const native = report.backends.find(({ info }) => info?.libraryVersion)?.info;
    expect(report.operations).toHaveLength(native ? 12 : 0);
    for (const { device } of report.operations) expect(device).toMatch(native?.cuda ? /^[CG]PU:0$/ : /^CPU:0$/);
    const { stdout } = await cli(['doctor'], { PATH });
    expect(stdout).toMatch(/^CUDA {7}NVIDIA Test, 8192 MiB, driver 450\.80\.02$/m);
    if (native) expect(stdout).toMatch(/^Operations MatMul +float32 [CG]PU:0, bfloat16 /m);
    if (!native?.cuda) expect(stdout).toMatch(/^ {11}not used: .*; run "npx flock-off tensorflow --gpu"$/m);
  },
);

test('the doctor says what is wrong with a token, and does not show it', async () => {
  const { stdout } = await cli(['doctor'], { HF_TOKEN: `${SECRET}\u200b`, BT_WALLET_PATH: join(folder, 'absent') });
  expect(stdout).toMatch(/^HF_TOKEN {3}HF_TOKEN holds an invisible character at position \d+,/m);
  expect(stdout).not.toContain(SECRET);
});

test('the doctor tells a person the same, and reads .env for the token', async () => {
  await writeFile(join(folder, '.env'), `HF_TOKEN=${SECRET}\n`);
  const { code, stdout } = await cli(['doctor'], { BT_WALLET_PATH: join(folder, 'absent') });
  expect(code).toBe(0);
  expect(stdout).not.toContain(SECRET);
  expect(stdout).toMatch(/^HF_TOKEN {3}present \(\.env\)$/m);
  expect(stdout).toMatch(/^Wallets {4}none: .*absent is not there$/m);
  expect(stdout).toMatch(/^ {11}\S?.*wasm: package 4\.22\.0$/m);
});

test('state export writes a ledger that another validator can begin with', async () => {
  const history = {
    ...{ genesisHash: '0x01', netuid: 7, competition: '1' },
    ...{ sinceBlock: 360, ledgerFrom: null, lastStartBlock: 720 },
  };
  const data = join(folder, 'validator');
  const state = await ValidatorState.open({ path: join(data, 'state') });
  const ledger = { put: [], removed: [] };
  await state.finishEpoch({ standings: {}, ledger, queue: new EvalQueue({ seed: 1 }).toJSON(), history });
  const { hotkey } = await writeDevWallet({ path: join(folder, 'export-wallets'), name: 'validator' });
  const wallet = ['--wallet.path', join(folder, 'export-wallets'), '--wallet.name', 'validator'];
  const running = await cli(['state', 'export', '--data_dir', data, ...wallet]);
  expect(running.code).toBe(1);
  expect(running.stderr).toMatch(/in use by another process\. Stop the validator until its ledger is written/);
  await state.close();
  const { code, stdout } = await cli(['state', 'export', '--data_dir', data, ...wallet]);
  expect(stdout).toContain(`the ledger of ${hotkey} for subnet 7 as of block 720`);
  expect(code).toBe(0);

  const fresh = await ValidatorState.open({ path: join(folder, 'fresh') });
  const path = join(data, 'ledger.flock-off');
  await importLedger({ state: fresh, path, from: hotkey, genesisHash: '0x01', netuid: 7, competition: '1' });
  expect(await fresh.history()).toEqual({ ...history, ledgerFrom: hotkey });
  await fresh.close();

  const none = await cli(['state', 'export', '--data_dir', join(folder, 'nowhere'), ...wallet]);
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('holds no state of a validator') });
  expect(await readdir(folder)).not.toContain('nowhere');
});
