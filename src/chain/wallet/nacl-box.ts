import { argon2i } from 'hash-wasm';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { polkadotCrypto } from '../codec/polkadot.ts';

/** Every wallet has the same salt: it stands in the source of Bittensor's wallet. */
const SALT = Uint8Array.from(Buffer.from('137183dff15a09bc9c90b5518739e9b1', 'hex'));
const PREFIX_BYTES = '$NACL'.length;
const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/** A secretbox: XSalsa20 and Poly1305, the tag first. */
export interface NaclBox {
  nonce: Uint8Array;
  sealed: Uint8Array;
}

/** Reads `$NACL`, nonce, box; `null` when it is cut off. */
export function readNaclBox(content: Uint8Array): NaclBox | null {
  const nonce = content.subarray(PREFIX_BYTES, PREFIX_BYTES + NONCE_BYTES);
  const sealed = content.subarray(PREFIX_BYTES + NONCE_BYTES);
  return sealed.length > TAG_BYTES ? { nonce, sealed } : null;
}

/**
 * The key of a password: Argon2i, 8 passes over 512 MiB, which takes seconds in which this thread does nothing else.
 * @throws FlockOffError `wallet` when there is not that much memory.
 */
export async function naclKey(password: string): Promise<Uint8Array> {
  try {
    return await argon2i({
      password: Buffer.from(password),
      salt: SALT,
      iterations: 8,
      memorySize: 512 * 1024,
      parallelism: 1,
      hashLength: 32,
      outputType: 'binary',
    });
  } catch (error) {
    throw new FlockOffError({
      code: 'wallet',
      what: `the key file could not be decrypted, for which 512 MiB of memory are needed (${messageOf(error)})`,
      fix: 'free memory, or raise the limit of this process',
    });
  }
}

/** What is in the box, `null` when the key does not fit. */
export async function openNaclBox({ nonce, sealed }: NaclBox, key: Uint8Array): Promise<Uint8Array | null> {
  const { naclDecrypt } = await polkadotCrypto();
  return naclDecrypt(sealed, nonce, key);
}
