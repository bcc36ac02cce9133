import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LOCAL_COMPETITION, sampleDatasets, TINY_BASE, TINY_EVAL_DATA } from 'flock-off/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PreviewOutput } from '../../src/cli/preview/preview-output.ts';
import { previewCommand } from '../../src/cli/preview.ts';
import { runCommand } from '../../src/setup/run-command.ts';
import { ruleOf } from '../evaluation-sets/locked-world.ts';
import { closeMachine, type Machine, NETUID, openMachine } from '../validator/miners.ts';
import { type RealReceipts, realReceipts, rowsOn } from '../validator/receipts/real-receipts.ts';
import { inProcess } from './in-process.ts';

const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
let machine: Machine;
let real: RealReceipts;
let rules: string[];

beforeAll(async () => {
  machine = await openMachine();
  real = await realReceipts({ machine, epochs: 1 });
  const { folder } = real.miners;
  await writeFile(join(folder, 'rules.json'), JSON.stringify({ ...LOCAL_COMPETITION, minOwnRows: 4 }));
  await writeFile(join(folder, 'good.jsonl'), sampleDatasets({ seed: 3 }).good);
  await writeFile(join(folder, 'noise.jsonl'), sampleDatasets({ seed: 3 }).noise);
  await writeFile(
    join(folder, 'copy.jsonl'),
    rowsOn('cat')
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(''),
  );
  rules = ['--netuid', `${NETUID}`, '--competition_file', 'rules.json', '--eval_data', TINY_EVAL_DATA];
}, 240_000);
afterAll(async () => {
  await real?.miners.close();
  closeMachine(machine);
});

const services = () => {
  const { chain, hub } = real.miners;
  return { BT_SUBTENSOR_CHAIN_ENDPOINT: chain.url, HF_ENDPOINT: hub.url, HF_TOKEN: '' };
};

function preview(...args: string[]) {
  return inProcess(previewCommand(), args, { cwd: real.miners.folder, env: services() });
}

/** As a user runs it: training is in a process of its own, which it starts. */
function previewAlone(...args: string[]) {
  const { miners } = real;
  return runCommand({
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), CLI, 'preview', ...args],
    cwd: miners.folder,
    env: { ...process.env, ...services() },
    timeoutMs: 120_000,
  });
}

async function outputOf(...args: string[]): Promise<PreviewOutput & { code: unknown }> {
  return jsonIn(await preview(...args, '--json'));
}

function jsonIn({ code, stdout, stderr }: { code: unknown; stdout: string; stderr: string }) {
  expect(stderr).toBe('');
  return { ...(JSON.parse(stdout) as PreviewOutput), code };
}

test('a page of what a validator would say, with no wallet and nothing sent', async () => {
  const before = real.miners.hub.faults.requests.length;
  const hotkey = await real.miners.address('dan');
  const { code, stdout, stderr } = await preview('good.jsonl', ...rules, '--hotkey', hotkey, '--hf_repo_id', 'u/dan');
  expect([code, stderr]).toEqual([0, '']);
  const text = stdout.replace(/\n +/g, ' ');
  expect(text).toContain('this is subnet 7 (without a name');
  expect(text).toMatch(/Verdict {4}good a validator that sees it now would train on it/);
  expect(text).toMatch(/Yours {6}91 of 96 rows would be trained on/);
  expect(text).toMatch(/Compared {3}with 20 rows of 3 datasets that others show as of block \d+, and with the 60 of/);
  expect(text).toMatch(/Left out {3}1 row of the evaluation set, 4 rows that an earlier line says already line 88/);
  expect(text).toMatch(/Loss {7}not measured; --train trains on this machine/);
  expect(text).toMatch(
    /Commit {5}no fee, 100 of the 3,100 bytes of an epoch; the chain takes it in block \d+, in 1 block/,
  );
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  const requests = real.miners.hub.faults.requests.slice(before);
  expect(requests.filter((request) => !/^(GET|HEAD) |paths-info/.test(request))).toEqual([]);
}, 120_000);

test('where sets are time-locked, rows of the set to try things on are told and not left out', async () => {
  const locked = { ...LOCAL_COMPETITION, minOwnRows: 4, evaluationSets: ruleOf() };
  await writeFile(join(real.miners.folder, 'locked.json'), JSON.stringify(locked));
  const flags = ['--netuid', `${NETUID}`, '--competition_file', 'locked.json', '--eval_data', TINY_EVAL_DATA];
  const { code, check, rows } = await outputOf('good.jsonl', ...flags);
  expect([code, check.evaluation?.rows]).toEqual([0, 1]);
  expect(rows).toMatchObject({ rowsTrainedOn: 92, leftOut: { evaluation: 0, repeats: 4 }, verdict: null });
}, 120_000);

test('rules of a file whose blocks come more slowly than those of the chain are no rules', async () => {
  const policy = { name: 'daily-winner', parameters: { evaluationRows: 'leave-out', blockSeconds: 60 } };
  const slow = { ...LOCAL_COMPETITION, policy, evaluationSets: ruleOf() };
  await writeFile(join(real.miners.folder, 'slow.json'), JSON.stringify(slow));
  const { code, stdout, stderr } = await preview(
    'good.jsonl',
    '--netuid',
    `${NETUID}`,
    '--competition_file',
    'slow.json',
  );
  expect([code, stdout]).toEqual([3, '']);
  expect(stderr).toMatch(
    /^the competition slow\.json says that blocks are 60 s apart at the least .* on this chain it is/,
  );
}, 120_000);

test('a copy is refused with exit code 1, and is its own for the hotkey that has shown it, named by its wallet', async () => {
  const copy = await outputOf('copy.jsonl', ...rules, '--train');
  expect(copy).toMatchObject({ version: 1, code: 1, good: false, commit: null, trained: null });
  expect(copy.rows.verdict?.reason).toBe('duplicate');
  const wallet = ['--wallet.path', '.', '--wallet.name', 'ann', '--wallet.hotkey', 'default'];
  const own = await outputOf('copy.jsonl', ...rules, ...wallet);
  expect(own).toMatchObject({ code: 0, good: true, rows: { verdict: null, uid: 0, rowsTrainedOn: 6 } });
  expect(own.commit).toMatchObject({ hotkey: await real.miners.address('ann'), registered: true, feeTao: 0 });
}, 120_000);

test('with --train losses under three seeds, with --rows what each row does', async () => {
  const noise = await readFile(join(real.miners.folder, 'noise.jsonl'), 'utf8');
  const good = await readFile(join(real.miners.folder, 'good.jsonl'), 'utf8');
  const mixed = [...good.split('\n').slice(0, 48), ...noise.split('\n').slice(0, 8)].join('\n');
  await writeFile(join(real.miners.folder, 'mixed.jsonl'), `${mixed}\n`);
  const flags = [...rules, '--rows', '--base_model', TINY_BASE, '--reports', '.', '--json'];
  const { trained, code } = jsonIn(await previewAlone('mixed.jsonl', ...flags));
  expect(code).toBe(0);
  expect(trained!.losses.map(({ seed }) => seed)).toEqual([1, 2, 3]);
  expect(trained!.mean!).toBeLessThan(trained!.baseline / 2);
  expect(trained).toMatchObject({ sample: null, evaluated: { rows: 60, ofRows: 60 }, verdict: null });
  expect(trained!.worth).not.toBeNull();
  // Those reports measured on other rows, with another recipe.
  expect(trained!.place).toBeNull();
  expect(trained!.rowValues).toHaveLength(54);
  expect(trained!.rowValues!.slice(0, 8).filter(({ line }) => line > 48).length).toBeGreaterThanOrEqual(6);
}, 240_000);

test.each([
  [['good.jsonl'], 2, /--netuid is missing/],
  [['good.jsonl', '--netuid', '7', '--train'], 2, /this takes the evaluation set of the competition/],
  [['good.jsonl', '--netuid', '7', '--hotkey', '5Nobody'], 2, /--hotkey is no ss58 address/],
  [['good.jsonl', '--netuid', '7', '--competition', 'main'], 2, /org\/name@/],
  [['good.jsonl', '--netuid', '7', '--minutes', '0'], 2, /number of minutes/],
  [['missing.jsonl', '--netuid', '7'], 3, /missing\.jsonl/],
  [['good.jsonl', '--netuid', '99'], 2, /subnet 99/],
])(
  '%j ends with code %i and one sentence',
  async (args, expected, sentence) => {
    const { code, stderr, stdout } = await preview(...args);
    expect([code, stdout]).toEqual([expected, '']);
    expect(stderr).toMatch(sentence);
  },
  60_000,
);
