import { polkadotCrypto } from './polkadot.ts';

/** What a weight commit hides and its reveal shows. */
export interface WeightCommitPreimage {
  /** Committing account, 32 bytes. */
  publicKey: Uint8Array;
  netuid: number;
  uids: number[];
  /** u16, exactly as revealed later. */
  values: number[];
  /** u16. */
  salt: number[];
  versionKey: number;
}

/**
 * The hash a hash-commit stores (Subtensor `commit_weights`): blake2b-256 over the SCALE encoding of
 * (AccountId32, u16 netuid, Vec<u16> uids, Vec<u16> values, Vec<u16> salt, u64 version key). `0x` and 64 hex digits.
 */
export async function commitHash({
  publicKey,
  netuid,
  uids,
  values,
  salt,
  versionKey,
}: WeightCommitPreimage): Promise<string> {
  const { blake2AsU8a, bnToU8a, compactToU8a, u8aConcat, u8aToHex } = await polkadotCrypto();
  const u16 = (value: number) => Uint8Array.of(value & 0xff, value >> 8);
  const vec = (items: number[]) => u8aConcat(compactToU8a(items.length), ...items.map(u16));
  const key = bnToU8a(versionKey, { bitLength: 64, isLe: true });
  return u8aToHex(blake2AsU8a(u8aConcat(publicKey, u16(netuid), vec(uids), vec(values), vec(salt), key), 256));
}
