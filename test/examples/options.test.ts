import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Competition } from 'flock-off';
import { LOCAL_COMPETITION } from 'flock-off/local';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { commonOptions, readBeacon, readCompetition, requireNetuid, subnetCommand } from '../../examples/options.ts';
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
    expect(await readCompetition(await file(JSON.stringify(LOCAL_COMPETITION)))).toEqual(
      Competition.parse(LOCAL_COMPETITION),
    );
    expect(await readCompetition()).toEqual(Competition.parse({}));
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
    ['a misspelt name', '{"maxRow": 5}', /Unrecognized key: "maxRow"/],
    ['a misspelt name in the recipe', '{"recipe": {"rnak": 8}}', /recipe: Unrecognized key: "rnak"/],
  ])('%s is refused in one sentence', async (_what, text, sentence) => {
    const refusal = await readCompetition(text === null ? folder : await file(text)).catch((error: unknown) => error);
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
      '--netuid is missing, and has no default: the chain gives the numbers of subnets that end to other projects. Pass the number that the competition has today (--local knows its own).',
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
