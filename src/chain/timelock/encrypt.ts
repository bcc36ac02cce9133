import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { requiredItem } from '../../shared/required.ts';
import { DRAND_QUICKNET } from './drand.ts';

/*
 * Time-lock encryption as Subtensor's `tle` crate opens it: a random AES-256-GCM key encrypts the message, and
 * Boneh-Franklin's identity-based encryption (FullIdent, curve BLS12-381) hides that key until the beacon signs the round.
 * Not the format of drand's `tlock`. Imported only where it is used: loading the curve takes a quarter of a second.
 */

export interface EncryptTimelockedParameters {
  message: Uint8Array;
  /** Number of the round whose signature opens it. */
  round: number;
  /** Of the beacon: 96 bytes. Default: that of drand's quicknet. */
  publicKey?: Uint8Array;
  /** For reproducible ciphertexts: 32, 32 and 12 bytes that nobody else may know. Default: from the system. */
  randomness?: { key: Uint8Array; sigma: Uint8Array; nonce: Uint8Array };
}

export interface DecryptTimelockedParameters {
  ciphertext: Uint8Array;
  /** The beacon's signature of the round: 48 bytes. */
  signature: Uint8Array;
}

const { G1, G2, fields, pairing } = bls12_381;
const SIGNATURE_DOMAIN = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
const SUITE = Buffer.from('AES_GCM_', 'latin1');
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const POINT_BYTES = 96;
const FIELD_BYTES = 48;
/** The generator without the library's table of multiples, which takes half a second to make and is used once. */
const GENERATOR = G2.Point.fromAffine(G2.Point.BASE.toAffine());

/**
 * Encrypts a message so that it opens with the beacon's signature of a round: 244 bytes more than the message.
 * @throws FlockOffError `bad-argument` for a round that is no whole number above 0, or a public key that is none.
 */
export function encryptTimelocked(parameters: EncryptTimelockedParameters): Uint8Array {
  const { message, round, publicKey = DRAND_QUICKNET.publicKey } = parameters;
  const { key, sigma, nonce } = parameters.randomness ?? {
    key: randomBytes(KEY_BYTES),
    sigma: randomBytes(KEY_BYTES),
    nonce: randomBytes(NONCE_BYTES),
  };
  const scalar = scalarOf(sigma, key);
  // e(rQ, P) is e(Q, rP), and multiplying in G1 is cheaper.
  const shared = pairing(identityOf(round).multiply(scalar), publicKeyPoint(publicKey));
  const cipher = createCipheriv(CIPHER, key, nonce);
  const body = Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
  return Buffer.concat([
    GENERATOR.multiply(scalar).toBytes(true),
    list(xor(sigma, sha256(serialise(shared)))),
    list(xor(key, sha256(sigma))),
    list(Buffer.concat([list(body), list(nonce)])),
    list(SUITE),
  ]);
}

/**
 * Opens what {@link encryptTimelocked} made with the signature of its round.
 * @throws FlockOffError `bad-argument` when the bytes are no such ciphertext, or the signature does not open it: it is of
 *   another round or beacon, or the ciphertext was changed.
 */
export function decryptTimelocked({ ciphertext, signature }: DecryptTimelockedParameters): Uint8Array {
  try {
    const { ephemeral, sigmaMask, keyMask, body, nonce } = parse(Buffer.from(ciphertext));
    const sigma = xor(sigmaMask, sha256(serialise(pairing(G1.Point.fromHex(signature), ephemeral))));
    const key = xor(keyMask, sha256(sigma));
    if (!GENERATOR.multiply(scalarOf(sigma, key)).equals(ephemeral)) throw new Error('the signature does not fit');
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(body.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new FlockOffError({
      code: 'bad-argument',
      what: `${ciphertext.length} bytes cannot be opened with this signature: they are no time-locked ciphertext, were changed, or wait for another round`,
      fix: 'pass the signature of the round it was locked with, by the same beacon',
      facts: { name: 'bytes', value: ciphertext.length },
      cause,
    });
  }
}

/** What the beacon signs for a round, as a point of G1. */
function identityOf(round: number) {
  if (!Number.isSafeInteger(round) || round < 1) {
    throw new FlockOffError({ code: 'bad-argument', what: `rounds are whole numbers from 1 on, saw ${round}` });
  }
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(round));
  return bls12_381.shortSignatures.hash(sha256(number), SIGNATURE_DOMAIN);
}

function publicKeyPoint(publicKey: Uint8Array) {
  try {
    return G2.Point.fromHex(publicKey);
  } catch (cause) {
    throw new FlockOffError({
      code: 'bad-argument',
      what: `the beacon's public key must be ${POINT_BYTES} bytes that are a point of G2, saw ${publicKey.length} that are none`,
      fix: 'pass the public key of a drand beacon of the scheme bls-unchained-g1-rfc9380',
      cause,
    });
  }
}

function scalarOf(sigma: Uint8Array, key: Uint8Array): bigint {
  return fields.Fr.create(BigInt(`0x${sha256(sigma, key).toString('hex')}`));
}

/** arkworks' form of an element of Fp12: the library's twelve coefficients in the same order, little-endian each. */
function serialise(element: ReturnType<typeof pairing>): Buffer {
  const bytes = Buffer.from(fields.Fp12.toBytes(element));
  for (let from = 0; from < bytes.length; from += FIELD_BYTES) bytes.subarray(from, from + FIELD_BYTES).reverse();
  return bytes;
}

/** arkworks' form of a list of bytes: its length as u64 little-endian before them. */
function list(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}

function parse(bytes: Buffer) {
  const ephemeral = G2.Point.fromHex(bytes.subarray(0, POINT_BYTES));
  const { sigmaMask, keyMask, sealed, suite } = readLists(bytes.subarray(POINT_BYTES), [
    'sigmaMask',
    'keyMask',
    'sealed',
    'suite',
  ]);
  const { body, nonce } = readLists(sealed, ['body', 'nonce']);
  const lengths = [sigmaMask, keyMask, nonce].map(({ length }) => length);
  if (!suite.equals(SUITE)) throw new Error('another cipher suite');
  if (lengths.join() !== [KEY_BYTES, KEY_BYTES, NONCE_BYTES].join()) throw new Error(`odd lengths ${lengths.join()}`);
  if (body.length < TAG_BYTES) throw new Error('no room for the tag');
  return { ephemeral, sigmaMask, keyMask, body, nonce };
}

function readLists<Name extends string>(bytes: Buffer, names: Name[]): Record<Name, Buffer> {
  let rest = bytes;
  const lists = names.map((name) => {
    const until = 8 + Number(rest.readBigUInt64LE());
    if (until > rest.length) throw new Error('cut off');
    const item = rest.subarray(8, until);
    rest = rest.subarray(until);
    return [name, item];
  });
  if (rest.length > 0) throw new Error(`${rest.length} bytes too many`);
  return Object.fromEntries(lists) as Record<Name, Buffer>;
}

function xor(one: Uint8Array, other: Uint8Array): Buffer {
  return Buffer.from(one.map((byte, i) => byte ^ requiredItem(other, i)));
}

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
