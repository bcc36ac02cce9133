import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChainMetadataStore, Subtensor, WalletHotkey } from 'flock-off';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalSubnet } from '../../examples/local-subnet.ts';
import { runCommand } from '../../src/setup/run-command.ts';
import { type ExampleRun, ROWS, type RunningExample, runExample, startExample } from './run-example.ts';

// What an operator may have exported for the real subnet: none of it may matter here.
const EXPORTED = {
  BT_WALLET_NAME: 'nobody',
  BT_WALLET_HOTKEY: 'nothing',
  BT_WALLET_PATH: 'nowhere',
  BT_SUBTENSOR_NETWORK: 'test',
  BT_SUBTENSOR_CHAIN_ENDPOINT: 'ws://127.0.0.1:9',
  HF_ENDPOINT: 'http://127.0.0.1:9',
  HF_TOKEN: 'hf_of_the_real_hub',
};

const CLONE = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
let folder: string;
let temporary: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-subnet-'));
  temporary = await mkdtemp(join(tmpdir(), 'flock-off-subnet-'));
  await writeFile(join(folder, 'data.jsonl'), `${ROWS.join('\n')}\n`);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(temporary, { recursive: true, force: true });
});
const env = () => ({ ...EXPORTED, TMPDIR: temporary });
const localSubnets = async () => (await readdir(temporary)).filter((name) => name.startsWith('flock-off-'));
const MINER = ['--local', '--hf_repo_id', 'local/mine', '--dataset_path', 'data.jsonl'];

/** Cells of the report's rows, by dataset. */
function tableOf(stdout: string): Map<string, string[]> {
  const rows = stdout.split('\n').filter((line) => /^│ \d/.test(line));
  return new Map(
    rows
      .map((row) => row.split('│').map((cell) => cell.trim()))
      .map(([, uid, dataset, ...rest]) => [dataset!, [uid!, ...rest]]),
  );
}

test('examples/miner.ts --local publishes nothing where no subnet is served, and says how to start one', async () => {
  const { code, stdout, stderr } = await runExample('miner.ts', MINER, env(), folder);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^no local subnet is served on this machine, .*Start one .* `npm start -- --serve`.*\n$/);
  expect(await localSubnets()).toEqual([]);
});

test('the command of docs/miner.md runs it from another folder than the clone', async () => {
  const guide = await readFile(new URL('../../docs/miner.md', import.meta.url), 'utf8');
  const command = /`(npx --prefix \S+ tsx [^`]+)`/.exec(guide)![1]!.replaceAll('../flock-off', CLONE);
  const { code, stderr } = await runCommand({
    command: 'sh',
    args: ['-c', command],
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: temporary },
    timeoutMs: 60_000,
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^no local subnet is served on this machine, /);
}, 70_000);

describe('examples/subnet.ts --serve --commit_reveal, with the flags of another subnet exported', () => {
  let subnet: RunningExample;
  let served: ExampleRun;
  const announcement = async () => join(temporary, (await localSubnets())[0]!, 'served.json');
  beforeAll(async () => {
    subnet = startExample('subnet.ts', ['--serve', '--commit_reveal'], { env: env(), cwd: folder });
    await subnet.printed(/The subnet stays up until Ctrl-C/);
    served = subnet.output;
  }, 170_000);
  afterAll(async () => {
    subnet?.interrupt();
    await subnet?.ended;
  });

  test('the good dataset wins, noise comes last, copy, malformed and missing have weight 0', () => {
    const table = tableOf(served.stdout);
    expect([...table.keys()]).toEqual(
      ['good', 'mediocre', 'noise', 'copy', 'malformed', 'missing'].map((name) => `local/${name}`),
    );
    const cell = (name: string, column: number) => table.get(`local/${name}`)![column]!;
    const loss = (name: string) => Number(cell(name, 2));
    expect(loss('good')).toBeLessThan(0.9 * loss('mediocre'));
    expect(loss('mediocre')).toBeLessThan(0.9 * loss('noise'));
    // Noise is about as good as the base model: by the seed it beats it, or it is nobody's rival.
    expect([['1.00', '0.50', '-'].join(), ['1.00', '0.67', '0.33'].join()]).toContain(
      ['good', 'mediocre', 'noise'].map((name) => cell(name, 3)).join(),
    );
    expect(Number(cell('good', 4))).toBeGreaterThan(0.9);
    expect(cell('copy', 2)).toBe('duplicate');
    expect(cell('malformed', 2)).toBe('invalid-rows');
    expect(cell('missing', 2)).toBe('dataset-missing');
    expect(Number(cell('noise', 4))).toBeLessThan(0.001);
    for (const name of ['copy', 'malformed', 'missing']) expect(cell(name, 4)).toBe('0.0000');
    expect(cell('copy', 5)).toContain('shown earlier by uid 1');

    // Until the chain has opened them, there are none.
    expect(served.stdout).toContain('The weights are time-locked: the chain opens them in the next epoch.');
    const onChain = /read back from the chain: (.*)/.exec(served.stdout)![1]!;
    expect(onChain).toMatch(/^uid 1 0\.9[89]/);
    expect(onChain).not.toMatch(/uid [456]/);
  });

  test('a miner.ts --local in another process and folder finds it and commits there', async () => {
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    const miner = [...MINER.slice(0, -1), join(folder, 'data.jsonl')];
    const { code, stdout, stderr } = await runExample('miner.ts', miner, env(), elsewhere);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [time, sha] = ['\\d{4}-\\d\\d-\\d\\dT\\S+Z ', '([0-9a-f]{40})'];
    const pointer = new RegExp(
      `^${time}this is subnet \\d+ .*\\n${time}2 rows are valid \\(\\d+ bytes\\)\\n${time}local/mine will be made, private; .*\\n${time}uploaded to local/mine at ${sha}\\n${time}committed (local/mine:1:\\1) in block \\d+\\n${time}local/mine is public, in block \\d+\\n$`,
    ).exec(stdout)![2]!;

    const announced = JSON.parse(await readFile(await announcement(), 'utf8')) as LocalSubnet;
    const { address } = await WalletHotkey.open({ path: join(announced.folder, 'wallets'), name: 'miner' });
    const subtensor = await Subtensor.open({ endpoint: announced.chainUrl });
    const commitment = await new ChainMetadataStore({ subtensor, netuid: announced.netuid }).read({ hotkey: address });
    await subtensor.close();
    expect(commitment?.text).toBe(pointer);
    expect(await localSubnets()).toHaveLength(1);
  }, 90_000);

  test('a second one is refused with one sentence, and takes nothing from the first', async () => {
    const before = await readFile(await announcement(), 'utf8');
    const { code, stdout, stderr } = await runExample('subnet.ts', ['--serve'], env(), folder);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const { chainUrl, hubUrl } = JSON.parse(before) as LocalSubnet;
    expect(stderr).toBe(
      `a local subnet is served already, with its chain at ${chainUrl} and its hub at ${hubUrl}. Use that one, or end it with Ctrl-C in its terminal first. See flock-off/docs/errors.md#bad-argument\n`,
    );
    expect(await readFile(await announcement(), 'utf8')).toBe(before);
  }, 60_000);

  test('Ctrl-C ends it, and nothing of it is left', async () => {
    subnet.interrupt();
    const { code, stderr } = await subnet.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^(\S+ who showed which rows first is known from block \d+ on, .*\n)?$/);
    expect(await localSubnets()).toEqual([]);
  });
});

test('examples/validator.ts --local runs alone on a subnet of its own', async () => {
  const { code, stdout } = await runExample('validator.ts', ['--local', '--epochs', '1'], env(), folder);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\S+Z training on \S+ 4\./m);
  expect(tableOf(stdout).get('local/good')![3]).toBe('1.00');
  expect(await localSubnets()).toEqual([]);
}, 170_000);
