import type { ApiPromise } from '@polkadot/api';
import type { Commitment } from '../schema/metagraph.ts';

/** The parts of a stored commitment that are read, whatever the runtime calls their types. */
interface StoredCommitment {
  isSome: boolean;
  unwrap(): {
    block: { toNumber(): number };
    info: { fields: { type: string; inner: { toU8a(bare: boolean): Uint8Array } }[] };
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Every commitment of a subnet by hotkey, in one map read. */
export async function readCommitments(api: ApiPromise, netuid: number): Promise<Map<string, Commitment>> {
  const entries = await api.query.commitments!.commitmentOf!.entries(netuid);
  const commitments = new Map<string, Commitment>();
  for (const [key, value] of entries) {
    const hotkey = key.args[1]!.toString();
    const commitment = decodeCommitment(hotkey, value as unknown as StoredCommitment);
    if (commitment) commitments.set(hotkey, commitment);
  }
  return commitments;
}

/** The commitment of one hotkey, `null` when it never made one. */
export async function readCommitment(api: ApiPromise, netuid: number, hotkey: string): Promise<Commitment | null> {
  const value = await api.query.commitments!.commitmentOf!(netuid, hotkey);
  return decodeCommitment(hotkey, value as unknown as StoredCommitment);
}

function decodeCommitment(hotkey: string, stored: StoredCommitment): Commitment | null {
  if (!stored.isSome) return null;
  const { block, info } = stored.unwrap();
  return { hotkey, text: textOf(info.fields[0]), block: block.toNumber() };
}

function textOf(field: { type: string; inner: { toU8a(bare: boolean): Uint8Array } } | undefined): string | null {
  if (!field || !/^(Raw\d+|BigRaw)$/.test(field.type)) return null;
  try {
    return utf8.decode(field.inner.toU8a(true));
  } catch {
    return null;
  }
}

/** A text as the `CommitmentInfo` of `setCommitment`: one RawN field, N counted in bytes. */
export function encodeCommitment(text: string): { fields: Record<string, Uint8Array>[] } {
  const bytes = new TextEncoder().encode(text);
  return { fields: [{ [`Raw${bytes.length}`]: bytes }] };
}

/**
 * First block in which the hotkey may commit again, or `null` when the runtime does not limit by blocks (newer ones
 * limit the bytes of an epoch).
 */
export async function nextCommitmentBlock(api: ApiPromise, netuid: number, hotkey: string): Promise<number | null> {
  const { query, consts } = api;
  const lastCommitment = query.commitments?.lastCommitment;
  const rateLimit = consts.commitments?.rateLimit ?? (await query.commitments?.rateLimit?.());
  if (!lastCommitment || rateLimit === undefined) return null;
  const last = (await lastCommitment(netuid, hotkey)) as unknown as {
    isSome: boolean;
    unwrap(): { toNumber(): number };
  };
  return last.isSome ? last.unwrap().toNumber() + Number(rateLimit.toString()) : 0;
}
