import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decryptTimelocked, encryptTimelocked } from '../../src/chain/timelock/encrypt.ts';
import { readColdkeyAddress, WalletHotkey } from '../../src/chain/wallet/hotkey.ts';
import { verifyBare } from '../../src/chain/wallet/signed-bytes.ts';
import { writeDevWallet } from '../../src/local/dev-wallet.ts';
import { PULSE } from '../chain/timelock/quicknet-pulse.ts';
import { type Ask, slow, useAnswers, usePython } from './python.ts';

// Key files and time locks go both ways between Python's libraries, of the old line and of the new one, and this SDK.

const PASSWORD = 'pässword 1';
const [ED25519, SR25519] = [0, 1];
const MESSAGE = Buffer.from('signed here');
const SR25519_KINDS = [
  ...['phrase', 'phrase of 24 words', 'new phrase', 'seed', 'private key', 'URI', 'export of polkadot.js'],
];
const ED25519_KINDS = ['ed25519 phrase', 'ed25519 seed', 'ed25519 URI'];

interface Written {
  /** Base64. */
  file: string;
  address: string;
}

let path: string;
/** What polkadot.js exports, and its password. */
let exported: [json: string, password: string];
beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-interchange-'));
  await cryptoWaitReady();
  const account = new Keyring({ type: 'sr25519' }).addFromUri('//polkadot.js', {
    name: 'an account',
    whenCreated: 1_700_000_000_000,
  });
  exported = [JSON.stringify(account.toJson(PASSWORD)), PASSWORD];
});
afterAll(() => rm(path, { recursive: true, force: true }));

function useLibrary(requirements: string): Ask {
  return useAnswers(usePython(requirements), () => ({ args: [join(import.meta.dirname, 'interchange.py')] }));
}

/** Opens a file as a hotkey, signs with it, and has Python verify that. */
async function expectOpens(ask: Ask, name: string, written: Record<string, Written>): Promise<void> {
  const folder = join(path, name, 'hotkeys');
  await mkdir(folder, { recursive: true });
  const signed: unknown[] = [];
  for (const [kind, { file, address }] of Object.entries(written)) {
    await writeFile(join(folder, kind), Buffer.from(file, 'base64'), { mode: 0o600 });
    const hotkey = await WalletHotkey.open({ path, name, hotkey: kind, password: PASSWORD });
    expect([kind, hotkey.address]).toEqual([kind, address]);
    const signature = await hotkey.sign({ payload: MESSAGE });
    const scheme = signature.length === 65 && signature[0] === ED25519 ? ED25519 : SR25519;
    signed.push([address, MESSAGE.toString('hex'), Buffer.from(signature.slice(-64)).toString('hex'), scheme]);
  }
  expect(await ask('verify', { signed })).toEqual(signed.map(() => true));
}

const [OLD, NEW, OLDEST] = ['bittensor-10', 'bittensor-11', 'wallets'];

describe.each([
  ['bittensor-wallet 4 and bittensor-drand', OLD],
  ['bittensor-core', NEW],
  ['bittensor-wallet 3, whose files do not say the type of their key', OLDEST],
])('%s', { timeout: 120_000 }, (_libraries, requirements) => {
  const ask = useLibrary(requirements);
  const knowsEd25519 = requirements !== OLDEST;

  test('key files from every secret are opened here, and Python verifies what they sign', async () => {
    const keys = await ask<Record<string, Written>>('keys', { exported });
    expect(Object.keys(keys)).toEqual([...SR25519_KINDS, ...(knowsEd25519 ? ED25519_KINDS : [])]);
    await expectOpens(ask, requirements, keys);
  });

  test('a public key file is the address', async () => {
    const { file, address } = await ask<Written>('public');
    const name = `${requirements}-public`;
    await mkdir(join(path, name));
    await writeFile(join(path, name, 'coldkeypub.txt'), Buffer.from(file, 'base64'));
    expect(await readColdkeyAddress({ path, name })).toBe(address);
  });

  test('what Python signs is verified here', async () => {
    const signed = await ask<[string, string, number][]>('sign', { message: MESSAGE.toString('hex') });
    expect(signed).toHaveLength(knowsEd25519 ? 2 : 1);
    for (const [address, hex, scheme] of signed) {
      const signature = Buffer.concat([Buffer.from([scheme]), Buffer.from(hex, 'hex')]);
      expect(await verifyBare({ address, bytes: MESSAGE, signature })).toBe(true);
      expect(await verifyBare({ address, bytes: Buffer.from('another'), signature })).toBe(false);
    }
  });

  test('Python opens the key files of a development wallet', async () => {
    const name = `${requirements}-dev`;
    const { hotkey, coldkey } = await writeDevWallet({ path, name, coldkey: true });
    const files = await Promise.all(
      ['hotkeys/default', 'coldkey', 'coldkeypub.txt'].map((file) => readFile(join(path, name, file), 'base64')),
    );
    expect(await ask('opened', { files })).toEqual([
      [hotkey, true],
      [coldkey, true],
      [coldkey, false],
    ]);
  });
});

describe('encrypted key files', { timeout: 240_000 }, () => {
  const wallet = useLibrary(OLD);
  const core = useLibrary(NEW);
  const expectUnsealed = async (ask: Ask, method: string) =>
    expectOpens(ask, 'sealed', { [method]: await ask('sealed', { method, password: PASSWORD }) });

  test('of Ansible Vault, by bittensor-wallet', () => expectUnsealed(wallet, 'Ansible Vault'));
  test('of NaCl, by bittensor-core', () => expectUnsealed(core, 'NaCl'));
  slow('of NaCl, by bittensor-wallet 4', () => expectUnsealed(wallet, 'NaCl'));
  describe('of earlier years', () => {
    const oldest = useLibrary(OLDEST);
    slow('of NaCl, by bittensor-wallet 3', () => expectUnsealed(oldest, 'NaCl'));
    slow('of Fernet, by the library that the first wallets used', () => expectUnsealed(oldest, 'Fernet'));
  });
});

describe.each([
  ['bittensor-drand', OLD],
  ['bittensor-core', NEW],
])('%s', { timeout: 120_000 }, (_library, requirements) => {
  const ask = useLibrary(requirements);

  test('what one locks until a round the other opens', async () => {
    const [locked, round] = await ask<[string, number]>('lock', { round: PULSE.round });
    expect(round).toBe(PULSE.round);
    // A length before the ciphertext, and the round after it.
    const bytes = Buffer.from(locked, 'hex');
    const ciphertext = bytes.subarray(2, -8);
    expect([bytes.readUInt16LE(0) >> 2, Number(bytes.readBigUInt64LE(bytes.length - 8))]).toEqual([
      ciphertext.length,
      PULSE.round,
    ]);
    const opened = decryptTimelocked({ ciphertext, signature: Buffer.from(PULSE.signature, 'hex') });
    expect(Buffer.from(opened).toString()).toBe('a message');

    const own = Buffer.from(encryptTimelocked({ message: Buffer.from('from here'), round: PULSE.round }));
    const length = Buffer.alloc(2);
    length.writeUInt16LE((own.length << 2) | 1);
    const end = Buffer.alloc(8);
    end.writeBigUInt64LE(BigInt(PULSE.round));
    const enveloped = Buffer.concat([length, own, end]).toString('hex');
    expect(await ask('unlock', { locked: enveloped, signature: PULSE.signature })).toBe('from here');
  });
});
