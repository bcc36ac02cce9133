import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady, encodeAddress, jsonEncrypt } from '@polkadot/util-crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { readColdkeyAddress, WalletHotkey } from '../../../src/chain/wallet/hotkey.ts';
import type { FlockOffError } from '../../../src/errors/flock-off-error.ts';
import { rememberingLogger } from '../start-subnet.ts';
import { sealAnsibleVault } from './seal-ansible-vault.ts';
import { ALICE, DEV_ADDRESS, hotkeyFile, openAs, PHRASE, SEED, VECTORS, walletPath } from './wallet-folder.ts';

beforeAll(() => cryptoWaitReady());

const json = (value: unknown) => JSON.stringify(value);
/** What polkadot.js exports, made by its own keyring. */
const exported = (type: 'sr25519' | 'ed25519' | 'ethereum') => () =>
  json(new Keyring({ type }).addFromMnemonic(PHRASE, { name: 'acc1' }).toJson('pw'));
const allExported = () =>
  json({
    ...jsonEncrypt(new Uint8Array(90), ['batch-pkcs8'], 'pw'),
    accounts: [{ address: DEV_ADDRESS, meta: { name: 'acc1' } }],
  });
const WORDS_24 = `${'abandon '.repeat(23)}art`;
const NUMBERS = Array.from({ length: 64 }, (_, i) => i);
const KEYSTORE = { version: 3, id: 'x', address: 'a'.repeat(40), crypto: { ciphertext: '00', kdf: 'scrypt' } };
const SUBKEY = `Secret phrase:       ${PHRASE}\n  Network ID:        substrate\n  Secret seed:       ${SEED}\n`;
const RUN = 'btcli wallet regen-hotkey';

type Content = string | Buffer | (() => string | Promise<string>);
const files: [string, Content, string, string][] = [
  ['an account of polkadot.js', exported('sr25519'), 'an account exported from polkadot.js', `${RUN} --mnemonic`],
  ['an ed25519 account', exported('ed25519'), 'an ed25519 account exported from', '--crypto-type ed25519 --mnemonic'],
  ['an Ethereum account', exported('ethereum'), "an account of Ethereum's kind", 'btcli wallet new-hotkey'],
  ['all accounts of polkadot.js', allExported, 'all accounts exported from polkadot.js', 'phrase of the one account'],
  ['a phrase', PHRASE, 'a secret phrase alone', `${RUN} --mnemonic`],
  ['a phrase of 24 words', WORDS_24, 'a secret phrase alone', `${RUN} --mnemonic`],
  ['a phrase with a wrong word', PHRASE.replace('bottom', 'lake'), 'a secret phrase alone', `${RUN} --mnemonic`],
  ['a phrase on lines', PHRASE.toUpperCase().replaceAll(' ', '\r\n'), 'a secret phrase alone', `${RUN} --mnemonic`],
  [
    'a numbered phrase',
    PHRASE.split(' ')
      .map((w, i) => `${i + 1}. ${w}`)
      .join('\n'),
    'a secret phrase alone',
    RUN,
  ],
  ['a phrase among settings', `MNEMONIC="${PHRASE}"\n`, 'a secret phrase alone', `${RUN} --mnemonic`],
  ['a phrase under a name', `seed phrase: ${PHRASE}\n`, 'a secret phrase alone', `${RUN} --mnemonic`],
  ['a quoted phrase, as a node keeps it', json(PHRASE), 'a secret phrase alone', `${RUN} --mnemonic`],
  ['a list of words', json(PHRASE.split(' ')), 'the words of a secret phrase', `${RUN} --mnemonic`],
  ['a phrase with a path', `${PHRASE}//hot`, 'a secret phrase with a derivation path', 'polkadot.js'],
  [
    'JSON of a phrase with a path',
    json({ secretPhrase: `${PHRASE}//hot/1` }),
    'a secret phrase with a derivation path',
    'polkadot.js',
  ],
  ['a seed', SEED, '32 bytes of hex', `${RUN} --seed`],
  ['a seed without 0x, upper case', `${SEED.slice(2).toUpperCase()}\r\n`, '32 bytes of hex', `${RUN} --seed`],
  ['a private key in hex', ALICE.privateKey, '64 bytes of hex', '{"privateKey": "0x..."}'],
  ['what subkey prints', SUBKEY, 'what subkey printed', `${RUN} --mnemonic or --seed`],
  [
    'JSON of subkey with a path',
    json({ secretKeyUri: '//x', secretSeed: 'n/a', publicKey: SEED }),
    'a secret phrase with a derivation path',
    'polkadot.js',
  ],
  ['an Ethereum keystore', json(KEYSTORE), 'an Ethereum keystore, whose keys do not sign on Bittensor', 'new-hotkey'],
  ['a Solana key', json(NUMBERS), 'a key of the Solana CLI', 'new-hotkey'],
  [
    'an SSH key',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n',
    'a PEM key',
    'new-hotkey',
  ],
  ['a public SSH key', 'ssh-ed25519 AAAAC3Nza ann@host', 'a public key of SSH', 'new-hotkey'],
  ['an encrypted message', '-----BEGIN PGP MESSAGE-----\n', 'an encrypted message', 'decrypt it'],
  ['a vault of a browser wallet', json({ data: 'x', iv: 'y', salt: 'z' }), "a browser wallet's vault", 'new-hotkey'],
  ['the JSON of another wallet', json({ mnemonic: PHRASE }), 'the JSON of another wallet', RUN],
  ["Python's notation", `{'secretPhrase': '${PHRASE}'}`, "Python's notation, not JSON", 'double quotes'],
  ['UTF-16', Buffer.from(`\ufeff${json({ secretPhrase: PHRASE })}`, 'utf16le'), 'UTF-16 text', 'save it as UTF-8'],
  ['binary', Buffer.from([5, 6, 0, 7, 0, 0, 8]), 'binary data', 'put the key file itself here'],
  ['empty', '', 'nothing, as after a full disk', RUN],
  ['zero bytes', Buffer.alloc(300), 'nothing but zero bytes, as after a full disk', RUN],
];

describe('a key file of another wallet', () => {
  test.each(files)('is named, with the way in: %s', async (_, content, holds, wayIn) => {
    const error = (await openAs(typeof content === 'function' ? await content() : content).catch(
      (e) => e,
    )) as FlockOffError;
    expect(error).toMatchObject({ code: 'wallet', message: expect.stringContaining(`${hotkeyFile()} holds ${holds}`) });
    expect(error.fix).toContain(wayIn);
    expect(error.sentence.replace(hotkeyFile(), '').split('. ').length).toBe(2);
    for (const secret of ['curtain', SEED.slice(4, 20), 'b3Bl', '1,2,3']) expect(error.message).not.toContain(secret);
  });

  test('in place of coldkeypub.txt is named too, with the way to that file', async () => {
    const file = join(walletPath(), 'default', 'coldkeypub.txt');
    for (const [content, holds] of [
      [exported('sr25519')(), 'an account exported from polkadot.js'],
      [VECTORS.fernet, 'an encrypted key where a public one belongs'],
    ] as const) {
      await writeFile(file, content);
      await expect(readColdkeyAddress({ path: walletPath() })).rejects.toMatchObject({
        code: 'wallet',
        sentence: `the key file ${file} holds ${holds === 'an account exported from polkadot.js' ? `${holds} or a wallet like it` : holds}. Make it from the address and its public key with btcli wallet regen-coldkeypub.`,
      });
    }
  });
});

describe('what editors and people add', () => {
  test.each<[string, string]>([
    ['a byte-order mark', `\ufeff${json({ secretPhrase: PHRASE })}`],
    ['CRLF and blank lines', `\r\n ${json({ secretPhrase: PHRASE })} \r\n\r\n`],
    ['capitals in the phrase', json({ secretPhrase: PHRASE.toUpperCase(), ss58Address: DEV_ADDRESS })],
    ['spaces and a line end in the phrase', json({ secretPhrase: ` ${PHRASE.replaceAll(' ', ' \t ')}\n` })],
    ['an address of another format', json({ secretPhrase: PHRASE, ss58Address: encodeAddress(DEV_ADDRESS, 0) })],
  ])('is harmless: %s', async (_, content) => {
    expect((await openAs(content)).address).toBe(DEV_ADDRESS);
  });

  test('is harmless in front of an encrypted file', async () => {
    const sealed = sealAnsibleVault(json({ secretPhrase: PHRASE }), VECTORS.password);
    const signer = await openAs(Buffer.concat([Buffer.from('\ufeff'), Buffer.from(sealed)]), VECTORS);
    expect(signer.address).toBe(DEV_ADDRESS);
  });

  test('does not make another key of a phrase: the address in the file decides', async () => {
    const content = { secretPhrase: PHRASE.toUpperCase(), ss58Address: ALICE.ss58Address };
    await expect(openAs(content)).rejects.toMatchObject({ message: expect.stringContaining('is not the address') });
  });
});

describe('another file or folder than the hotkey', () => {
  const refusal = async (wallet: object) =>
    ((await WalletHotkey.open(wallet).catch((e) => e)) as FlockOffError).sentence;

  test('the coldkey is refused before it is read', async () => {
    const file = join(walletPath(), 'default', 'coldkey');
    await writeFile(file, json({ secretPhrase: PHRASE }));
    expect(await refusal({ path: walletPath(), hotkey: '../coldkey' })).toBe(
      `${file} is the wallet's coldkey, and a hotkey is expected. Pass the name of a hotkey as --wallet.hotkey, or make one: btcli wallet new-hotkey.`,
    );
  });

  test("a hotkey that is the wallet's coldkey is warned of", async () => {
    await writeFile(join(walletPath(), 'default', 'coldkeypub.txt'), DEV_ADDRESS);
    const logger = rememberingLogger();
    await openAs({ secretPhrase: PHRASE }, { logger });
    expect(logger.lines).toEqual([expect.stringContaining(`the key in ${hotkeyFile()} is the wallet's coldkey`)]);
  });

  test('the public file of a hotkey says which file has the secret', async () => {
    await writeFile(`${hotkeyFile()}pub.txt`, json(VECTORS.keyFiles.public));
    expect(await refusal({ path: walletPath(), hotkey: 'defaultpub.txt' })).toContain(
      'the one without "pub" in its name',
    );
  });

  test('a wallet in place of the folder of wallets names both flags', async () => {
    const wallet = join(walletPath(), 'default');
    expect(await refusal({ path: wallet })).toContain(
      `${wallet} is itself a wallet: pass --wallet.path ${dirname(wallet)} --wallet.name ${basename(wallet)}.`,
    );
  });

  test('a path in place of a name says so', async () => {
    await mkdir(join(walletPath(), 'elsewhere'));
    expect(await refusal({ path: walletPath(), hotkey: hotkeyFile() })).toContain(
      'Pass the name of the hotkey as --wallet.hotkey, not the path of its file.',
    );
  });

  test('a huge file is not read', async () => {
    const message = (await openAs(Buffer.alloc(2 ** 20 + 1, 'a')).catch((e) => e)).message;
    expect(message).toContain('it has 1048577 bytes, and a key file less than 1048576');
  });
});
