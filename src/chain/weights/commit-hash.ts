import { polkadotCrypto } from '../codec/polkadot.ts';
import { weightScale } from './scale.ts';

/** What a weight commit hides and its reveal shows. */
export interface WeightCommitPreimage {
  /** Committing account, 32 bytes. */
  publicKey: Uint8Array;
  /** With a mechanism's stride, see {@link storageIndex}. */
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
  const { blake2AsU8a, u8aToHex } = await polkadotCrypto();
  const { u16, u64, u16s, concat } = await weightScale();
  const preimage = concat(publicKey, u16(netuid), u16s(uids), u16s(values), u16s(salt), u64(versionKey));
  return u8aToHex(blake2AsU8a(preimage, 256));
}
