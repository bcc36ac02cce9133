import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { polkadotCrypto } from './polkadot.ts';

/** Signs for a hotkey. A hardware or remote signer can stand in by keeping this shape. */
export interface HotkeySigner {
  /** ss58 address, format 42. */
  readonly address: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** sr25519 signature (64 bytes) of the bytes as they are. */
  sign(payload: Uint8Array): Promise<Uint8Array>;
}

export interface OpenHotkeyParameters {
  /** Folder of wallets. Default `~/.bittensor/wallets/`. */
  path?: string;
  /** Wallet (coldkey) name. Default `default`. */
  name?: string;
  /** Hotkey name. Default `default`. */
  hotkey?: string;
}

const SS58_FORMAT = 42;
const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`))
    .nullish();
const KeyFile = z.object({
  secretPhrase: z.string().nullish(),
  secretSeed: hex(32),
  privateKey: hex(64),
  publicKey: hex(32),
  accountId: hex(32),
  ss58Address: z.string().nullish(),
});
type KeyFile = z.infer<typeof KeyFile>;

const ENCRYPTED = ['$NACL', '$ANSIBLE_VAULT', 'gAAAAA'];

/**
 * Opens an unencrypted hotkey from a Bittensor wallet folder (`<path>/<name>/hotkeys/<hotkey>`). The secret stays in a
 * closure: it is in no property, message, or JSON of what is returned.
 * @throws FlockOffError `wallet` in one sentence: no such file, unreadable, encrypted, damaged, or public only.
 */
export async function openHotkey({
  path = '~/.bittensor/wallets/',
  name = 'default',
  hotkey = 'default',
}: OpenHotkeyParameters = {}): Promise<HotkeySigner> {
  const file = join(path.replace(/^~(?=$|[/\\])/, homedir()), name, 'hotkeys', hotkey);
  const keys = parseKeyFile(await readKeyFile(file), file);
  const { publicKey, secretKey } = await keyPair(keys, file);
  const { encodeAddress, sr25519Sign } = await polkadotCrypto();
  const sign = async (payload: Uint8Array) => sr25519Sign(payload, { publicKey, secretKey });
  const address = encodeAddress(publicKey, SS58_FORMAT);
  if ((keys.ss58Address ?? address) === address && (await provesItself({ address, publicKey, sign }))) {
    return { address, publicKey, sign };
  }
  throw walletError(
    file,
    `the secret in ${file} does not belong to the address ${keys.ss58Address ?? address} in it`,
    'restore the file from its mnemonic or a backup',
  );
}

/** Whether a signature verifies: a private key does not have to belong to the public key beside it. */
async function provesItself({ address, publicKey, sign }: HotkeySigner): Promise<boolean> {
  const { sr25519Verify } = await polkadotCrypto();
  const probe = new TextEncoder().encode(address);
  try {
    return sr25519Verify(probe, await sign(probe), publicKey);
  } catch {
    return false; // A public key that is no point of the curve.
  }
}

async function readKeyFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw walletError(
      file,
      missing ? `there is no hotkey at ${file}` : `the hotkey ${file} cannot be read (${messageOf(error)})`,
      missing
        ? 'check --wallet.path, --wallet.name and --wallet.hotkey, or make one: btcli wallet new-hotkey'
        : 'check the rights of the file',
    );
  }
}

function parseKeyFile(text: string, file: string): KeyFile {
  if (ENCRYPTED.some((prefix) => text.startsWith(prefix))) {
    throw walletError(
      file,
      `the hotkey ${file} is encrypted, expected an unencrypted one`,
      'decrypt it with btcli, or use a hotkey without password',
    );
  }
  try {
    return KeyFile.parse(JSON.parse(text));
  } catch {
    // The cause is left out on purpose: parse errors quote the text, and the text is a secret.
    throw damaged(file);
  }
}

/** Takes the first secret in Bittensor's order: phrase, seed, private key. `secretKey` is in @polkadot's form. */
async function keyPair(
  { secretPhrase, secretSeed, privateKey, publicKey, accountId, ss58Address }: KeyFile,
  file: string,
): Promise<{ publicKey: Uint8Array; secretKey: Uint8Array }> {
  const { decodeAddress, hexToU8a, mnemonicToMiniSecret, mnemonicValidate, sr25519PairFromSeed } =
    await polkadotCrypto();
  if (secretPhrase) {
    if (mnemonicValidate(secretPhrase)) return sr25519PairFromSeed(mnemonicToMiniSecret(secretPhrase));
    throw walletError(file, `the secret phrase in ${file} is not a valid mnemonic`, 'restore the file from a backup');
  }
  if (secretSeed) return sr25519PairFromSeed(hexToU8a(secretSeed));
  const known = publicKey ?? accountId ?? ss58Address;
  if (privateKey && known) {
    try {
      return { publicKey: decodeAddress(known), secretKey: toHalfEd25519(hexToU8a(privateKey)) };
    } catch {
      throw damaged(file);
    }
  }
  throw walletError(
    file,
    `${file} holds only a public key`,
    'point --wallet.hotkey at the file with the secret, the one without "pub" in its name',
  );
}

/** Schnorrkel's canonical secret (scalar and nonce) to the form @polkadot signs with: the scalar times 8, little-endian. */
function toHalfEd25519(canonical: Uint8Array): Uint8Array {
  const secret = Uint8Array.from(canonical);
  let carry = 0;
  for (let i = 0; i < 32; i++) {
    const shifted = (canonical[i]! << 3) | carry;
    secret[i] = shifted & 0xff;
    carry = shifted >> 8;
  }
  return secret;
}

function damaged(file: string): FlockOffError {
  return walletError(
    file,
    `the hotkey ${file} is damaged: expected one JSON object with hex keys and an ss58 address`,
    'restore it from its mnemonic or a backup',
  );
}

function walletError(file: string, what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'wallet', what, fix, facts: { file } });
}
