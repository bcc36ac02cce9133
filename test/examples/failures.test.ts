import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalChain, LocalHub, writeDevWallet } from 'flock-off/local';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import VECTORS from '../vectors/wallets/vectors.json' with { type: 'json' };
import { runExample } from './run-example.ts';

// Every failure an operator meets: one clear sentence on stderr, exit code 1, nothing uploaded.

const TOKEN = 'hf_failures_token';
const ROW = JSON.stringify({
  conversations: [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello' },
  ],
});
let folder: string;
let hub: Awaited<ReturnType<typeof LocalHub.open>>;
let chain: Awaited<ReturnType<typeof LocalChain.open>>;
let locked: Server;
let keyless: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-failures-'));
  const path = join(folder, 'wallets');
  const known = await writeDevWallet({ path, name: 'known' });
  const validator = await writeDevWallet({ path, name: 'validator' });
  await writeDevWallet({ path, name: 'stranger' });
  hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }] });
  chain = await LocalChain.open({
    subnets: [{ netuid: 96, neurons: [known, { ...validator, validatorPermit: true, stake: 1 }] }],
  });
  locked = createServer().on('upgrade', (_, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n'));
  await once(locked.listen(0, '127.0.0.1'), 'listening');
  keyless = `ws://127.0.0.1:${(locked.address() as AddressInfo).port}`;
  await writeFile(join(folder, 'good.jsonl'), `${ROW}\n${ROW.replace('Hi', 'Hey')}\n`);
  await writeFile(join(folder, 'data.jsonl'), `${ROW}\n`);
  await writeFile(join(folder, 'bad.jsonl'), `${ROW}\n{"conversations":[]}\n`);
  await writeFile(join(folder, 'wallets', 'known', 'hotkeys', 'broken'), '{"secretSeed":"0x12"}');
  await writeFile(join(folder, 'wallets', 'known', 'hotkeys', 'sealed'), VECTORS.ansibleVault, { mode: 0o600 });
});
afterAll(async () => {
  locked.close();
  await chain.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

function flags(changed: Record<string, string> = {}): string[] {
  const usual = {
    '--wallet.path': join(folder, 'wallets'),
    '--wallet.name': 'known',
    '--subtensor.chain_endpoint': chain.url,
    '--hf_endpoint': hub.url,
    '--netuid': '96',
  };
  return Object.entries({ ...usual, ...changed }).flat();
}
const minerFlags = (changed: Record<string, string> = {}) =>
  flags({ '--hf_repo_id': 'ann/chats', '--dataset_path': join(folder, 'good.jsonl'), ...changed });

describe('miner.ts', () => {
  test.each<[string, () => string[], RegExp, Record<string, string>?]>([
    ['no token', () => minerFlags(), /uploading needs a Hub token.*HF_TOKEN/, { HF_TOKEN: '' }],
    [
      'a token the Hub does not know',
      () => minerFlags(),
      /the Hub answered 401.*check HF_TOKEN/i,
      { HF_TOKEN: 'hf_no' },
    ],
    [
      'a token in quotes',
      () => minerFlags(),
      /^HF_TOKEN holds a quotation mark at position 1, so it cannot be a token of the Hub\. Set it to the token alone/,
      { HF_TOKEN: `"${TOKEN}"` },
    ],
    ['a token on two lines', () => minerFlags(), /^HF_TOKEN holds a line break/, { HF_TOKEN: `${TOKEN}\n${TOKEN}` }],
    [
      'an unregistered hotkey',
      () => minerFlags({ '--wallet.name': 'stranger' }),
      /is not registered on subnet 96\. Register it/,
    ],
    ['no such wallet', () => minerFlags({ '--wallet.name': 'nobody' }), /there is no key file at .*check --wallet/i],
    ['a damaged wallet', () => minerFlags({ '--wallet.hotkey': 'broken' }), /key file .*broken is damaged/],
    [
      'an encrypted hotkey without a terminal or a variable',
      () => minerFlags({ '--wallet.hotkey': 'sealed' }),
      /^the key file .*sealed is encrypted, and no password was given\..* or set BT_PW_\S+_HOTKEYS_SEALED to the encoded .*#wallet-password$/m,
    ],
    [
      'a chain endpoint that wants an access key',
      () => minerFlags({ '--subtensor.chain_endpoint': keyless }),
      /^ws:\/\/127\.0\.0\.1:\d+ takes no connection without valid access data \(HTTP 401\)\. Check the access key/,
    ],
    [
      'no netuid',
      () => minerFlags().filter((_, i, all) => all[i] !== '--netuid' && all[i - 1] !== '--netuid'),
      /^--netuid is missing, and has no default: .*--local knows its own\), or --competition\. See flock-off\/docs\/errors\.md#bad-argument$/m,
    ],
    [
      'a dataset with bad rows',
      () => minerFlags({ '--dataset_path': join(folder, 'bad.jsonl') }),
      /^Nothing was uploaded: 1 of 2 lines are no rows: line 2: .*\. See flock-off\/docs\/errors\.md#invalid-rows$/m,
    ],
    [
      'no such dataset',
      () => minerFlags({ '--dataset_path': join(folder, 'none.jsonl') }),
      /none\.jsonl cannot be read/,
    ],
    [
      'a repository name that is none',
      () => minerFlags({ '--hf_repo_id': 'just-a-name' }),
      /^"just-a-name:1:0+" cannot be committed: expected a Hugging Face repository "namespace\/name"\. See flock-off\/docs\/errors\.md#bad-argument$/m,
    ],
    ['a flag that does not exist', () => [...minerFlags(), '--wrong'], /unknown option '--wrong'/],
    ['a netuid that is no number', () => minerFlags({ '--netuid': 'x' }), /whole number/],
  ])('%s', async (_what, args, sentence, env = { HF_TOKEN: TOKEN }) => {
    const { code, stdout, stderr } = await runExample('miner.ts', args(), env);
    expect(stderr).toMatch(sentence);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/\n\s+at |hf_failures_token/);
    expect(stdout).not.toContain('uploaded');
    expect(hub.repository('ann/chats')?.head.files.size ?? 0).toBe(0);
  });
});

describe('validator.ts', () => {
  const noModel = () => join(folder, 'no-model');
  const validatorFlags = (changed: Record<string, string> = {}) =>
    flags({
      '--wallet.name': 'validator',
      '--data_dir': join(folder, 'data'),
      '--base_model': noModel(),
      '--eval_data_dir': folder,
      ...changed,
    });
  test.each<[string, () => string[], RegExp, Record<string, string>?]>([
    ['no base model', () => validatorFlags(), /^there is no folder .*no-model/],
    [
      'a token with an invisible character, though it only downloads',
      () => validatorFlags({ '--subtensor.chain_endpoint': 'ws://127.0.0.1:9' }),
      /^HF_TOKEN holds an invisible character at position 18,/,
      { HF_TOKEN: `${TOKEN}\u200b` },
    ],
    [
      'a base model that the hub does not have',
      () => validatorFlags({ '--base_model': 'ann/no-model' }),
      /^the hub has no model ann\/no-model/,
    ],
    [
      'no evaluation set',
      () => validatorFlags({ '--eval_data_dir': join(folder, 'none') }),
      /data\.jsonl cannot be read/,
    ],
    [
      'the bundled evaluation set with a real model',
      () => validatorFlags({ '--eval_data_dir': 'eval_data', '--base_model': 'Qwen/Qwen2.5-1.5B-Instruct' }),
      /^the bundled evaluation set was made for the tiny base model and says nothing about Qwen\/Qwen2\.5-1\.5B-Instruct\. Pass .* --eval_data_dir/,
    ],
    [
      'nothing said about model or evaluation set',
      () => flags({ '--wallet.name': 'validator', '--data_dir': join(folder, 'data') }),
      /^the bundled evaluation set .* Qwen\/Qwen2\.5-1\.5B-Instruct/,
    ],
    [
      'an unwritable data folder',
      () => validatorFlags({ '--data_dir': join(folder, 'good.jsonl') }),
      /the validator state in .* cannot be opened/,
    ],
    // From here on the missing base model would be the complaint if it were looked for first.
    [
      'an unregistered hotkey',
      () => validatorFlags({ '--wallet.name': 'stranger' }),
      /is not registered on subnet 96\. Register it first: btcli/,
    ],
    [
      'a hotkey without a validator permit',
      () => validatorFlags({ '--wallet.name': 'known' }),
      /^uid 0 of subnet 96 has no validator permit, so it cannot set weights\. .*add stake/,
    ],
    [
      'a damaged wallet',
      () => validatorFlags({ '--wallet.name': 'known', '--wallet.hotkey': 'broken' }),
      /^the key file .*broken is damaged/,
    ],
    [
      'a chain endpoint that wants an access key',
      () => validatorFlags({ '--subtensor.chain_endpoint': keyless }),
      /^ws:\/\/127\.0\.0\.1:\d+ takes no connection without valid access data \(HTTP 401\)\. Check the access key/,
    ],
    [
      'no netuid',
      () => validatorFlags().filter((_, i, all) => all[i] !== '--netuid' && all[i - 1] !== '--netuid'),
      /^--netuid is missing, and has no default: .*--local knows its own\), or --competition\. See flock-off\/docs\/errors\.md#bad-argument$/m,
    ],
    ['a subnet that does not exist', () => validatorFlags({ '--netuid': '7' }), /subnet 7/],
  ])('%s', async (_what, args, sentence, env = {}) => {
    const { code, stdout, stderr } = await runExample('validator.ts', args(), env);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toContain(TOKEN);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    // Whose subnet it is, once the chain has said so, and nothing else.
    expect(stdout).toMatch(/^(\S+ this is subnet \d+ .*\n)?$/);
    expect(code).toBe(1);
  });
});

test.each(['miner.ts', 'validator.ts', 'subnet.ts'])(
  '%s --help explains its flags and starts nothing',
  async (script) => {
    const { code, stdout } = await runExample(script, ['--help', '--local'].slice(0, script === 'subnet.ts' ? 1 : 2));
    expect(code).toBe(0);
    expect(stdout).toContain('Usage:');
  },
);
