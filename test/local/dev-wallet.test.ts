import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WalletHotkey } from '../../src/chain/wallet/hotkey.ts';
import { writeDevWallet } from '../../src/local/dev-wallet.ts';

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-wallets-'));
});
afterEach(() => rm(path, { recursive: true, force: true }));

test('the wallet opens as a hotkey, and its names alone decide its keys', async () => {
  const wallet = await writeDevWallet({ path, name: 'ann', hotkey: 'first' });
  expect((await WalletHotkey.open({ path, name: 'ann', hotkey: 'first' })).address).toBe(wallet.hotkey);
  expect(await writeDevWallet({ path, name: 'ann', hotkey: 'first' })).toEqual(wallet);
  const second = await writeDevWallet({ path, name: 'ann', hotkey: 'second' });
  expect(second.coldkey).toBe(wallet.coldkey);
  expect(new Set([wallet.hotkey, wallet.coldkey, second.hotkey]).size).toBe(3);
});

test('the files lie where Bittensor looks for them, readable by their owner alone', async () => {
  const { coldkey } = await writeDevWallet({ path, name: 'ann' });
  expect((await readdir(join(path, 'ann'))).sort()).toEqual(['coldkeypub.txt', 'hotkeys']);
  const cold = JSON.parse(await readFile(join(path, 'ann', 'coldkeypub.txt'), 'utf8'));
  expect(cold).toEqual({ accountId: cold.publicKey, publicKey: cold.publicKey, ss58Address: coldkey });
  expect((await stat(join(path, 'ann', 'hotkeys', 'default'))).mode & 0o777).toBe(0o600);
});

test("somebody's own key is never overwritten", async () => {
  const file = join(path, 'ann', 'hotkeys', 'default');
  await mkdir(join(path, 'ann', 'hotkeys'), { recursive: true });
  await writeFile(file, 'a key');
  await expect(writeDevWallet({ path, name: 'ann' })).rejects.toMatchObject({
    code: 'wallet',
    sentence: `${file} exists and holds another key. Choose another folder for development wallets.`,
  });
  expect(await readFile(file, 'utf8')).toBe('a key');
});
