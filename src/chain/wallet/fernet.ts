import { createDecipheriv, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Every wallet has the same salt: it stands in the source of Bittensor's first wallet. */
const SALT = 'Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins';
const IV_AT = 9; // After the version and the time.
const SEALED_AT = IV_AT + 16;
const MAC_BYTES = 32;
const BLOCK_BYTES = 16;

/** A Fernet token, https://github.com/fernet/spec. */
export interface FernetToken {
  iv: Uint8Array;
  sealed: Uint8Array;
  mac: Uint8Array;
  /** What the MAC is of. */
  signed: Uint8Array;
}

/** Reads a token; `null` when it is none. */
export function readFernetToken(content: Uint8Array): FernetToken | null {
  const text = Buffer.from(content).toString('latin1').trim();
  if (!/^[\w-]+={0,2}$/.test(text)) return null;
  const token = Buffer.from(text, 'base64url');
  const signed = token.subarray(0, -MAC_BYTES);
  const sealed = signed.subarray(SEALED_AT);
  if (sealed.length === 0 || sealed.length % BLOCK_BYTES !== 0) return null;
  return { iv: token.subarray(IV_AT, SEALED_AT), sealed, mac: token.subarray(-MAC_BYTES), signed };
}

/** The key of a password, 32 bytes: ten million rounds, which take seconds. */
export function fernetKey(password: string): Promise<Uint8Array> {
  return promisify(pbkdf2)(password, SALT, 10_000_000, 32, 'sha256');
}

/** What is in the token, `null` when the key does not fit. */
export function openFernetToken({ iv, sealed, mac, signed }: FernetToken, key: Uint8Array): Uint8Array | null {
  const seen = createHmac('sha256', key.subarray(0, 16)).update(signed).digest();
  if (!timingSafeEqual(seen, mac)) return null;
  const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), iv);
  return Buffer.concat([decipher.update(sealed), decipher.final()]);
}
