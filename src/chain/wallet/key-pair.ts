import { polkadotCrypto } from '../codec/polkadot.ts';
import { DERIVED } from './foreign-key-file.ts';
import { ED25519, type KeyFile } from './key-file.ts';
import { damagedFile, foreignFile, walletError } from './wallet-files.ts';

/** A key that signs. The secret stays in the closure of `sign`. */
export interface KeyPair {
  /** 32 bytes. */
  publicKey: Uint8Array;
  /** The 64 bytes of the scheme. */
  sign(payload: Uint8Array): Uint8Array;
}

/**
 * The key pair of a key file's first secret in Bittensor's order: phrase, seed, private key. `null` when the file has none.
 * @throws FlockOffError `wallet` when the secret is no key.
 */
export async function keyPair(keys: KeyFile, file: string): Promise<KeyPair | null> {
  const { ed25519PairFromSeed, ed25519Sign, sr25519PairFromSeed, sr25519Sign } = await polkadotCrypto();
  const seed = await seedOf(keys, file);
  if (keys.scheme === ED25519) {
    const secret = seed ?? keys.privateKey?.subarray(0, 32);
    if (!secret) return null;
    const pair = ed25519PairFromSeed(secret);
    return { publicKey: pair.publicKey, sign: (payload) => ed25519Sign(payload, pair) };
  }
  const { privateKey } = keys;
  if (!seed && !privateKey) return null;
  const pair = seed ? sr25519PairFromSeed(seed) : privateKey && (await sr25519Pair(privateKey));
  if (!pair) throw damagedFile(file);
  return { publicKey: pair.publicKey, sign: (payload) => sr25519Sign(payload, pair) };
}

/** The 32 bytes that the whole key follows from, `null` when the file has only the private key, or no secret. */
async function seedOf({ secretPhrase, secretSeed }: KeyFile, file: string): Promise<Uint8Array | null> {
  if (!secretPhrase) return secretSeed ?? null;
  const { mnemonicToMiniSecret, mnemonicValidate } = await polkadotCrypto();
  // As typed by a person: the address in the file, and the checksum of the words, say whether it is meant.
  const phrase = secretPhrase.normalize('NFKD').trim().toLowerCase().split(/\s+/).join(' ');
  if (mnemonicValidate(phrase)) return mnemonicToMiniSecret(phrase);
  if (phrase.includes('/')) throw foreignFile(file, DERIVED);
  throw walletError(
    file,
    `the secret phrase in ${file} is not a valid mnemonic`,
    'restore the file from a backup, or make it again with btcli wallet regen-hotkey --mnemonic',
  );
}

/** The pair of schnorrkel's canonical secret: a scalar below the group's order, little-endian, and a nonce. */
async function sr25519Pair(canonical: Uint8Array) {
  const { ed25519, RistrettoPoint } = await import('@noble/curves/ed25519.js');
  if (canonical.length !== 64) return null;
  const scalar = BigInt(`0x${Buffer.from(canonical.subarray(0, 32).toReversed()).toString('hex')}`);
  if (scalar === 0n || scalar >= ed25519.CURVE.n) return null;
  return { publicKey: RistrettoPoint.BASE.multiply(scalar).toBytes(), secretKey: toHalfEd25519(canonical) };
}

/** The canonical secret in the form that @polkadot signs with: the scalar times 8. */
function toHalfEd25519(canonical: Uint8Array): Uint8Array {
  const secret = Uint8Array.from(canonical);
  let carry = 0;
  for (const [i, byte] of canonical.subarray(0, 32).entries()) {
    const shifted = (byte << 3) | carry;
    secret[i] = shifted & 0xff;
    carry = shifted >> 8;
  }
  return secret;
}
