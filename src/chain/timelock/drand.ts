/** A drand beacon of the scheme `bls-unchained-g1-rfc9380`: it signs the number of each round, at a known time. */
export interface DrandBeacon {
  /** 96 bytes: a point of G2, compressed. */
  publicKey: Uint8Array;
  /** Unix time of round 1. */
  genesisSeconds: number;
  periodSeconds: number;
}

/** A beacon that drand's servers tell the rounds of. */
export interface DrandChain extends DrandBeacon {
  /** What servers know it by: 64 hex digits. */
  chainHash: string;
}

/** drand's quicknet, whose pulses Subtensor stores in its Drand pallet. */
export const DRAND_QUICKNET: DrandChain = {
  chainHash: '52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971',
  publicKey: Buffer.from(
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451' +
      '0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
    'hex',
  ),
  genesisSeconds: 1_692_803_367,
  periodSeconds: 3,
};

/**
 * The round to lock something with that is to open at a time (Unix milliseconds): the last one that is out a whole period
 * before it, as the Python SDK counts, so that its pulse has time to reach the chain. At least 1.
 */
export function roundAt({ genesisSeconds, periodSeconds }: DrandBeacon, timeMs: number): number {
  return Math.max(1, Math.floor((timeMs / 1000 - genesisSeconds) / periodSeconds));
}

/** When a round is published, in Unix milliseconds. */
export function timeOfRound({ genesisSeconds, periodSeconds }: DrandBeacon, round: number): number {
  return (genesisSeconds + (round - 1) * periodSeconds) * 1000;
}
