import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Competition, readCompetitionFile } from 'flock-off';
import { LOCAL_COMPETITION } from 'flock-off/local';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { expandFlags } from '../../examples/flags.ts';
import { commonOptions, readBeacon, requireNetuid, subnetCommand } from '../../examples/options.ts';
import { maskSecrets } from '../../examples/secrets.ts';
import { runExample } from './run-example.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-options-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('--competition_file', () => {
  const file = async (text: string) => {
    const path = join(folder, 'competition.json');
    await writeFile(path, text);
    return path;
  };

  test('changes the rules it names and leaves the others', async () => {
    expect(await readCompetitionFile({ path: await file(JSON.stringify(LOCAL_COMPETITION)) })).toEqual(
      Competition.parse(LOCAL_COMPETITION),
    );
    expect(await readCompetitionFile()).toEqual(Competition.parse({}));
  });

  test.each([
    [
      'no JSON',
      '{"id": "1",',
      /^the competition file \S+competition\.json is not JSON \(.*\)\. Check --competition_file\. See flock-off\/docs\/errors\.md#bad-argument$/,
    ],
    ['no object', '[]', /does not hold the rules of a competition: .*expected object/],
    ['a value of the wrong type', '{"recipe": {"rank": "8"}}', /rules of a competition: recipe\.rank: .*expected/],
    ['an impossible value', '{"maxRows": 0, "id": "1"}', /rules of a competition: maxRows: Too small/],
    ['a folder', null, /competition file \S+ cannot be read \(EISDIR\)/],
    ['a misspelt name', '{"maxRow": 5}', /Unrecognized key: "maxRow" \(is "maxRows" meant\?\)/],
    [
      'a misspelt name in the recipe',
      '{"recipe": {"rnak": 8}}',
      /recipe: Unrecognized key: "rnak" \(is "rank" meant\?\)/,
    ],
    ['a name of another place', '{"rank": 8}', /Unrecognized key: "rank" \(is "recipe\.rank" meant\?\)/],
    ['a name as Python has it', '{"max_rows": 8}', /Unrecognized key: "max_rows" \(is "maxRows" meant\?\)/],
    [
      'a misspelt parameter of a policy',
      '{"policy": {"name": "win-rates", "parameters": {"temprature": 1}}}',
      /policy\.parameters: Unrecognized key: "temprature" \(is "temperature" meant\?\)/,
    ],
    ['a name like none', '{"colour": 1}', /Unrecognized key: "colour"\. Check/],
    ['a file without an end', 'x'.repeat(5_000_000), /competition\.json has more than 4194304 bytes, which none has/],
  ])('%s is refused in one sentence', async (_what, text, sentence) => {
    const refusal = await readCompetitionFile({
      path: text === null ? folder : await file(text),
    }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'bad-argument', message: expect.stringMatching(sentence) });
    expect((refusal as Error).message).not.toContain('\n');
  });

  test('that does not exist is refused in one sentence', async () => {
    const upload = ['--hf_repo_id', 'ann/chats', '--dataset_path', 'data.jsonl'];
    const args = [...upload, '--netuid', '7', '--competition_file', 'none.json'];
    const { code, stdout, stderr } = await runExample('miner.ts', args);
    const sentence =
      'the competition file none.json does not exist. Check --competition_file. See flock-off/docs/errors.md#bad-argument\n';
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: sentence });
  });
});

test('--beacon_file holds a beacon, or is refused in one sentence', async () => {
  const path = join(folder, 'beacon.json');
  const write = (beacon: object) => writeFile(path, JSON.stringify(beacon));
  const times = { genesisSeconds: 1_692_803_367, periodSeconds: 3 };
  await write({ publicKey: '0a'.repeat(96), ...times });
  expect(await readBeacon(path)).toEqual({ publicKey: new Uint8Array(96).fill(10), ...times });
  await write({ publicKey: '0a', ...times });
  await expect(readBeacon(path)).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringMatching(
      /^the beacon file \S+ does not hold a drand beacon: publicKey: expected 96 bytes as hex\. Check --beacon_file\. See flock-off\/docs\/errors\.md#bad-argument$/,
    ),
  });
});

test('HF_TOKEN is read from .env in the working folder, unless it is exported', async () => {
  await writeFile(join(folder, '.env'), 'HF_TOKEN=hf_from_the_file\n');
  const home = process.cwd();
  process.chdir(folder);
  try {
    vi.stubEnv('HF_TOKEN', undefined);
    expect(commonOptions(subnetCommand('any', '').parse([], { from: 'user' })).hubToken).toBe('hf_from_the_file');
    vi.stubEnv('HF_TOKEN', 'hf_exported');
    expect(commonOptions(subnetCommand('any', '').parse([], { from: 'user' })).hubToken).toBe('hf_exported');
    vi.stubEnv('HF_TOKEN', ' hf_exported\r\n');
    expect(commonOptions(subnetCommand('any', '').parse([], { from: 'user' })).hubToken).toBe('hf_exported');
    vi.stubEnv('HF_TOKEN', '"hf_exported"');
    expect(() => commonOptions(subnetCommand('any', '').parse([], { from: 'user' }))).toThrow(
      /^HF_TOKEN holds a quotation mark at position 1, /,
    );
  } finally {
    process.chdir(home);
    vi.unstubAllEnvs();
  }
});

test.each([
  ['nothing', {}, [], undefined, 'finney'],
  ['the environment', { ENDPOINT: 'ws://env' }, [], ['ws://env'], 'finney'],
  ['an empty variable', { ENDPOINT: '' }, [], undefined, 'finney'],
  ['a network', { ENDPOINT: 'ws://env', NETWORK: 'local' }, ['network', 'test'], undefined, 'test'],
  ['an endpoint', { ENDPOINT: 'ws://env' }, ['chain_endpoint', 'ws://a, ws://b'], ['ws://a', 'ws://b'], 'finney'],
  ['an endpoint and a network', {}, ['chain_endpoint', 'ws://a', 'network', 'test'], ['ws://a'], 'test'],
])('given %s, the chain is: endpoint, then network, then environment, then finney', (_, env, args, urls, network) => {
  for (const name of ['ENDPOINT', 'NETWORK'] as const)
    vi.stubEnv(`BT_SUBTENSOR_${name === 'ENDPOINT' ? 'CHAIN_ENDPOINT' : name}`, (env as Record<string, string>)[name]);
  const flags = args.map((arg, i) => (i % 2 === 0 ? `--subtensor.${arg}` : arg));
  const command = subnetCommand('any', 'any').parse(flags, { from: 'user' });
  expect(commonOptions(command)).toMatchObject({ chainEndpoints: urls, network });
  vi.unstubAllEnvs();
});

const parsed = (...args: string[]) => subnetCommand('any', 'any').exitOverride().parse(args, { from: 'user' });

test.each([[], ['--subtensor.network', 'test'], ['--subtensor.chain_endpoint', 'ws://127.0.0.1:9944']])(
  'no subnet is the default of any network, given %s %s',
  (...args) => {
    expect(() => requireNetuid(parsed(...args))).toThrow(
      '--netuid is missing, and has no default: the chain gives the numbers of subnets that end to other projects. Pass the number that the competition has today (--local knows its own), or --competition.',
    );
    expect(requireNetuid(parsed(...args, '--netuid', '0'))).toBe(0);
  },
);

test('--max_clock_difference is a number of minutes, or off; 10 when nothing is said', () => {
  const difference = (...args: string[]) => commonOptions(parsed(...args)).maxClockDifferenceMs;
  expect(difference()).toBe(600_000);
  expect(difference('--max_clock_difference', '0.5')).toBe(30_000);
  expect(difference('--max_clock_difference', 'off')).toBe(Number.POSITIVE_INFINITY);
  const quiet = subnetCommand('any', 'any')
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  for (const wrong of ['0', '-1', 'ten', ''])
    expect(() => quiet.parse(['--max_clock_difference', wrong], { from: 'user' })).toThrow(
      'Expected a number of minutes, or off.',
    );
});

describe('flags as other programs write them', () => {
  const command = () =>
    subnetCommand('any', '').option('--hf_repo_id <name>').option('--epochs <count>').option('--fresh_repository');
  const read = async (...argv: string[]) => {
    const any = command();
    const { settings: ofFile, given } = await expandFlags(any, argv);
    return any.parse([...ofFile, ...given], { from: 'user' }).opts();
  };
  const settings = async (name: string, text: string) => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };

  test.each([
    ['--wallet-name', 'wallet.name'],
    ['--wallet_name', 'wallet.name'],
    ['--subtensor.chain-endpoint', 'subtensor.chain_endpoint'],
    ['--hf-repo-id', 'hf_repo_id'],
  ])('%s is %s, with its value apart or behind "="', async (flag, name) => {
    expect((await read(flag, 'ann'))[name]).toBe('ann');
    expect((await read(`${flag}=ann=bob`))[name]).toBe('ann=bob');
  });

  test('a value that looks like a flag stays a value', async () => {
    expect(await read('--hf_repo_id', '--wallet-name')).toMatchObject({ hf_repo_id: '--wallet-name' });
  });

  test('--logging.info is what is logged anyway', async () => {
    expect(await read('--logging.info', '--epochs', '3')).toMatchObject({ epochs: '3' });
  });

  test.each(['--axon.port', '--wandb.off', '--neuron.name', '--no_prompt'])(
    '%s of the Python original gets one sentence',
    async (flag) => {
      await expect(read(flag, '8091')).rejects.toMatchObject({
        code: 'bad-argument',
        message: expect.stringMatching(/^--\S+ is a flag of the Python original, .* Leave it out\. See [^\n]+$/),
      });
    },
  );

  test.each([
    ['bot.yaml', 'wallet:\n  name: ann\n  hotkey: one # a comment\nnetuid: 7\nfresh_repository: true\n'],
    ['bot.json', '{"wallet": {"name": "ann", "hotkey": "one"}, "netuid": 7, "fresh_repository": true}'],
  ])('--config %s says what flags would, which win over it', async (name, text) => {
    const flags = await read('--wallet.hotkey', 'two', '--config', await settings(name, text));
    expect(flags).toMatchObject({ netuid: 7, fresh_repository: true, 'wallet.name': 'ann', 'wallet.hotkey': 'two' });
  });

  test('a network of the command line wins over an endpoint of the file', async () => {
    const file = await settings('net.yaml', 'subtensor:\n  chain_endpoint: ws://a\nnetuid: 3\n');
    const flags = await read('--config', file, '--subtensor.network=test');
    expect(flags).toMatchObject({ netuid: 3, 'subtensor.network': 'test' });
    expect(flags['subtensor.chain_endpoint']).toBeUndefined();
  });

  test('passwords in a file are masked, also in the sentence about what is wrong with it', async () => {
    const file = await settings('secret.yaml', 'hf_endpoint: ftp://me:correct-horse-battery@host\n');
    await read('--config', file).catch(() => {});
    expect(maskSecrets('it said correct-horse-battery')).toBe('it said ***');
    const broken = await settings('secret.json', '{"hf_endpoint": "https://me:staple-of-horses@host" "a": 1}');
    await expect(read('--config', broken)).rejects.toThrow(/^(?!.*staple).*is not JSON \(at character \d+\)/);
  });

  test('a switch that is false, and a list', async () => {
    const text = 'local: false\nsubtensor:\n  chain_endpoint: [ws://a, ws://b]\n';
    const flags = await read(`--config=${await settings('list.yml', text)}`);
    expect(flags).toMatchObject({ local: false, 'subtensor.chain_endpoint': 'ws://a,ws://b' });
  });

  test.each([
    ['wrong.yaml', 'netiud: 7\n', /--config|"netiud" \(is "netuid" meant\?\)/],
    ['wrong.yaml', 'wallet:\n  nmae: ann\n', /wallet: Unrecognized key: "nmae" \(is "name" meant\?\)/],
    ['wrong.yaml', 'config: other.yaml\n', /Unrecognized key: "config"/],
    ['wrong.yaml', 'wallet: ann\n', /wallet: .*expected object/],
    ['wrong.yaml', 'netuid: {a: 1}\n', /netuid: Invalid input/],
    ['wrong.yaml', 'netuid: [7\n', /is not YAML \(.+\)/],
    ['wrong.json', 'netuid: 7', /is not JSON/],
  ])('%s: %j is refused in one sentence', async (name, text, sentence) => {
    const refusal: Error = await read('--config', await settings(name, text)).catch((error) => error);
    expect(refusal).toMatchObject({ code: 'bad-argument', message: expect.stringMatching(sentence) });
    expect(refusal.message).toMatch(/^the settings file \S+ [^\n]+ Check --config\. See [^\n]+$/);
  });
});
