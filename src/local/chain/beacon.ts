import { createHash } from 'node:crypto';
import { mapHashToField } from '@noble/curves/abstract/modular.js';
import { bls12_381 } from '@noble/curves/bls12-381.js';

const DOMAIN = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';

/**
 * A drand beacon of the chain's own, of the scheme of drand's quicknet (bls-unchained-g1-rfc9380). Round r is published at
 * genesis + (r - 1) * period. Its key follows from a seed and is nobody's secret.
 */
export class LocalBeacon {
  /** 96 bytes (a point of G2, compressed). */
  readonly publicKey: Uint8Array;
  /** Unix time. */
  readonly genesisSeconds: number;
  readonly periodSeconds: number;
  readonly #secretKey: Uint8Array;

  constructor({
    seed,
    genesisSeconds,
    periodSeconds,
  }: { seed: string; genesisSeconds: number; periodSeconds: number }) {
    this.#secretKey = mapHashToField(createHash('sha512').update(seed).digest(), bls12_381.fields.Fr.ORDER);
    this.publicKey = bls12_381.shortSignatures.getPublicKey(this.#secretKey).toBytes(true);
    this.genesisSeconds = genesisSeconds;
    this.periodSeconds = periodSeconds;
  }

  /** The latest round at a time. */
  roundAt(timeMs: number): number {
    return Math.max(0, Math.floor((timeMs / 1000 - this.genesisSeconds) / this.periodSeconds) + 1);
  }

  /** The signature of a round: 48 bytes (a point of G1, compressed). Takes milliseconds. */
  signature(round: number): Uint8Array {
    const message = Buffer.alloc(8);
    message.writeBigUInt64BE(BigInt(round));
    const { hash, sign } = bls12_381.shortSignatures;
    return sign(hash(createHash('sha256').update(message).digest(), DOMAIN), this.#secretKey).toBytes(true);
  }
}
