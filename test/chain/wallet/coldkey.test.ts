import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openColdkey } from '../../../src/chain/wallet/coldkey.ts';
import { signBytes, verifyBare, verifyBytes } from '../../../src/chain/wallet/signed-bytes.ts';
import { writeDevWallet } from '../../../src/local/dev-wallet.ts';

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-coldkey-'));
});
afterEach(() => rm(path, { recursive: true, force: true }));

test('a coldkey signs bytes that are no transaction, as the address of its wallet', async () => {
  const { coldkey } = await writeDevWallet({ path, name: 'owner', coldkey: true });
  const owner = await openColdkey({ path, name: 'owner' });
  expect(owner.address).toBe(coldkey);
  const bytes = Buffer.from('a competition');
  const signature = await signBytes({ hotkey: owner, bytes });
  expect(await verifyBytes({ address: coldkey, bytes, signature })).toBe(true);
  expect(await verifyBare({ address: coldkey, bytes, signature })).toBe(false);
  const bare = await owner.sign({ payload: bytes });
  expect(await verifyBare({ address: coldkey, bytes, signature: bare })).toBe(true);
  expect(await verifyBytes({ address: coldkey, bytes, signature: bare })).toBe(false);
});

test('a wallet without the secret of its coldkey, a public one and a foreign one are refused in one sentence', async () => {
  await writeDevWallet({ path, name: 'owner' });
  const file = join(path, 'owner', 'coldkey');
  const refusal = (sentence: RegExp) => ({ code: 'wallet', message: expect.stringMatching(sentence) });
  await expect(openColdkey({ path, name: 'owner' })).rejects.toMatchObject(
    refusal(/there is no key file at \S+owner\/coldkey/),
  );
  await copyFile(join(path, 'owner', 'coldkeypub.txt'), file);
  await expect(openColdkey({ path, name: 'owner' })).rejects.toMatchObject(refusal(/holds only a public key/));
  await writeFile(file, 'nothing of a key');
  await expect(openColdkey({ path, name: 'owner' })).rejects.toMatchObject(refusal(/./));
});

test.skipIf(process.platform === 'win32')('a coldkey that others can read is warned of', async () => {
  await writeDevWallet({ path, name: 'owner', coldkey: true });
  await chmod(join(path, 'owner', 'coldkey'), 0o644);
  const warned: string[] = [];
  const silent = () => {};
  const logger = { debug: silent, info: silent, error: silent, warn: (message: string) => void warned.push(message) };
  await openColdkey({ path, name: 'owner', logger });
  expect(warned).toEqual([expect.stringMatching(/others can read the private key in \S+coldkey: chmod 600 it/)]);
});
