import { existsSync } from 'node:fs';
import { type Logger, safeLogger } from '../../shared/logger.ts';
import { polkadotCrypto } from '../codec/polkadot.ts';
import { foreignKeyFile } from './foreign-key-file.ts';
import { ED25519, parseKeyFile } from './key-file.ts';
import { keyPair } from './key-pair.ts';
import type { SignerPayloadJSON } from './signer-payload.ts';
import { unseal, type WalletPassword } from './unseal.ts';
import {
  missingHotkeyFix,
  noKeyFile,
  readWalletFile,
  type WalletLocation,
  walletError,
  walletFiles,
} from './wallet-files.ts';

/** A transaction, given twice. */
export interface SignParameters {
  /** The bytes to sign. */
  payload: Uint8Array;
  /** For signers that show or check what they sign. */
  transaction: SignerPayloadJSON;
}

/**
 * Signs for a hotkey. {@link WalletHotkey.open} makes one from a key file; a remote signer, a hardware wallet or a browser
 * extension can stand in by keeping this shape.
 * @example
 * // The polkadot.js extension shows what it signs, so it wants the transaction. (Its `signRaw` signs no transactions.)
 * const { signer } = await web3FromAddress(address);
 * const hotkey: HotkeySigner = {
 *   address,
 *   publicKey: decodeAddress(address),
 *   sign: async ({ transaction }) => hexToU8a((await signer.signPayload!(transaction)).signature),
 * };
 */
export interface HotkeySigner {
  /** ss58 address, format 42. */
  readonly address: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Returns the 64 bytes of an sr25519 signature, or 65 bytes with the scheme in front: 0 ed25519, 1 sr25519. */
  sign(parameters: SignParameters): Promise<Uint8Array>;
}

export interface WalletHotkeyParameters extends WalletLocation {
  /**
   * For an encrypted key file: the password, or a function that is asked for it, up to three times, and returns `null`
   * to give up.
   */
  password?: WalletPassword;
  /** Is warned when others than the owner may read the file. */
  logger?: Logger;
}

const SS58_FORMAT = 42;

/** A hotkey from a key file: it signs any bytes as they are. */
export interface WalletHotkey extends HotkeySigner {
  sign(parameters: Pick<SignParameters, 'payload'>): Promise<Uint8Array>;
}

export const WalletHotkey = {
  /**
   * Opens a hotkey from a Bittensor wallet folder (`<path>/<name>/hotkeys/<hotkey>`), plain or encrypted (NaCl, Ansible
   * Vault, Fernet). Deriving the key of a NaCl password needs 512 MiB and blocks this thread for about 10 seconds. The
   * secret stays in a closure: it is in no property, message, or JSON of what is returned.
   * @throws FlockOffError `wallet` in one sentence: no such file, unreadable, damaged, public only, or another wallet's;
   *   `wallet-password`: encrypted, and no password or a wrong one.
   * @example
   * const hotkey = await WalletHotkey.open({ name: 'ann', hotkey: 'default' });
   * console.log(hotkey.address);
   */
  open: openHotkey,
};

async function openHotkey(parameters: WalletHotkeyParameters = {}): Promise<WalletHotkey> {
  const { password } = parameters;
  const logger = safeLogger(parameters.logger);
  const { hotkey: file, coldkey } = walletFiles(parameters);
  if (file === coldkey)
    throw walletError(
      file,
      `${file} is the wallet's coldkey, and a hotkey is expected`,
      'pass the name of a hotkey as --wallet.hotkey, or make one: btcli wallet new-hotkey',
    );
  const { bytes, othersCanRead } = await readWalletFile(file, () => missingHotkeyFix(parameters));
  const content = await unseal(bytes, { file, password, logger });
  const keys = await parseKeyFile(content, file);
  const pair = await keyPair(keys, file);
  if (!pair && (keys.publicKeys.length === 0 || foreignKeyFile(content))) throw noKeyFile(file, content);
  if (!pair) {
    throw walletError(
      file,
      `the key file ${file} holds only a public key, so nothing can be signed with it`,
      'point --wallet.hotkey at the file with the secret, the one without "pub" in its name',
    );
  }
  const { encodeAddress, u8aConcat } = await polkadotCrypto();
  const { publicKey } = pair;
  const address = encodeAddress(publicKey, SS58_FORMAT);
  if (!keys.publicKeys.every((named) => Buffer.from(named).equals(publicKey))) {
    throw walletError(
      file,
      `the secret in the key file ${file} is that of ${address}, which is not the address in the file`,
      'restore the file from its mnemonic or a backup',
    );
  }
  if ((await readColdkeyAddress(parameters).catch(() => null)) === address)
    logger.warn(`the key in ${file} is the wallet's coldkey, which owns the stake: make a hotkey of its own`, { file });
  if (othersCanRead) logger.warn(`others can read the private key in ${file}: chmod 600 it`, { file });
  const prefix = keys.scheme === ED25519 ? [Uint8Array.of(ED25519)] : [];
  return {
    address,
    publicKey,
    sign: async ({ payload }) => u8aConcat(...prefix, pair.sign(payload)),
  };
}

/**
 * The address of a wallet's coldkey, from its `coldkeypub.txt`: ss58, format 42. No password is needed.
 * @throws FlockOffError `wallet` when there is no such file, or no address in it.
 * @example
 * const address = await readColdkeyAddress({ name: 'ann' });
 */
export async function readColdkeyAddress(wallet: Omit<WalletLocation, 'hotkey'> = {}): Promise<string> {
  const file = walletFiles(wallet).coldkeypub;
  const { bytes } = await readWalletFile(
    file,
    () => 'check --wallet.path and --wallet.name, or make one: btcli wallet new-coldkey',
  );
  const { publicKeys } = await parseKeyFile(bytes, file);
  if (!publicKeys[0]) throw noKeyFile(file, bytes);
  const { encodeAddress } = await polkadotCrypto();
  return encodeAddress(publicKeys[0], SS58_FORMAT);
}

/**
 * The address of a hotkey, from its `<hotkey>pub.txt` or from a key file that is not encrypted: ss58, format 42. No password is
 * needed, and no secret is looked at.
 * @throws FlockOffError `wallet` when there is no such file, or no address in it.
 */
export async function readHotkeyAddress(wallet: WalletLocation = {}): Promise<string> {
  const { hotkey, hotkeypub } = walletFiles(wallet);
  const file = existsSync(hotkeypub) ? hotkeypub : hotkey;
  const { bytes } = await readWalletFile(file, () => missingHotkeyFix(wallet));
  const { publicKeys } = await parseKeyFile(bytes, file);
  if (!publicKeys[0]) throw noKeyFile(file, bytes);
  const { encodeAddress } = await polkadotCrypto();
  return encodeAddress(publicKeys[0], SS58_FORMAT);
}

/** Whether a text is an ss58 address: its checksum is looked at, too. */
export async function isAddress(text: string): Promise<boolean> {
  const { decodeAddress } = await polkadotCrypto();
  try {
    // Hex would be taken for a public key.
    return !text.startsWith('0x') && decodeAddress(text).length === 32;
  } catch {
    return false;
  }
}
