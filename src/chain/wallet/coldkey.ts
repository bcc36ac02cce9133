import { safeLogger } from '../../shared/logger.ts';
import { polkadotCrypto } from '../codec/polkadot.ts';
import type { WalletHotkeyParameters } from './hotkey.ts';
import { ED25519, parseKeyFile } from './key-file.ts';
import { keyPair } from './key-pair.ts';
import type { BytesSigner } from './signed-bytes.ts';
import { unseal } from './unseal.ts';
import { noKeyFile, readWalletFile, walletError, walletFiles } from './wallet-files.ts';

const SS58_FORMAT = 42;

/**
 * Opens the coldkey of a wallet folder (`<path>/<name>/coldkey`), plain or encrypted, to sign bytes that are no transaction:
 * a subnet's owner signs competitions with it. Whatever runs all day signs with a hotkey.
 * @throws FlockOffError `wallet` in one sentence: no such file, unreadable, damaged, public only; `wallet-password`:
 *   encrypted, and no password or a wrong one.
 */
export async function openColdkey(parameters: Omit<WalletHotkeyParameters, 'hotkey'> = {}): Promise<BytesSigner> {
  const { password } = parameters;
  const logger = safeLogger(parameters.logger);
  const { coldkey: file } = walletFiles(parameters);
  const fix = 'check --wallet.path and --wallet.name; a competition is signed where the coldkey of its owner is';
  const { bytes, othersCanRead } = await readWalletFile(file, () => fix);
  const content = await unseal(bytes, { file, password, logger });
  const keys = await parseKeyFile(content, file);
  const pair = await keyPair(keys, file);
  if (!pair && keys.publicKeys.length === 0) throw noKeyFile(file, content);
  if (!pair)
    throw walletError(file, `the key file ${file} holds only a public key, so nothing can be signed with it`, fix);
  const { encodeAddress, u8aConcat } = await polkadotCrypto();
  const address = encodeAddress(pair.publicKey, SS58_FORMAT);
  if (!keys.publicKeys.every((named) => Buffer.from(named).equals(pair.publicKey)))
    throw walletError(
      file,
      `the secret in the key file ${file} is that of ${address}, which is not the address in the file`,
      'restore the file from its mnemonic or a backup',
    );
  if (othersCanRead) logger.warn(`others can read the private key in ${file}: chmod 600 it`, { file });
  const prefix = keys.scheme === ED25519 ? [Uint8Array.of(ED25519)] : [];
  return { address, sign: async ({ payload }) => u8aConcat(...prefix, pair.sign(payload)) };
}
