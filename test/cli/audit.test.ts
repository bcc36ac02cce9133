import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Receipt, WalletHotkey } from 'flock-off';
import { TINY_BASE } from 'flock-off/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../src/setup/run-command.ts';
import { canonicalJson } from '../../src/shared/canonical-json.ts';
import { seal } from '../../src/validator/receipts/seal.ts';
import { closeMachine, type Machine, openMachine } from '../validator/miners.ts';
import { type RealReceipts, realReceipts } from '../validator/receipts/real-receipts.ts';

// The command as a process, on reports of real epochs.

const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
let machine: Machine;
let real: RealReceipts;
let names: string[];
beforeAll(async () => {
  machine = await openMachine();
  real = await realReceipts({ machine, epochs: 2 });
  names = (await readdir(real.folder)).sort((a, b) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b)));
}, 240_000);
afterAll(async () => {
  await real?.miners.close();
  closeMachine(machine);
});

function audit(...args: string[]) {
  return runCommand({
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), CLI, 'audit', ...args],
    cwd: real.miners.folder,
    env: process.env,
    timeoutMs: 120_000,
  });
}

async function retrainFlags(): Promise<string[]> {
  const { folder, hub } = real.miners;
  await writeFile(join(folder, 'data.jsonl'), await readFile(join(folder, 'evaluation.jsonl')));
  return ['--retrain', '1', '--eval_data', '.', '--base_model', TINY_BASE, '--hf_endpoint', hub.url];
}

test('reports that are as they should be: exit code 0, and what was not asked is said', async () => {
  const { code, stdout, stderr } = await audit('reports', '--hotkey', real.signer);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toBe(
    '2 reports: signatures, chain, draws, verdicts, scores and weights are as they should be\n' +
      'nothing was compared with a chain: name one with --subtensor.network\n',
  );
}, 60_000);

test('beside the chain, and with one dataset trained again', async () => {
  const { chain } = real.miners;
  const { code, stdout } = await audit('reports', '--subtensor.chain_endpoint', chain.url, ...(await retrainFlags()));
  expect(stdout).toContain('the chain has the hashes that seeded the draws of 2 of 2 reports');
  expect(stdout).toMatch(/the weights of the report of block \d+ stand on the chain \(uid 4\)/);
  expect(stdout).toMatch(
    /has loss ([\d.]+) of uid 1, trained again it is \1 \(the same device class, so it must be equal to the last bit, and is\)/,
  );
  expect(code).toBe(0);
}, 120_000);

test("a policy file that exports a function is called with the competition's parameters; without it nothing is known", async () => {
  const { folder } = real.miners;
  const { seal: _, ...said } = JSON.parse(await readFile(join(real.folder, names[0]!), 'utf8')) as Receipt;
  said.policy.name = 'mine';
  const hotkey = await WalletHotkey.open({ path: folder, name: 'validator' });
  await writeFile(join(folder, 'own.json'), `${canonicalJson(await seal(said, hotkey))}\n`);
  await writeFile(
    join(folder, 'mine.mjs'),
    `import { winRatesPolicy } from '${new URL('../../src/policy/win-rates.ts', import.meta.url)}';
    export default (parameters) => {
      if (parameters.temperature !== 0.08) throw new Error('called without what the competition names');
      return { ...winRatesPolicy(parameters), name: 'mine', parameters };
    };`,
  );
  const good = await audit('own.json', '--policy', 'mine.mjs', ...(await retrainFlags()));
  expect(good.stdout).toContain('1 report: signatures, chain, draws');
  expect(good.stdout).toContain('of uid 1, trained again it is');
  expect(good.code).toBe(0);
  const without = await audit('own.json');
  expect([without.code, without.stdout]).toEqual([2, '']);
  expect(without.stderr).toContain('has the policy "mine", which this package does not have');
}, 120_000);

test('a changed digit ends with 1 and the place, a file that is none with its path, a wrong flag with 2', async () => {
  const text = await readFile(join(real.folder, names[1]!), 'utf8');
  const changed = text.replace(
    /"lossNatsPerToken":(\d)/,
    (_, digit) => `"lossNatsPerToken":${(Number(digit) + 1) % 10}`,
  );
  await writeFile(join(real.miners.folder, 'changed.json'), changed);
  const found = await audit('changed.json');
  expect(found.code).toBe(1);
  expect(found.stdout).toMatch(/^changed\.json: entries\[0\]\.outcome\.lossNatsPerToken is not what was signed\n/);
  expect(found.stdout).toContain('1 of 1 report is not as it should be');

  const missing = await audit('nowhere.json');
  expect([missing.code, missing.stdout]).toEqual([3, '']);
  expect(missing.stderr).toContain('nowhere.json cannot be read');
  const wrong = await audit('reports', '--retrain', 'x');
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--retrain needs the evaluation set')]);
  expect((await audit()).code).toBe(2);

  const { stdout } = await audit('changed.json', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    version: 1,
    good: false,
    chain: null,
    retrained: null,
    reports: [{ path: 'changed.json', findings: [{ place: 'entries[0].outcome.lossNatsPerToken' }] }],
  });
}, 120_000);
