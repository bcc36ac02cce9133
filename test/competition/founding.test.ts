import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import {
  LOCAL_COMPETITION,
  LocalChain,
  LocalHub,
  sampleDatasets,
  TINY_BASE,
  TINY_EVAL_DATA,
  writeDevWallet,
} from 'flock-off/local';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCompetitions } from '../../examples/open-competitions.ts';
import { commonOptions } from '../../examples/options.ts';
import { readRules } from '../../examples/rules.ts';
import { validatorCommand } from '../../examples/validator-command.ts';
import { openColdkey } from '../../src/chain/wallet/coldkey.ts';
import { auditCommand } from '../../src/cli/audit.ts';
import type { CompetitionCheckOutput } from '../../src/cli/competition/run-check.ts';
import { competitionCommand } from '../../src/cli/competition.ts';
import { explainCommand } from '../../src/cli/explain.ts';
import { previewCommand } from '../../src/cli/preview.ts';
import { replayCommand } from '../../src/cli/replay.ts';
import { runCommand } from '../../src/setup/run-command.ts';
import { inProcess } from '../cli/in-process.ts';
import { runExample } from '../examples/run-example.ts';

// The commands of docs/founding.md, in their order, on a chain and a hub of this machine.

const NETUID = 7;
const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
let folder: string;
let hub: Awaited<ReturnType<typeof LocalHub.open>>;
let chain: LocalChain;
let guide: string;
let env: Record<string, string>;
let reference: string;

beforeAll(async () => {
  guide = await readFile(new URL('../../docs/founding.md', import.meta.url), 'utf8');
  folder = await mkdtemp(join(tmpdir(), 'flock-off-guide-'));
  const path = join(folder, 'wallets');
  const owner = await writeDevWallet({ path, name: 'owner', coldkey: true });
  const validator = await writeDevWallet({ path, name: 'validator', coldkey: true });
  const miner = await writeDevWallet({ path, name: 'miner' });
  const other = await writeDevWallet({ path, name: 'other-miner' });
  const users = ['org', 'you'].map((name) => ({ name, token: `hf_${name}` }));
  hub = await LocalHub.open({ users, models: [{ id: 'Qwen/Qwen2.5-1.5B-Instruct', folder: TINY_BASE }] });
  const neurons = [{ ...validator, validatorPermit: true, stake: 1_000 }, miner, other];
  const subnet = { netuid: NETUID, tempo: 60, weightsRateLimit: 20, commitRevealEnabled: false };
  const subnets = [{ ...subnet, owner: owner.coldkey, registrationBlock: 0, neurons }];
  chain = await LocalChain.open({ blockTimeMs: 100, subnets });
  env = {
    BT_SUBTENSOR_CHAIN_ENDPOINT: chain.url,
    BT_WALLET_PATH: path,
    HF_ENDPOINT: hub.url,
    HF_HOME: join(folder, 'hf'),
  };
  await mkdir(join(folder, 'chats'));
  const evaluation = await readFile(join(TINY_EVAL_DATA, 'data.jsonl'), 'utf8');
  await writeFile(join(folder, 'chats', 'data.jsonl'), evaluation);
  await writeFile(join(folder, 'public-chats.jsonl'), evaluation.split('\n').slice(0, 3).join('\n'));
  await writeFile(join(folder, 'data.jsonl'), sampleDatasets({ seed: 1 }).good);
  const { id: _, ...rules } = LOCAL_COMPETITION;
  await writeFile(join(folder, 'rules.json'), JSON.stringify(rules));
});
afterAll(async () => {
  await chain.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

/** The flags of a command of the guide, with what stands for the reader's own in it. */
function documented(start: string): string[] {
  const block = [...guide.matchAll(/```\n(.+?)```/gs)].map(([, text]) => text!.replaceAll('\\\n', ' '));
  const line = block.flatMap((text) => text.split('\n')).find((text) => text.startsWith(start));
  return line!.slice(start.length).trim().split(/\s+/);
}

/** `flock-off competition`, here. */
function cli(args: string[], more: Record<string, string> = {}) {
  return inProcess(competitionCommand(), args, { cwd: folder, env: { ...env, HF_TOKEN: 'hf_org', ...more } });
}

/** The same as a founder runs it. */
function alone(args: string[], more: Record<string, string> = {}) {
  return runCommand({
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), CLI, 'competition', ...args],
    cwd: folder,
    env: { ...process.env, ...env, HF_TOKEN: 'hf_org', ...more },
    timeoutMs: 120_000,
  });
}
const as = (flags: string[], from: string, to: string) => flags.map((flag) => (flag === from ? to : flag));

describe('the guide to founding a competition', () => {
  test('init makes a draft', async () => {
    const flags = as(documented('npx flock-off competition init'), 'N', String(NETUID));
    const { code, stdout, stderr } = await alone(['init', ...flags, '--competition_file', 'rules.json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/the draft of a competition on subnet 7 .*: chats\/competition\.json/);
    expect(JSON.parse(await readFile(join(folder, 'chats', 'competition.json'), 'utf8'))).toMatchObject({
      name: 'chats',
      subnet: { netuid: NETUID, genesisHash: expect.stringMatching(/^0x/) },
      rules: { blocksPerEpoch: 12, maxRows: 20_000, recipe: { rank: 16, learningRate: 5e-3 } },
      baseModel: { model: 'Qwen/Qwen2.5-1.5B-Instruct', commit: expect.stringMatching(/^[0-9a-f]{40}$/) },
      evaluation: { rows: 60 },
    });
  }, 240_000);

  test('check advises on the evaluation set, with the losses of the base model, and asks nobody', async () => {
    const flags = documented('npx flock-off competition check');
    const nobody = { BT_SUBTENSOR_CHAIN_ENDPOINT: 'ws://127.0.0.1:1', HF_ENDPOINT: 'http://127.0.0.1:1', HF_TOKEN: '' };
    const { code, stdout, stderr } = await alone(['check', ...flags, '--json'], nobody);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { evaluation, remarks } = JSON.parse(stdout) as CompetitionCheckOutput;
    expect(remarks).toEqual([]);
    expect(evaluation.known).toEqual([{ file: 'public-chats.jsonl', rows: 4, examples: expect.anything() }]);
    expect(evaluation.known[0]!.examples.map(({ line }) => line)).toEqual([1, 2, 3, 30]);
    const { least, median, mean, most, unlabelled } = evaluation.losses!;
    expect([least, median, most]).toEqual([least, median, most].toSorted((a, b) => a - b));
    // Line 30 says what one of the first three does. The mean is what examples/validator.ts tells of the base model alone.
    expect([mean.toFixed(4), unlabelled]).toEqual(['5.8758', 0]);
    expect(evaluation.advice).toContainEqual(
      expect.stringMatching(/^4 rows of public-chats\.jsonl, which miners may have/),
    );
    const text = (await cli(['check', ...flags, '--no_losses'], nobody)).stdout;
    expect(text).toMatch(/^Known {6}4 rows of public-chats\.jsonl: line 1, 2, 3, 30$/m);
    expect(text).not.toMatch(/^Losses/m);
    expect(text).toMatch(/^Advice {5}losses were not measured \(--no_losses\)/m);
    expect(text).not.toContain('not on this machine');
    expect(text.split('\n').filter((line) => line.length > 80 && /\s\S+\s/.test(line.slice(11)))).toEqual([]);
  }, 240_000);

  test('a draft with a misspelt name is refused with the nearest', async () => {
    const file = join(folder, 'chats', 'competition.json');
    const draft = await readFile(file, 'utf8');
    await writeFile(file, draft.replace('"maxRows"', '"maxRow"'));
    const { code, stdout, stderr } = await cli(['publish', 'chats', '--repo', 'org/chats']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^the draft chats\/competition\.json does not hold a competition: rules: Unrecognized key: "maxRow" \(is "maxRows" meant\?\)/,
    );
    const texts = { about: 'Chats about\nnumbers. \u001b[2J', terms: 'MIT', contact: 'org@example.test' };
    await writeFile(file, JSON.stringify({ ...JSON.parse(draft), texts }));
  }, 240_000);

  test('publish is for the owner alone, and prints what to name', async () => {
    const flags = documented('npx flock-off competition publish');
    const refused = await cli(['publish', ...as(flags, 'owner', 'validator')]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/the owner of subnet 7 is 5\w+\. Sign with the owner's coldkey/),
    ]);
    const withoutToken = await cli(['publish', ...flags], { HF_TOKEN: '' });
    expect([withoutToken.code, withoutToken.stderr]).toEqual([1, expect.stringMatching(/#token-missing$/m)]);
    const { code, stdout, stderr } = await cli(['publish', ...flags]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    reference = /--competition (org\/chats@[0-9a-f]{40})\n$/.exec(stdout)![1]!;
    // What a founder writes moves no cursor.
    expect(stdout).toContain('  about: Chats about\n    numbers. \ufffd[2J\n');
  }, 240_000);

  test('the owner may sign elsewhere', async () => {
    expect(documented('npx flock-off competition publish chats --repo org/chats --to_sign')).toEqual(['']);
    expect(documented('npx flock-off competition publish chats --repo org/chats --signature')).toEqual(['<hex>']);
    const started = ['publish', 'chats', '--repo', 'org/elsewhere'];
    const { stdout } = await cli([...started, '--to_sign']);
    const text = /^flock-off competition sha256:[0-9a-f]{64}$/m.exec(stdout)![0];
    const owner = await openColdkey({ path: join(folder, 'wallets'), name: 'owner' });
    // As btcli does: the bytes as they are.
    const hex = Buffer.from(await owner.sign({ payload: Buffer.from(text) })).toString('hex');
    const published = await cli([...started, '--signature', `0x${hex}`]);
    expect([published.code, published.stderr]).toEqual([0, '']);
    expect(published.stdout).toMatch(/--competition org\/elsewhere@[0-9a-f]{40}\n$/);
    expect(await readdir(join(folder, 'chats'))).toEqual(['competition.json', 'data.jsonl']);
  }, 240_000);

  test('anybody looks at what was published, without a token', async () => {
    const shown = await cli(['check', reference], { HF_TOKEN: '' });
    expect([shown.code, shown.stderr]).toEqual([0, '']);
    expect(shown.stdout).toMatch(/signature, owner, subnet and evaluation set are as they should be\n$/);
  }, 240_000);

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'what waits for a silent hub ends by %s with %i',
    async (signal, code) => {
      const silent = createServer();
      await once(silent.listen(0, '127.0.0.1'), 'listening');
      try {
        const { port } = silent.address() as AddressInfo;
        const args = ['--import', import.meta.resolve('tsx'), CLI, 'competition', 'check', reference];
        const running = spawn(process.execPath, args, {
          cwd: folder,
          env: { ...process.env, ...env, HF_ENDPOINT: `http://127.0.0.1:${port}` },
        });
        const ended = once(running, 'exit');
        const [socket] = (await once(silent, 'connection')) as [Socket];
        running.kill(signal);
        expect(await ended).toEqual([code, null]);
        socket.destroy();
      } finally {
        silent.close();
      }
    },
    60_000,
  );

  test('a miner and a validator need its name and a wallet', async () => {
    const mine = as(as(documented('npx tsx examples/miner.ts'), 'org/chats@<sha>', reference), 'my-wallet', 'miner');
    const miner = await runExample('miner.ts', mine, { ...env, HF_TOKEN: 'hf_you' }, folder);
    expect([miner.code, miner.stderr]).toEqual([0, '']);
    const id = (
      JSON.parse(hub.repository('org/chats')!.head.files.get('competition.json')!.content.toString()) as { id: string }
    ).id;
    expect(miner.stdout).toMatch(new RegExp(`committed you/my-dataset:${id}:[0-9a-f]{40} in block`));
    expect(miner.stdout).toContain(`the competition "chats", ${reference}`);

    const yours = as(
      as(documented('npx tsx examples/validator.ts'), 'org/chats@<sha>', reference),
      'my-wallet',
      'validator',
    );
    // Only to be done sooner.
    const soon = ['--epochs', '1', '--block_threshold', '60'];
    const validator = await runExample('validator.ts', [...yours, ...soon], env, folder);
    expect(validator.code).toBe(0);
    expect(validator.stdout).toContain(`the competition "chats", ${reference}`);
    expect(validator.stdout).toMatch(/the base model alone has loss 5\.8758/);
    expect(chain.weights({ netuid: NETUID, uid: 0 })).toEqual([{ uid: 1, value: 65_535 }]);
  }, 240_000);

  test('a validator plays two with shares of the weights, and anybody can see that it did', async () => {
    const draft = JSON.parse(await readFile(join(folder, 'chats', 'competition.json'), 'utf8')) as object;
    await mkdir(join(folder, 'code'));
    await copyFile(join(folder, 'chats', 'data.jsonl'), join(folder, 'code', 'data.jsonl'));
    await writeFile(join(folder, 'code', 'competition.json'), JSON.stringify({ ...draft, name: 'code' }));
    const published = await cli(['publish', 'code', '--repo', 'org/code', '--wallet.name', 'owner']);
    const second = /--competition (org\/code@[0-9a-f]{40})\n$/.exec(published.stdout)![1]!;
    const mine = ['--wallet.name', 'other-miner', '--hf_repo_id', 'you/my-code', '--dataset_path', 'data.jsonl'];
    const miner = await runExample(
      'miner.ts',
      [...mine, '--competition', second],
      { ...env, HF_TOKEN: 'hf_you' },
      folder,
    );
    expect([miner.code, miner.stderr]).toEqual([0, '']);

    const flags = ['--wallet.name', 'validator', '--epochs', '1', '--block_threshold', '60', '--data_dir', 'both'];
    const shares = (one: string, other: string) => [
      '--competition',
      `${reference}=${one}`,
      `--competition=${second}=${other}`,
    ];
    const validator = await runExample('validator.ts', [...flags, ...shares('0.75', '0.25')], env, folder);
    expect([validator.code, validator.stderr]).toEqual([
      0,
      expect.stringMatching(/with 75 %: .* with 25 %: weights of/),
    ]);
    expect(validator.stdout).toContain(`the competition "chats", ${reference}`);
    expect(validator.stdout).toContain(`the competition "code", ${second}`);
    expect(validator.stdout).toMatch(/competition \S+ has 25 % of the weights/);
    expect(chain.weights({ netuid: NETUID, uid: 0 })).toEqual([
      { uid: 1, value: 65_535 },
      { uid: 2, value: 21_845 },
    ]);
    const here = (command: Command, ...args: string[]) => inProcess(command, args, { cwd: folder, env });
    const audit = await here(auditCommand(), 'both', '--subtensor.chain_endpoint', chain.url);
    expect([audit.code, audit.stderr]).toEqual([0, '']);
    expect(audit.stdout).toMatch(/2 reports: signatures, .* are as they should be/);
    const explained = await here(explainCommand(), '2', '--data_dir', 'both');
    expect(explained.stdout).toMatch(/^Weight {5}1\.0000/m);
    expect(explained.stdout.replace(/\n +/g, ' ')).toMatch(
      /^Of all {5}0\.2500: competition \S+ has 25 % of the weights/m,
    );
    const replayed = await here(replayCommand(), 'both');
    expect([replayed.code, replayed.stderr]).toEqual([0, '']);
    expect(replayed.stdout.match(/^competition \S+ on subnet 7|: 0\.00 % of the weight moves$/gm)).toEqual(
      [reference, second].flatMap(() => [
        expect.stringMatching(/^competition/),
        expect.stringContaining('0.00 % of the weight'),
      ]),
    );
  }, 240_000);

  test('whoever names it is told beforehand what a validator would say of a file', async () => {
    const args = ['data.jsonl', '--competition', reference];
    const wallet = ['--wallet.name', 'miner', '--wallet.hotkey', 'default'];
    const run = (more: string[]) => inProcess(previewCommand(), [...args, ...more], { cwd: folder, env });
    const own = await run(wallet);
    expect([own.code, own.stderr]).toEqual([0, '']);
    expect(own.stdout).toContain('the competition "chats"');
    const others = await run(['--json']);
    expect(others.code).toBe(1);
    expect(JSON.parse(others.stdout)).toMatchObject({
      ...{ version: 1, competition: reference, good: false },
      rows: { verdict: { reason: 'duplicate' }, rows: 96, rowsTrainedOn: 0 },
    });
  }, 240_000);

  test.each([
    [['--netuid', '8'], /--netuid 8 contradicts --competition: it is played on subnet 7\. Leave --netuid 8 out/],
    [['--competition_file', 'rules.json'], /--competition_file contradicts --competition: it has rules/],
    [['--eval_data_dir', 'chats'], /--eval_data_dir contradicts --competition/],
  ])('flags that contradict it are refused: %j', async (flags, sentence) => {
    const args = ['--competition', reference, '--hf_endpoint', hub.url, ...flags];
    const command = validatorCommand().parse(args, { from: 'user' });
    await expect(readRules(command, commonOptions(command), undefined, reference)).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringMatching(sentence),
    });
  });

  test.each([
    [[`=0.75`, `=1.1`], [], /names no share from 0 to 1/],
    [['', ''], [], /names no share from 0 to 1/],
    [['=0.5', '=0.5@from=soon'], [], /names no share from 0 to 1/],
    [['=0.5', '=0.5'], [], /has two shares from block 0 on/],
    [['=0.5', '=0.5'], ['--policy', 'mine.mjs'], /--policy is for one competition/],
    [[''], ['--rest_uid', '1'], /--rest_uid is for competitions with shares/],
  ])('shares %j with %j are refused', async (shares, flags, sentence) => {
    const named = shares.flatMap((share) => ['--competition', `${reference}${share}`]);
    const command = validatorCommand().parse([...named, '--hf_endpoint', hub.url, ...flags], { from: 'user' });
    await expect(readCompetitions(command, commonOptions(command))).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringMatching(sentence),
    });
  });

  test('the same competition named twice has one share after the other', async () => {
    const named = ['=0.5', '=0.2@from=4000000'].flatMap((share) => ['--competition', `${reference}${share}`]);
    const command = validatorCommand().parse([...named, '--hf_endpoint', hub.url], { from: 'user' });
    const [only, ...others] = await readCompetitions(command, commonOptions(command));
    expect(others).toEqual([]);
    expect(only!.shares).toEqual([
      { fromBlock: 0, share: 0.5 },
      { fromBlock: 4_000_000, share: 0.2 },
    ]);
  });

  test('a validator with another base model in its folder is refused', async () => {
    const other = join(folder, 'other-base');
    await mkdir(other);
    for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'])
      await copyFile(join(TINY_BASE, name), join(other, name));
    const config = JSON.parse(await readFile(join(TINY_BASE, 'config.json'), 'utf8')) as { rms_norm_eps: number };
    await writeFile(join(other, 'config.json'), JSON.stringify({ ...config, rms_norm_eps: 1e-5 }));
    const args = ['--wallet.name', 'validator', '--competition', reference, '--epochs', '1', '--base_model', other];
    const { code, stderr } = await runExample('validator.ts', args, env, folder);
    expect([code, stderr.trimEnd().split('\n').at(-1)]).toEqual([
      1,
      expect.stringMatching(/is played with the base model [0-9a-f]{64} .* and the one read is [0-9a-f]{64}/),
    ]);
  }, 240_000);
});
