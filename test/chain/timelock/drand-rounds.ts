import { createHash } from 'node:crypto';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { DRAND_QUICKNET, type DrandBeacon } from '../../../src/chain/timelock/drand.ts';

const SIGNATURE_DOMAIN = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
const { G2, shortSignatures } = bls12_381;

/** When a round is published, in Unix milliseconds. */
export function timeOfRound({ genesisSeconds, periodSeconds }: DrandBeacon, round: number): number {
  return (genesisSeconds + (round - 1) * periodSeconds) * 1000;
}

/** Whether a signature (48 bytes) is the beacon's for a round. Default: drand's quicknet. */
export function verifyRound({
  round,
  signature,
  publicKey = DRAND_QUICKNET.publicKey,
}: {
  round: number;
  signature: Uint8Array;
  publicKey?: Uint8Array;
}): boolean {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(round));
  const identity = shortSignatures.hash(createHash('sha256').update(number).digest(), SIGNATURE_DOMAIN);
  try {
    return shortSignatures.verify(signature, identity, G2.Point.fromHex(publicKey));
  } catch {
    return false; // no point of the curve
  }
}
