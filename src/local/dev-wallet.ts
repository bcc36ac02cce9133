import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { polkadot } from './chain/description/polkadot.ts';

export interface WriteDevWalletParameters {
  /** Folder of wallets. */
  path: string;
  /** Wallet (coldkey) name. */
  name: string;
  /** Hotkey name. Default `default`. */
  hotkey?: string;
  /** Whether the secret of the coldkey is written too, for whoever signs as a subnet's owner. Default false. */
  coldkey?: boolean;
}

/** ss58 addresses (format 42) of a wallet. */
export interface DevWallet {
  hotkey: string;
  coldkey: string;
}

/**
 * Writes a wallet in Bittensor's layout whose keys follow from its names. Everybody can make the same keys: never use
 * one outside a development chain. A wallet that is already there is left as it is.
 * @throws FlockOffError `wallet` where there is a file with another key: nothing is ever overwritten.
 * @example
 * const { hotkey, coldkey } = await writeDevWallet({ path: folder, name: 'validator' });
 */
export async function writeDevWallet(parameters: WriteDevWalletParameters): Promise<DevWallet> {
  const { path, name, hotkey = 'default', coldkey = false } = parameters;
  const folder = join(path, name);
  const cold = await keysFrom(name);
  const hot = await keysFrom(`${name}/${hotkey}`);
  await makeFolder(join(folder, 'hotkeys'));
  await writeKeyFile(join(folder, 'coldkeypub.txt'), { ...cold, secretSeed: undefined });
  if (coldkey) await writeKeyFile(join(folder, 'coldkey'), cold);
  await writeKeyFile(join(folder, 'hotkeys', hotkey), hot);
  return { hotkey: hot.ss58Address, coldkey: cold.ss58Address };
}

async function keysFrom(name: string) {
  const { blake2AsU8a, encodeAddress, sr25519PairFromSeed, u8aToHex } = await polkadot();
  const seed = blake2AsU8a(`flock-off development wallet ${name}`, 256);
  const publicKey = u8aToHex(sr25519PairFromSeed(seed).publicKey);
  return { accountId: publicKey, publicKey, secretSeed: u8aToHex(seed), ss58Address: encodeAddress(publicKey, 42) };
}

async function writeKeyFile(file: string, keys: object): Promise<void> {
  const text = JSON.stringify(keys);
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if ((await readFile(file, 'utf8')) === text) return;
    throw new FlockOffError({
      code: 'wallet',
      what: `${file} exists and holds another key`,
      fix: 'choose another folder for development wallets',
      facts: { file },
    });
  }
}
