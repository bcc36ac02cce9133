import { z } from 'zod';
import { polkadotCrypto } from '../codec/polkadot.ts';
import { noKeyFile, walletError } from './wallet-files.ts';

/** Signature schemes of a hotkey, by the number that key files and signatures have for them. */
export const ED25519 = 0;
export const SR25519 = 1;

const hex = (...bytes: number[]) =>
  z
    .string()
    .regex(new RegExp(`^(0x)?(${bytes.map((count) => `[0-9a-fA-F]{${count * 2}}`).join('|')})$`))
    .transform((text) => Uint8Array.from(Buffer.from(text.replace('0x', ''), 'hex')))
    .nullish();

/** The JSON of a key file. Every field may be missing or null; the wallet of Bittensor before 4.1 wrote no `cryptoType`. */
const KeyFileSchema = z.object({
  secretPhrase: z.string().nullish(),
  secretSeed: hex(32),
  /** sr25519: scalar and nonce, 64 bytes; ed25519: the seed, 32 bytes, or seed and public key. */
  privateKey: hex(32, 64),
  publicKey: hex(32),
  accountId: hex(32),
  ss58Address: z.string().nullish(),
  cryptoType: z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]).nullish(),
});

type Json = z.infer<typeof KeyFileSchema>;

/** What a key file holds, checked field by field, but not yet against each other. */
export interface KeyFile extends Pick<Json, 'secretPhrase' | 'secretSeed' | 'privateKey'> {
  scheme: typeof ED25519 | typeof SR25519;
  /** The public keys it names, 32 bytes each. */
  publicKeys: Uint8Array[];
}

/**
 * Reads the plain content of a key file: JSON, or an ss58 address alone.
 * @throws FlockOffError `wallet`, which quotes nothing of the content.
 */
export async function parseKeyFile(content: Uint8Array, file: string): Promise<KeyFile> {
  const text = Buffer.from(content).toString('utf8').trim(); // A byte-order mark goes with the white space.
  const json = text.startsWith('{') ? parseJson(text) : { ss58Address: text };
  if (!json) throw noKeyFile(file, content);
  const { secretPhrase, secretSeed, privateKey, publicKey, accountId, ss58Address, cryptoType } = json;
  const scheme = cryptoType ?? SR25519;
  if (scheme !== SR25519 && scheme !== ED25519) {
    throw walletError(
      file,
      `the key file ${file} holds a key of crypto type ${scheme}, expected 1 (sr25519) or 0 (ed25519)`,
      'use a hotkey of one of these types',
    );
  }
  const address = ss58Address ? await publicKeyOf(ss58Address) : undefined;
  if (address === null) throw noKeyFile(file, content);
  const publicKeys = [address, publicKey, accountId].filter((key) => key != null);
  return { scheme, secretPhrase, secretSeed, privateKey, publicKeys };
}

/** `null` when it is no JSON, or not that of a key file. What was thrown is dropped: it quotes the text, and the text is a secret. */
function parseJson(text: string): Json | null {
  try {
    return KeyFileSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The public key of an ss58 address or of `0x` hex, `null` when it is neither. */
async function publicKeyOf(address: string): Promise<Uint8Array | null> {
  const { decodeAddress } = await polkadotCrypto();
  try {
    const publicKey = decodeAddress(address);
    return publicKey.length === 32 ? publicKey : null;
  } catch {
    return null;
  }
}
