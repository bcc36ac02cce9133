import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ed25519Verify } from '@polkadot/util-crypto';
import { beforeEach, expect, test, vi } from 'vitest';
import { polkadotCrypto } from '../../../src/chain/codec/polkadot.ts';
import { readColdkeyAddress, WalletHotkey } from '../../../src/chain/wallet/hotkey.ts';
import { walletFiles } from '../../../src/chain/wallet/wallet-files.ts';
import type { FlockOffError } from '../../../src/errors/flock-off-error.ts';
import { rememberingLogger } from '../start-subnet.ts';
import {
  ALICE,
  DEV_ADDRESS,
  hotkeyFile,
  openAs,
  PHRASE,
  SEED,
  VECTORS,
  walletPath,
  writeHotkey,
} from './wallet-folder.ts';

const loaded = vi.hoisted(() => [] as string[]);
vi.mock('hash-wasm', () => {
  loaded.push('hash-wasm');
  return { argon2i: async () => new Uint8Array(32) };
});
beforeEach(() => {
  loaded.length = 0;
});

const WRONG_PUBLIC = VECTORS.keyFiles['sr25519 phrase'].publicKey;
const NO_POINT = `0x${'8e'.repeat(32)}`;

async function expectSigns(signer: WalletHotkey) {
  const { sr25519Verify } = await polkadotCrypto();
  const payload = new TextEncoder().encode('a payload');
  expect(sr25519Verify(payload, await signer.sign({ payload }), signer.publicKey)).toBe(true);
}

test('a secret phrase opens the hotkey and signs for it', async () => {
  const signer = await openAs({ secretPhrase: PHRASE, secretSeed: SEED, ss58Address: DEV_ADDRESS });
  expect(signer.address).toBe(DEV_ADDRESS);
  await expectSigns(signer);
});

test('a secret seed opens the hotkey and signs for it', async () => {
  const signer = await openAs({ accountId: null, secretPhrase: null, secretSeed: SEED });
  expect(signer.address).toBe(DEV_ADDRESS);
  await expectSigns(signer);
});

test.each([
  ['publicKey', { publicKey: ALICE.publicKey }],
  ['accountId', { accountId: ALICE.publicKey }],
  ['ss58Address', { ss58Address: ALICE.ss58Address }],
  ['address left out', {}],
])('a private key in the wallet form signs so that the signature verifies, with its %s', async (_, known) => {
  const signer = await openAs({ privateKey: ALICE.privateKey, ...known });
  expect(signer.address).toBe(ALICE.ss58Address);
  await expectSigns(signer);
});

/** A key file opened as it is, without its phrase, and without its seed: each time it is the same key. */
async function* openedWithFewerSecrets(name: keyof typeof VECTORS.keyFiles) {
  const { ss58Address, ...file } = VECTORS.keyFiles[name] as Record<string, unknown>;
  for (const gone of [[], ['secretPhrase'], ['secretPhrase', 'secretSeed']]) {
    const left = Object.fromEntries(Object.entries(file).filter(([field]) => !gone.includes(field)));
    const signer = await openAs(left);
    expect(signer.address).toBe(ss58Address);
    yield signer;
  }
}

test.each(['sr25519 phrase', 'sr25519 uri //Alice'] as const)(
  "a key file of Bittensor's own wallet opens (%s), whichever secret is left in it",
  async (name) => {
    for await (const signer of openedWithFewerSecrets(name)) {
      await expectSigns(signer);
    }
  },
);

test.each(['ed25519 phrase', 'ed25519 uri //Alice'] as const)(
  'a key file of crypto type 0 (%s) signs with ed25519, and says so in front of the signature',
  async (name) => {
    for await (const signer of openedWithFewerSecrets(name)) {
      const payload = new TextEncoder().encode('a payload');
      const [scheme, ...signature] = await signer.sign({ payload });
      expect(scheme).toBe(0);
      expect(ed25519Verify(payload, Uint8Array.from(signature), signer.publicKey)).toBe(true);
    }
  },
);

test('the phrase comes before the seed, and the seed before the private key', async () => {
  const { privateKey } = ALICE;
  expect((await openAs({ privateKey, secretSeed: SEED })).address).toBe(DEV_ADDRESS);
  expect((await openAs({ privateKey, secretSeed: `0x${'11'.repeat(32)}`, secretPhrase: PHRASE })).address).toBe(
    DEV_ADDRESS,
  );
});

test('hex without 0x and a crypto type written as text are read as well', async () => {
  const signer = await openAs({ secretSeed: SEED.slice(2), cryptoType: '1' });
  expect(signer.address).toBe(DEV_ADDRESS);
});

const refusals: [string, unknown, string][] = [
  ['public only', VECTORS.keyFiles.public, 'holds only a public key, so nothing can be signed with it'],
  ['an address only', { ss58Address: DEV_ADDRESS }, 'holds only a public key'],
  ['a 0x public key only', { publicKey: ALICE.publicKey }, 'holds only a public key'],
  ['an address without JSON', `${DEV_ADDRESS}\n`, 'holds only a public key'],
  ['an empty object', {}, 'is damaged: expected one JSON object'],
  ['no JSON', `{"secretPhrase": "${PHRASE}"`, 'is damaged: expected one JSON object'],
  ['another JSON', ['x'], 'is damaged: expected one JSON object'],
  ['short seed', { secretSeed: SEED.slice(0, 40) }, 'is damaged: expected one JSON object'],
  ['short private key', { privateKey: SEED }, 'is damaged: expected one JSON object'],
  ['private key beyond the order', { privateKey: `0x${'ff'.repeat(64)}` }, 'is damaged: expected one JSON object'],
  ['wrong phrase', { secretPhrase: PHRASE.replace('bottom', 'lake') }, 'is not a valid mnemonic'],
  [
    'private key of another',
    { privateKey: ALICE.privateKey, publicKey: WRONG_PUBLIC },
    'which is not the address in the file',
  ],
  [
    'private key of no key',
    { privateKey: ALICE.privateKey, publicKey: NO_POINT },
    'which is not the address in the file',
  ],
  ['bad address', { ...ALICE, ss58Address: ALICE.ss58Address.replace('5G', '5H') }, 'is damaged'],
  ['short address', { ...ALICE, ss58Address: '0x1234' }, 'is damaged'],
  ['seed of another', { secretSeed: SEED, ss58Address: ALICE.ss58Address }, 'which is not the address in the file'],
  ['newer crypto', { cryptoType: 7, secretSeed: SEED }, 'a key of crypto type 7, expected 1 (sr25519) or 0 (ed25519)'],
];

test.each(refusals)('a file that is %s is refused in one sentence', async (_, content, message) => {
  const error = (await openAs(content).catch((e) => e)) as FlockOffError;
  expect(error).toMatchObject({ code: 'wallet', message: expect.stringContaining(message) });
  expect(error.message).toContain(hotkeyFile());
  expect(error.sentence.replace(hotkeyFile(), '').split('. ').length).toBeLessThanOrEqual(2);
});

test('a missing file says which flags to check', async () => {
  await expect(WalletHotkey.open({ path: walletPath(), hotkey: 'other' })).rejects.toMatchObject({
    code: 'wallet',
    sentence: `there is no key file at ${join(walletPath(), 'default', 'hotkeys', 'other')}. Check --wallet.path, --wallet.name and --wallet.hotkey, or make one: btcli wallet new-hotkey.`,
  });
});

test('an unreadable file says so', async (context) => {
  await writeHotkey('{}', 0o000);
  if (process.getuid?.() === 0) context.skip('root reads every file');
  await expect(WalletHotkey.open({ path: walletPath() })).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringContaining('EACCES'),
  });
});

test('a folder in place of the file says so', async () => {
  await mkdir(join(walletPath(), 'default', 'hotkeys', 'folder'));
  await expect(WalletHotkey.open({ path: walletPath(), hotkey: 'folder' })).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringContaining('is no key file but a folder or a device'),
  });
});

test.each([0o640, 0o604, 0o644])('a private key that others can read (mode %o) is warned of', async (mode) => {
  const logger = rememberingLogger();
  await writeHotkey({ secretSeed: SEED }, mode);
  await WalletHotkey.open({ path: walletPath(), logger });
  const file = hotkeyFile();
  expect(logger.lines).toEqual([
    `others can read the private key in ${file}: chmod 600 it ${JSON.stringify({ file })}`,
  ]);
});

test('a private key that only its owner can read is opened without a word', async () => {
  const logger = rememberingLogger();
  await openAs({ secretSeed: SEED }, { logger });
  expect(logger.lines).toEqual([]);
});

test("the layout is Bittensor's, and ~ is the home folder", () => {
  const folder = join(homedir(), '.bittensor', 'wallets', 'default');
  expect(walletFiles()).toEqual({
    coldkey: join(folder, 'coldkey'),
    coldkeypub: join(folder, 'coldkeypub.txt'),
    hotkey: join(folder, 'hotkeys', 'default'),
    hotkeypub: join(folder, 'hotkeys', 'defaultpub.txt'),
  });
  expect(walletFiles({ path: '~user', name: 'a', hotkey: 'b' }).hotkey).toBe(join('~user', 'a', 'hotkeys', 'b'));
});

test.each([
  ['the JSON of the wallet', JSON.stringify(VECTORS.keyFiles.public)],
  ['JSON with a 0x public key', JSON.stringify({ publicKey: VECTORS.keyFiles.public.publicKey })],
  ['an address', DEV_ADDRESS],
  ['a 0x public key', `${VECTORS.keyFiles.public.publicKey}\n`],
])("the coldkey's address is read from %s", async (_, content) => {
  await writeFile(join(walletPath(), 'default', 'coldkeypub.txt'), content);
  expect(await readColdkeyAddress({ path: walletPath() })).toBe(DEV_ADDRESS);
});

test('a coldkeypub.txt that is missing or holds no address is one sentence', async () => {
  const path = walletPath();
  await expect(readColdkeyAddress({ path })).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringContaining('btcli wallet new-coldkey'),
  });
  await writeFile(join(path, 'default', 'coldkeypub.txt'), '{}');
  await expect(readColdkeyAddress({ path })).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringContaining('is damaged'),
  });
});

test('a plain key loads nothing that decrypts', async () => {
  await openAs(VECTORS.keyFiles['sr25519 phrase']);
  expect(loaded).toEqual([]);
  await expect(openAs(Buffer.from(VECTORS.nacl, 'base64'), { password: 'any' })).rejects.toMatchObject({
    code: 'wallet-password',
  });
  expect(loaded).toEqual(['hash-wasm']);
});
