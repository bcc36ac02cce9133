import { createHash } from 'node:crypto';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { DRAND_QUICKNET } from './drand.ts';

/* Imported only where it is used: loading the curve takes a quarter of a second. */

const SIGNATURE_DOMAIN = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
const { G2, shortSignatures } = bls12_381;

export interface VerifyPulseParameters {
  round: number;
  /** 48 bytes: a point of G1, compressed. */
  signature: Uint8Array;
  /** Of the beacon: 96 bytes. Default: that of drand's quicknet. */
  publicKey?: Uint8Array;
}

/**
 * Whether a signature is the beacon's for a round. There is one for each round only, so whoever has it has what everybody
 * else has. False for whatever is no signature.
 */
export function verifyPulse({
  round,
  signature,
  publicKey = DRAND_QUICKNET.publicKey,
}: VerifyPulseParameters): boolean {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(round));
  const identity = shortSignatures.hash(createHash('sha256').update(number).digest(), SIGNATURE_DOMAIN);
  try {
    return shortSignatures.verify(signature, identity, G2.Point.fromHex(publicKey));
  } catch {
    return false; // no point of the curve
  }
}
