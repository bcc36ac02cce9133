import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChainMetadataStore,
  type EpochReport,
  exportLedger,
  HubDatasetStore,
  readStatusFile,
  Subtensor,
  ValidatorState,
  WalletHotkey,
} from 'flock-off';
import { LOCAL_COMPETITION, LocalChain, LocalHub, TINY_BASE, writeDevWallet } from 'flock-off/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ruleOf } from '../evaluation-sets/locked-world.ts';
import { ROWS, runExample, startExample } from './run-example.ts';

// One validator and one miner with two rows, measured on one row: the shortest run that ends with weights.

const TOKEN = 'hf_qTz8vRw3KpLx';
let folder: string;
let hub: Awaited<ReturnType<typeof LocalHub.open>>;
let chain: LocalChain;
let hotkeys: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-validator-'));
  const path = join(folder, 'wallets');
  const validator = await writeDevWallet({ path, name: 'validator' });
  const miner = await writeDevWallet({ path, name: 'miner' });
  hotkeys = [validator.hotkey, miner.hotkey];
  hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }] });
  chain = await LocalChain.open({
    subnets: [
      {
        netuid: 96,
        tempo: 2_000,
        weightsRateLimit: 0,
        commitRevealEnabled: true,
        neurons: [{ ...validator, validatorPermit: true, stake: 1_000 }, miner],
      },
    ],
  });
  await writeFile(join(folder, 'data.jsonl'), `${ROWS[0]}\n`);
  await writeFile(join(folder, 'rows.jsonl'), `${ROWS.join('\n')}\n`);
  // Two rows, one of them the evaluation set: what they are worth is not looked at here.
  const rules = { ...LOCAL_COMPETITION, evaluationRows: 'allow', baseline: 'off' };
  await writeFile(join(folder, 'competition.json'), JSON.stringify(rules));

  const datasets = new HubDatasetStore({ endpoint: hub.url, token: TOKEN });
  const { commit } = await datasets.upload({ repo: 'ann/chats', path: join(folder, 'rows.jsonl') });
  const subtensor = await Subtensor.open({ endpoint: chain.url });
  await new ChainMetadataStore({ subtensor, netuid: 96 }).commit({
    repo: 'ann/chats',
    competition: '1',
    commit,
    hotkey: await WalletHotkey.open({ path, name: 'miner' }),
  });
  await subtensor.close();
});
afterAll(async () => {
  await chain.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

function startValidator(dataDir: string, ...more: string[]) {
  const flags = {
    '--wallet.path': join(folder, 'wallets'),
    '--wallet.name': 'validator',
    '--subtensor.chain_endpoint': chain.url,
    '--hf_endpoint': hub.url,
    '--netuid': '96',
    '--competition_file': join(folder, 'competition.json'),
    '--eval_data_dir': folder,
    '--base_model': TINY_BASE,
    '--block_threshold': '2001',
    '--data_dir': dataDir,
    '--cache_dir': join(folder, 'cache'),
    '--epochs': '1',
    '--hide_weights': 'hash',
  };
  return startExample('validator.ts', [...Object.entries(flags).flat(), ...more], { env: { HF_TOKEN: TOKEN } });
}

const runValidator = (dataDir: string, ...more: string[]) => startValidator(dataDir, ...more).ended;

function runMiner(...more: string[]) {
  const wallet = ['--wallet.path', join(folder, 'wallets'), '--wallet.name', 'miner'];
  const services = ['--subtensor.chain_endpoint', chain.url, '--hf_endpoint', hub.url, '--netuid', '96'];
  const args = [...wallet, ...services, '--data_dir', join(folder, 'mined'), ...more];
  return runExample('miner.ts', args, { HF_TOKEN: TOKEN });
}

/** Each request, job, wait and decision has a line with date and time and, where it takes time, with how long; no line has a secret. */
function expectFullLog(log: string): void {
  const lines = log.trimEnd().split('\n');
  expect(lines.filter((line) => !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S/.test(line))).toEqual([]);
  const took = '\\d+\\.\\d+ s';
  for (const words of [
    `connecting to ws://\\S+: ${took}`,
    `state_queryStorageAt at ws://\\S+: ${took}`,
    `reading the subnet as of block \\d+: ${took}`,
    `GET http://\\S+/ann/chats/resolve/[0-9a-f]{40}/data\\.jsonl: 200 in ${took}`,
    `downloading ann/chats at [0-9a-f]{40}: ${took}`,
    'the epoch of block \\d+ draws from 1 pointers of \\d+ neurons: 1 miners',
    `training process \\d+: load: ${took}`,
    'uid 1: step 1 of \\d+',
    `uid 1: training on 2 rows: ${took}`,
    `uid 1: evaluating on 1 rows: ${took}`,
    'uid 1: loss \\S+ nats per token',
    'weights in block \\d+: uid 1 ',
    `sending subtensorModule\\.\\w+: ${took}`,
    'subtensorModule\\.\\w+ is in block \\d+',
    `epoch 1: ${took}`,
  ])
    expect(log).toMatch(new RegExp(`Z ${words}`, 'm'));
  expect(log).not.toContain(TOKEN);
}

test('a dry run of validator and miner does all of it, and writes nothing to chain and hub', async () => {
  const dataDir = join(folder, 'tried');
  const written = () => [
    ...hotkeys.map((hotkey) => structuredClone(chain.storage('System.Account', hotkey))),
    ...hub.repository('ann/chats')!.refs,
  ];
  await writeFile(join(folder, 'other.jsonl'), `${ROWS.join('\n').replaceAll('Hello', 'Good day')}\n`);
  const before = written();
  const tried = await Promise.all([
    runValidator(dataDir, '--dry_run'),
    runMiner(
      ...['--dry_run', '--competition_file', join(folder, 'competition.json')],
      ...['--hf_repo_id', 'ann/chats', '--dataset_path', join(folder, 'other.jsonl')],
    ),
  ]);
  const [ofValidator, ofMiner] = tried;
  expect(tried.map(({ code }) => code)).toEqual([0, 0]);
  expect(ofMiner.stdout).toContain('dry run: all of this would work');
  expect(ofValidator.stderr).toMatch(/these weights are not sent: uid 1 1\.0000/);
  expect(ofValidator.stdout).toContain('dry run: these weights were not sent');
  const status = await readStatusFile({ path: join(`${dataDir}.dry-run`, 'status.json') });
  expect(status).toMatchObject({ lastWeights: null, totals: { epochs: 1, weights: 0, epochsWithoutWeights: 1 } });
  expect(await readdir(`${dataDir}.dry-run`)).not.toContain('reports');
  expect(existsSync(dataDir)).toBe(false);
  expect(written()).toEqual(before);
}, 60_000);

test('rules of a file whose blocks come more slowly than those of the chain are played by nobody', async () => {
  const policy = { name: 'daily-winner', parameters: { evaluationRows: 'leave-out', blockSeconds: 60 } };
  const rules = join(folder, 'slow.json');
  await writeFile(rules, JSON.stringify({ ...LOCAL_COMPETITION, policy, evaluationSets: ruleOf() }));
  const before = hub.faults.requests.length;
  const tried = await Promise.all([
    runValidator(join(folder, 'slow'), '--competition_file', rules),
    runMiner('--competition_file', rules, '--hf_repo_id', 'ann/slow', '--dataset_path', join(folder, 'rows.jsonl')),
  ]);
  for (const { code, stderr } of tried) {
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /slow\.json says that blocks are 60 s apart at the least \(blockSeconds\), and on this chain it is 0\.25 s: .*docs\/errors\.md#bad-competition\n$/,
    );
  }
  expect(hub.faults.requests.slice(before)).toEqual([]);
}, 60_000);

test('a run that ends before its weights can be revealed says in which blocks to come back', async () => {
  const dataDir = join(folder, 'first');
  const running = startValidator(dataDir, '--logging.trace', '--metrics_port', '0', '--dashboard_port', '0');
  await running.printed(/dashboard is at \S+/);
  const [, dashboard] = /dashboard is at (\S+)/.exec(running.output.stdout)!;
  expect(await (await fetch(dashboard!)).text()).toContain('No epoch has ended yet');
  const [, url] = /served at (\S+)/.exec(running.output.stdout)!;
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('flock_off_device_ready 0\n');
  const { code, stdout, stderr } = await running.ended;
  expect(code).toBe(0);
  expectFullLog(stderr);
  const status = await readStatusFile({ path: join(dataDir, 'status.json') });
  expect(status).toMatchObject({
    netuid: 96,
    endedMs: expect.any(Number),
    epoch: null,
    totals: { epochs: 1, weights: 1 },
  });
  expect(status!.device).toContain('matrices in');
  expect(status!.subnet?.neuron?.uid).toBe(0);
  const [name] = await readdir(join(dataDir, 'reports'));
  const { receipt } = JSON.parse(await readFile(join(dataDir, 'reports', name!), 'utf8')) as EpochReport;
  expect(receipt?.revealFromBlock).toBeGreaterThan(chain.currentBlock());
  const [, last] = /Z (.*)\n$/.exec(stdout)!;
  expect(last).toBe(
    `The last weights are committed, not revealed: start this validator again from block ${receipt!.revealFromBlock} on and before block ${receipt!.revealUntilBlock}, or they will never count.`,
  );
}, 60_000);

test('a new validator begins with the ledger of another one that it names, and with no other', async () => {
  const [old, dataDir] = [join(folder, 'first'), join(folder, 'newcomer')];
  const hotkey = await WalletHotkey.open({ path: join(folder, 'wallets'), name: 'validator' });
  const { address: stranger } = await WalletHotkey.open({ path: join(folder, 'wallets'), name: 'miner' });
  const state = await ValidatorState.open({ path: join(old, 'state') });
  const { header } = await exportLedger({ state, hotkey, path: join(old, 'ledger.flock-off') });
  await state.close();

  const refused = await runValidator(dataDir, '--ledger', old, '--ledger_from', stranger);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(`is that of ${hotkey.address}, not of ${stranger}`),
  ]);
  const lost = await runValidator(dataDir, '--ledger', `${old}/${'x'.repeat(300)}`, '--ledger_from', hotkey.address);
  expect([lost.code, lost.stderr]).toEqual([1, expect.stringContaining('cannot be read or written')]);

  const { code, stdout } = await runValidator(dataDir, '--ledger', old, '--ledger_from', hotkey.address);
  expect(code).toBe(0);
  expect(stdout).toContain(`begins with the ledger of ${hotkey.address} as of block ${header.block}`);
  const [name] = await readdir(join(dataDir, 'reports'));
  const { ledger } = JSON.parse(await readFile(join(dataDir, 'reports', name!), 'utf8')) as EpochReport;
  expect(ledger).toEqual({ sinceBlock: header.block, ledgerFrom: hotkey.address });
}, 180_000);

test('a report and metrics that cannot be stored are warned of in one line each, and the validator goes on', async () => {
  const dataDir = join(folder, 'second');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'reports'), 'a file where a folder should be');
  const { code, stdout, stderr } = await runValidator(dataDir, '--metrics_dir', join(dataDir, 'reports', 'metrics'));
  expect(code).toBe(0);
  expect(stdout).toContain('ann/chats');
  expect(stdout).toContain('The last weights are committed');
  expect(stderr.split('\n').filter((line) => / the report of /.test(line))).toEqual([
    expect.stringMatching(
      /^\S+ the report of block \d+ could not be stored: \S+second\/reports cannot be read or written \(E.* It is tried again; the validator goes on\.$/,
    ),
  ]);
  expect(stderr.split('\n').filter((line) => /metrics/.test(line))).toEqual([
    expect.stringMatching(/the metrics of training cannot be stored in \S+reports\/metrics\/uid-1-\w+\.jsonl \(E/),
  ]);
}, 60_000);
