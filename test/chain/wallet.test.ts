import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { polkadotCrypto } from '../../src/chain/polkadot.ts';
import { openHotkey } from '../../src/chain/wallet.ts';

// The development phrase of Substrate and //Alice: published keys.
const PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
const SEED = '0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e';
const DEV_ADDRESS = '5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV';
const ALICE_ADDRESS = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const ALICE_PUBLIC = '0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d';
const ALICE_PRIVATE =
  '0x33a6f3093f158a7109f679410bef1a0c54168145e0cecb4df006c1c2fffb1f09925a225d97aa00682d6a59b95b18780c10d7032336e88f3442b42361f4a66011';
const WRONG_PUBLIC = '0x46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a'; // of the development phrase
const NO_POINT = `0x${'8e'.repeat(32)}`;

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-wallet-'));
  await mkdir(join(path, 'default', 'hotkeys'), { recursive: true });
});
afterEach(() => rm(path, { recursive: true, force: true }));

async function open(content: unknown) {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(join(path, 'default', 'hotkeys', 'default'), text);
  return openHotkey({ path });
}

async function expectSigns(signer: Awaited<ReturnType<typeof openHotkey>>) {
  const { sr25519Verify } = await polkadotCrypto();
  const payload = new TextEncoder().encode('a payload');
  expect(sr25519Verify(payload, await signer.sign(payload), signer.publicKey)).toBe(true);
}

test('a secret phrase opens the hotkey and signs for it', async () => {
  const signer = await open({ secretPhrase: PHRASE, secretSeed: SEED, ss58Address: DEV_ADDRESS });
  expect(signer.address).toBe(DEV_ADDRESS);
  await expectSigns(signer);
});

test('a secret seed opens the hotkey and signs for it', async () => {
  const signer = await open({ accountId: null, secretPhrase: null, secretSeed: SEED });
  expect(signer.address).toBe(DEV_ADDRESS);
  await expectSigns(signer);
});

test.each([
  ['publicKey', { publicKey: ALICE_PUBLIC }],
  ['accountId', { accountId: ALICE_PUBLIC }],
  ['ss58Address', { ss58Address: ALICE_ADDRESS }],
])('a private key in the wallet form signs so that the signature verifies, with its %s', async (_, known) => {
  const signer = await open({ privateKey: ALICE_PRIVATE, ...known });
  expect(signer.address).toBe(ALICE_ADDRESS);
  await expectSigns(signer);
});

test('the phrase comes before the seed, and the seed before the private key', async () => {
  const other = { privateKey: ALICE_PRIVATE, publicKey: ALICE_PUBLIC };
  expect((await open({ ...other, secretSeed: SEED })).address).toBe(DEV_ADDRESS);
  expect((await open({ ...other, secretSeed: `0x${'11'.repeat(32)}`, secretPhrase: PHRASE })).address).toBe(
    DEV_ADDRESS,
  );
});

const refusals: [string, unknown, string][] = [
  [
    'public only',
    { accountId: ALICE_PUBLIC, publicKey: ALICE_PUBLIC, ss58Address: ALICE_ADDRESS },
    'holds only a public key',
  ],
  ['encrypted with NaCl', '$NACLxxxxxxxx', 'is encrypted, expected an unencrypted one'],
  ['encrypted with Ansible Vault', '$ANSIBLE_VAULT;1.1;AES256\n3132', 'is encrypted, expected an unencrypted one'],
  ['encrypted with Fernet', 'gAAAAABkxxxx', 'is encrypted, expected an unencrypted one'],
  ['no JSON', `{"secretPhrase": "${PHRASE}"`, 'is damaged: expected one JSON object'],
  ['short seed', { secretSeed: SEED.slice(0, 40) }, 'is damaged: expected one JSON object'],
  ['wrong phrase', { secretPhrase: PHRASE.replace('bottom', 'lake') }, 'is not a valid mnemonic'],
  ['private key of another', { privateKey: ALICE_PRIVATE, publicKey: WRONG_PUBLIC }, 'does not belong to the address'],
  ['private key of no key', { privateKey: ALICE_PRIVATE, publicKey: NO_POINT }, 'does not belong to the address'],
  ['bad address', { privateKey: ALICE_PRIVATE, ss58Address: ALICE_ADDRESS.replace('5G', '5H') }, 'is damaged'],
  ['seed of another', { secretSeed: SEED, ss58Address: ALICE_ADDRESS }, 'does not belong to the address'],
];

test.each(refusals)(
  'a file that is %s is refused in one sentence, which tells no secret',
  async (_, content, message) => {
    const error = (await open(content).catch((e) => e)) as Error;
    expect(error).toMatchObject({ code: 'wallet', message: expect.stringContaining(message) });
    expect(error.message.split('. ').length).toBeLessThanOrEqual(2);
    expectNoSecret(error);
  },
);

test('a missing file says which flags to check', async () => {
  await expect(openHotkey({ path, hotkey: 'other' })).rejects.toMatchObject({
    code: 'wallet',
    message: `there is no hotkey at ${join(path, 'default', 'hotkeys', 'other')}. Check --wallet.path, --wallet.name and --wallet.hotkey, or make one: btcli wallet new-hotkey.`,
  });
});

test('an unreadable file says so', async (context) => {
  const file = join(path, 'default', 'hotkeys', 'default');
  await writeFile(file, '{}');
  await chmod(file, 0o000);
  if (process.getuid?.() === 0) context.skip('root reads every file');
  await expect(openHotkey({ path })).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringContaining('EACCES'),
  });
});

test('a folder in place of the file says so', async () => {
  await mkdir(join(path, 'default', 'hotkeys', 'folder'));
  await expect(openHotkey({ path, hotkey: 'folder' })).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringContaining('cannot be read'),
  });
});

test('~ is the home folder', async () => {
  await expect(openHotkey({ path: '~/no-such-wallets', name: 'a', hotkey: 'b' })).rejects.toMatchObject({
    facts: { file: join(homedir(), 'no-such-wallets', 'a', 'hotkeys', 'b') },
  });
});

test('an open hotkey shows no secret, however it is printed', async () => {
  for (const content of [
    { secretPhrase: PHRASE },
    { secretSeed: SEED },
    { privateKey: ALICE_PRIVATE, publicKey: ALICE_PUBLIC },
  ])
    expectNoSecret(await open(content));
});

function expectNoSecret(value: object) {
  const shown = [
    inspect(value, { depth: 10, showHidden: true, getters: true }),
    JSON.stringify(value),
    JSON.stringify(Object.getOwnPropertyNames(value).map((name) => String((value as Record<string, unknown>)[name]))),
    String(value),
  ].join('\n');
  for (const secret of [PHRASE, SEED.slice(2, 34), ALICE_PRIVATE.slice(2, 34), ALICE_PRIVATE.slice(66, 98)])
    expect(shown).not.toContain(secret);
}
