import type { Commitment } from '../schema/metagraph.ts';
import { epochPosition, epochReads } from './epoch-schedule.ts';
import { type ChainValue, type Snapshot, toNullable, toNumber } from './snapshot.ts';

/** One field of a commitment, as @polkadot decodes the enum `Data`. */
export interface CommitmentField {
  /** `None`, `Raw0` ... `Raw128`, `BigRaw`, `Sha256` ... */
  type: string;
  inner: { toU8a(isBare: boolean): Uint8Array };
}

interface Registration {
  block: ChainValue;
  info: { fields: CommitmentField[] };
}

/** Every commitment of a subnet by hotkey, in one map read. */
export async function readCommitments(snapshot: Snapshot, netuid: number): Promise<Map<string, Commitment>> {
  const entries = await snapshot.readMap('commitments.commitmentOf', netuid);
  return new Map(
    entries.flatMap(({ keys, value }) => {
      const hotkey = String(keys[1]);
      const commitment = toCommitment(hotkey, value);
      return commitment ? [[hotkey, commitment]] : [];
    }),
  );
}

/** The commitment of one hotkey, `null` when it never made one. */
export async function readCommitment(snapshot: Snapshot, netuid: number, hotkey: string): Promise<Commitment | null> {
  return toCommitment(hotkey, await snapshot.get('commitments.commitmentOf', netuid, hotkey));
}

function toCommitment(hotkey: string, stored: ChainValue): Commitment | null {
  const registration = toNullable(stored) as unknown as Registration | null;
  if (!registration) return null;
  const [field] = registration.info.fields;
  return { hotkey, text: field ? textOf(field) : null, block: toNumber(registration.block) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a field, `null` when it holds no text: a hash, time-locked data, or bytes that are not UTF-8. */
export function textOf({ type, inner }: CommitmentField): string | null {
  if (!/^(Raw\d+|BigRaw)$/.test(type)) return null;
  try {
    return utf8.decode(inner.toU8a(true));
  } catch {
    return null;
  }
}

/** A text as the `CommitmentInfo` of `setCommitment`: one RawN field, N counted in bytes of UTF-8. */
export function encodeCommitment(text: string): { fields: Record<string, Uint8Array>[] } {
  const bytes = new TextEncoder().encode(text);
  return { fields: [{ [`Raw${bytes.length}`]: bytes }] };
}

/** Least space a commitment uses up on runtimes that limit the bytes of an epoch. */
const LEAST_SPACE_BYTES = 100;

/**
 * First block that may hold this hotkey's next commitment of `bytes` bytes: some runtimes ask for a number of blocks
 * since the last one, newer ones give every epoch a budget of bytes. 0 when it may commit at once, Infinity when no epoch
 * to come has room for it.
 */
export async function nextCommitmentBlock(
  snapshot: Snapshot,
  { netuid, hotkey, bytes }: { netuid: number; hotkey: string; bytes: number },
): Promise<number> {
  if (snapshot.has('commitments.usedSpaceOf')) {
    const [maxSpace, usedSpace, ...schedule] = await snapshot.read([
      ['commitments.maxSpace'],
      ['commitments.usedSpaceOf', netuid, hotkey],
      ...epochReads(snapshot, netuid),
    ]);
    const cost = Math.max(LEAST_SPACE_BYTES, bytes);
    const budget = toNumber(maxSpace!);
    if (cost > budget) return Number.POSITIVE_INFINITY;
    const used = toNullable(usedSpace!) as unknown as { lastEpoch: ChainValue; usedSpace: ChainValue } | null;
    const { epoch, nextEpochBlock } = epochPosition(netuid, schedule);
    if (!used || toNumber(used.lastEpoch) !== epoch) return 0;
    return toNumber(used.usedSpace) + cost <= budget ? 0 : nextEpochBlock;
  }
  const limit =
    snapshot.constant('commitments.rateLimit') ??
    (snapshot.has('commitments.rateLimit') ? await snapshot.get('commitments.rateLimit') : null);
  if (!limit || !snapshot.has('commitments.lastCommitment')) return 0;
  const last = toNullable(await snapshot.get('commitments.lastCommitment', netuid, hotkey));
  return last ? toNumber(last) + toNumber(limit) : 0;
}
