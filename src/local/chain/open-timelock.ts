import { createDecipheriv, createHash } from 'node:crypto';
import { bls12_381 } from '@noble/curves/bls12-381.js';

const POINT_BYTES = 96;
const FIELD_BYTES = 48;
const TAG_BYTES = 16;
const SUITE = 'AES_GCM_';

/**
 * Opens a ciphertext that is locked until a round of the beacon, with that round's signature (48 bytes): Boneh-Franklin
 * identity-based encryption of an AES-256-GCM key, as Subtensor's `tle` crate writes it. `null` when it does not open.
 */
export function openTimelock(ciphertext: Uint8Array, signature: Uint8Array): Uint8Array | null {
  try {
    const { G1, G2, pairing, fields } = bls12_381;
    const { point, sigmaMask, keyMask, body, nonce } = parse(Buffer.from(ciphertext));
    const ephemeral = G2.Point.fromHex(point);
    const shared = littleEndian(fields.Fp12.toBytes(pairing(G1.Point.fromHex(signature), ephemeral)));
    const sigma = xor(sigmaMask, sha256(shared));
    const key = xor(keyMask, sha256(sigma));
    const scalar = fields.Fr.create(BigInt(`0x${sha256(sigma, key).toString('hex')}`));
    if (!G2.Point.BASE.multiply(scalar).equals(ephemeral)) return null;
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    decipher.setAuthTag(body.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    return null; // No point of the curve, too short, another suite, or changed on the way.
  }
}

/** arkworks' compressed form: a point, then lists of bytes with their lengths before them. */
function parse(bytes: Buffer) {
  const point = bytes.subarray(0, POINT_BYTES);
  const outer = lists(bytes.subarray(POINT_BYTES));
  const [sigmaMask, keyMask, sealed, suite] = [outer(), outer(), outer(), outer()];
  if (suite.toString('latin1') !== SUITE) throw new Error('another cipher suite');
  const inner = lists(sealed);
  return { point, sigmaMask, keyMask, body: inner(), nonce: inner() };
}

/** Reads lists of bytes one after the other: u64 little-endian length, then the bytes. */
function lists(bytes: Buffer): () => Buffer {
  let place = 0;
  return () => {
    const from = place + 8;
    place = from + Number(bytes.readBigUInt64LE(place));
    if (place > bytes.length) throw new Error('too short');
    return bytes.subarray(from, place);
  };
}

/** Twelve coefficients of the base field, each turned round: the library writes them big-endian. */
function littleEndian(bytes: Uint8Array): Buffer {
  const turned = Buffer.from(bytes);
  for (let at = 0; at < turned.length; at += FIELD_BYTES) turned.subarray(at, at + FIELD_BYTES).reverse();
  return turned;
}

function xor(one: Uint8Array, other: Uint8Array): Buffer {
  return Buffer.from(one.map((byte, i) => byte ^ other[i]!));
}

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
