import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { polkadotCrypto } from '../../../src/chain/codec/polkadot.ts';
import { openFernetToken, readFernetToken } from '../../../src/chain/wallet/fernet.ts';
import { WalletHotkey } from '../../../src/chain/wallet/hotkey.ts';
import { openNaclBox, readNaclBox } from '../../../src/chain/wallet/nacl-box.ts';
import {
  decodeWalletPassword,
  encodeWalletPassword,
  walletPasswordVariable,
} from '../../../src/chain/wallet/password.ts';
import type { WalletPasswordQuestion } from '../../../src/chain/wallet/unseal.ts';
import { sealAnsibleVault } from './seal-ansible-vault.ts';
import { DEV_ADDRESS, hotkeyFile, openAs, VECTORS, walletPath, writeHotkey } from './wallet-folder.ts';

const { password } = VECTORS;
const NACL = Buffer.from(VECTORS.nacl, 'base64');
const FERNET = Buffer.from(VECTORS.fernet);
const vault = VECTORS.ansibleVault;

const refusalOf = async (opening: Promise<unknown>) =>
  (await opening.then(
    () => null,
    (e) => e,
  )) as Error;

test("a NaCl file of Bittensor's own wallet opens and signs", async () => {
  const signer = await openAs(NACL, { password });
  expect(signer.address).toBe(DEV_ADDRESS);
  const { sr25519Verify } = await polkadotCrypto();
  const payload = new TextEncoder().encode('a payload');
  expect(sr25519Verify(payload, await signer.sign({ payload }), signer.publicKey)).toBe(true);
}, 120_000);

test('an Ansible Vault of Ansible opens, with and without a label', async () => {
  expect((await openAs(vault, { password })).address).toBe(DEV_ADDRESS);
  expect((await openAs(vault.replace('1.1;AES256', '1.2;AES256;wallet'), { password })).address).toBe(DEV_ADDRESS);
  expect((await openAs(vault.replaceAll('\n', '\r\n'), { password })).address).toBe(DEV_ADDRESS);
});

test('a Fernet token opens', async () => {
  expect((await openAs(VECTORS.fernet, { password })).address).toBe(DEV_ADDRESS);
}, 60_000);

describe('a file that is changed anywhere, or another key, opens nothing', () => {
  test('Fernet', () => {
    const key = Buffer.from(VECTORS.fernetKey, 'hex');
    const open = (token: Buffer, with_ = key) => openFernetToken(readFernetToken(token)!, with_);
    expect(Buffer.from(open(FERNET)!).toString()).toBe(VECTORS.plaintext);
    expect(open(FERNET, Buffer.alloc(32))).toBeNull();
    for (const at of [12, 30, 60, FERNET.length - 8]) {
      const changed = Buffer.from(FERNET);
      changed[at] = changed[at] === 65 ? 66 : 65;
      expect(open(changed)).toBeNull();
    }
  });

  test('NaCl', async () => {
    expect(await openNaclBox(readNaclBox(NACL)!, Buffer.alloc(32))).toBeNull();
  });

  test('Ansible Vault', async () => {
    const digits = [...vault.slice(vault.indexOf('\n'))];
    for (const at of [10, 200, digits.length - 4]) {
      const changed = [...digits];
      changed[at] = changed[at] === '3' ? '6' : '3';
      const error = await refusalOf(openAs(`$ANSIBLE_VAULT;1.1;AES256${changed.join('')}`, { password }));
      expect(['wallet', 'wallet-password']).toContain((error as unknown as { code: string }).code);
    }
  });
});

test.each([
  ['NaCl, cut off', NACL.subarray(0, 40)],
  ['NaCl, nothing but the beginning', '$NACL'],
  ['Ansible Vault of another version', vault.replace(';1.1;', ';1.0;')],
  ['Ansible Vault, cut off', vault.slice(0, 200)],
  ['Ansible Vault with text that is no hex', vault.replace('3', 'x')],
  ['Ansible Vault, header only', '$ANSIBLE_VAULT;1.1;AES256\n'],
  ['Fernet, cut off', VECTORS.fernet.slice(0, 50)],
  ['Fernet, not base64', `${VECTORS.fernet}!`],
])('%s: damaged, before anybody is asked for a password', async (_, content) => {
  const ask = () => expect.unreachable('asked for a password');
  await expect(openAs(content, { password: ask })).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringContaining('is damaged'),
  });
});

test('what was decrypted and is no key file is called damaged', async () => {
  await expect(openAs(sealAnsibleVault('{"secretSeed": ', password), { password })).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringContaining('is damaged'),
  });
});

describe('passwords', () => {
  test('without one, a single sentence names the variable', async () => {
    await writeHotkey(vault);
    const variable = walletPasswordVariable(hotkeyFile());
    for (const nothing of [undefined, () => null]) {
      await expect(WalletHotkey.open({ path: walletPath(), password: nothing })).rejects.toMatchObject({
        code: 'wallet-password',
        transient: false,
        sentence: `the key file ${hotkeyFile()} is encrypted, and no password was given. Start on a terminal to be asked for it, or set ${variable} to the encoded password.`,
      });
    }
  });

  test('a wrong one is a single sentence', async () => {
    await expect(openAs(vault, { password: 'pässword 2' })).rejects.toMatchObject({
      code: 'wallet-password',
      message: expect.stringMatching(
        /^the password does not open the key file \S+default\. Check the password, and BT_PW_/,
      ),
    });
  });

  test('whoever is asked may try three times', async () => {
    const questions: WalletPasswordQuestion[] = [];
    const answer = (right: number) => async (question: WalletPasswordQuestion) => {
      questions.push(question);
      await sleep(1);
      return question.attempt === right ? password : 'wrong';
    };
    expect((await openAs(vault, { password: answer(3) })).address).toBe(DEV_ADDRESS);
    const asked = { file: hotkeyFile(), variable: walletPasswordVariable(hotkeyFile()) };
    expect(questions).toEqual([1, 2, 3].map((attempt) => ({ ...asked, attempt })));
    questions.length = 0;
    await expect(openAs(vault, { password: answer(4) })).rejects.toMatchObject({ code: 'wallet-password' });
    expect(questions).toHaveLength(3);
  });

  test('giving up after a wrong one says that it was wrong', async () => {
    const ask = ({ attempt }: WalletPasswordQuestion) => (attempt === 1 ? 'wrong' : null);
    await expect(openAs(vault, { password: ask })).rejects.toThrow(/^the password does not open/);
  });

  test('a plain file asks for none', async () => {
    const ask = () => expect.unreachable('asked for a password');
    expect((await openAs(VECTORS.plaintext, { password: ask })).address).toBe(DEV_ADDRESS);
  });

  test.each(VECTORS.passwordVariables)(
    "$variable is what Bittensor's wallet calls it, and writes and reads",
    (vector) => {
      const { file, variable, value } = vector;
      expect(walletPasswordVariable(file)).toBe(variable);
      expect(encodeWalletPassword({ password, variable })).toBe(value);
      expect(decodeWalletPassword({ value: `${value}\n`, variable })).toBe(password);
    },
  );

  test.each(['hunter2!', '', encodeWalletPassword({ password, variable: 'BT_PW_ELSEWHERE' })])(
    'a variable with another value is one sentence that does not repeat it',
    (value) => {
      const read = () => decodeWalletPassword({ value, variable: 'BT_PW_ÄÖ' });
      expect(read).toThrow(
        /^BT_PW_ÄÖ does not hold an encoded password\. Set it to what encodeWalletPassword returns\. See \S+#wallet-password$/,
      );
    },
  );
});
