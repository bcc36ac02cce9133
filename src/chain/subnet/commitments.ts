import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Commitment } from '../../schema/metagraph.ts';
import { toField, toKeys } from '../codec/chain-value.ts';
import { type ChainValue, type Snapshot, toNullable, toNumber } from '../node/snapshot.ts';
import { epochPosition, epochReads } from './epoch-schedule.ts';

/** One field of a commitment, as @polkadot decodes the enum `Data`. */
export interface CommitmentField {
  /** `None`, `Raw0` ... `Raw128`, `BigRaw`, `Sha256` ... */
  type: string;
  inner: { toU8a(isBare: boolean): Uint8Array };
}

interface Registration {
  encodedLength: number;
  block: ChainValue;
  info: { fields: CommitmentField[] };
}

/** Every commitment of a subnet by hotkey, in one map read. What cannot be decoded is in it as `undecodable`. */
export async function readCommitments(snapshot: Snapshot, netuid: number): Promise<Map<string, Commitment>> {
  const entries = await snapshot.readMap('commitments.commitmentOf', netuid);
  return new Map(
    entries.map(({ keys, hex, value }) => {
      const hotkey = String(toKeys(keys, ['netuid', 'hotkey']).hotkey);
      return [hotkey, toCommitment(hotkey, hex, value)];
    }),
  );
}

/** The commitment of one hotkey, `null` when it never made one. */
export async function readCommitment(snapshot: Snapshot, netuid: number, hotkey: string): Promise<Commitment | null> {
  const { hex, value } = await snapshot.readEntry('commitments.commitmentOf', netuid, hotkey);
  return hex === null ? null : toCommitment(hotkey, hex, value);
}

function toCommitment(hotkey: string, hex: string, value: () => ChainValue): Commitment {
  try {
    const registration = toNullable(value()) as unknown as Registration;
    // What was read past the end, or left over, is not what was written.
    if (registration.encodedLength !== hex.length / 2 - 1) return undecodable(hotkey, hex);
    const [field] = registration.info.fields;
    return { hotkey, block: toNumber(registration.block), ...describeField(field) };
  } catch {
    return undecodable(hotkey, hex);
  }
}

/** Deposit (u64) and block (u32) stand in front of what was committed, on every runtime so far. */
const BLOCK_AT = 8;
const PREFIX_BYTES = 12;

function undecodable(hotkey: string, hex: string): Commitment {
  const bytes = Buffer.from(hex.slice(2), 'hex');
  const block = bytes.length < PREFIX_BYTES ? 0 : bytes.readUInt32LE(BLOCK_AT);
  return { hotkey, block, text: null, kind: 'undecodable' };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a commitment's first field, `null` when it holds none, and what kind of field it is. */
export function describeField(field: CommitmentField | undefined): Pick<Commitment, 'text' | 'kind'> {
  if (!field) return { text: null, kind: 'None' };
  const kind = field.type.replace(/^Raw\d+$/, 'Raw');
  return { kind, text: kind === 'Raw' || kind === 'BigRaw' ? textOf(field.inner.toU8a(true)) : null };
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** Most bytes of a `RawN` and of a `BigRaw` field. */
const RAW_BYTES = 128;
const BIG_RAW_BYTES = 512;

/** Whether the runtime has fields of more than 128 bytes. */
export function hasBigRaw(snapshot: Snapshot): boolean {
  return snapshot.variants('pallet_commitments::types::Data').includes('BigRaw');
}

/**
 * A text as the `CommitmentInfo` of `setCommitment`: one RawN field, N counted in bytes of UTF-8, or a BigRaw one where the
 * text is longer and the runtime has that.
 * @throws FlockOffError `bad-argument` for a text that there is no room for.
 */
export function encodeCommitment(
  text: string,
  { bigRaw = false } = {},
): { fields: Record<string, Uint8Array | string>[] } {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= RAW_BYTES) return { fields: [{ [`Raw${bytes.length}`]: bytes }] };
  const most = bigRaw ? BIG_RAW_BYTES : RAW_BYTES;
  // Bytes of a length that is not part of the type are hex to @polkadot, or they would have to be SCALE already.
  if (bytes.length <= most) return { fields: [{ BigRaw: `0x${Buffer.from(bytes).toString('hex')}` }] };
  throw new FlockOffError({
    code: 'bad-argument',
    what: `a commitment on this chain has room for ${most} bytes, this one has ${bytes.length}`,
    fix: 'choose a shorter name for the repository',
    facts: { name: 'bytes', value: bytes.length, most },
  });
}

/** Least space a commitment uses up on runtimes that limit the bytes of an epoch. */
const LEAST_SPACE_BYTES = 100;

/** When a hotkey may commit. */
export interface CommitmentRoom {
  /** Block this was read at. */
  block: number;
  /**
   * First block that may hold the next commitment; one that is not later than `block` + 1 is no wait. Infinity when no
   * epoch to come has room for it.
   */
  firstBlock: number;
  /** What an epoch allows a hotkey; `null` on runtimes that ask for a cooldown instead. */
  maxBytes: number | null;
  /** The error by which the chain refuses what comes earlier. */
  refusal: 'CommitmentSetRateLimitExceeded' | 'SpaceLimitExceeded';
}

/**
 * What the chain would say to this hotkey's next commitment of `bytes` bytes, before it is sent, in one round trip. Older
 * runtimes ask for a number of blocks since the last one, newer ones give every epoch a budget of bytes.
 */
export async function readCommitmentRoom(
  snapshot: Snapshot,
  request: { netuid: number; hotkey: string; bytes: number },
): Promise<CommitmentRoom> {
  return snapshot.has('commitments.usedSpaceOf') ? readSpace(snapshot, request) : readCooldown(snapshot, request);
}

async function readSpace(
  snapshot: Snapshot,
  { netuid, hotkey, bytes }: { netuid: number; hotkey: string; bytes: number },
): Promise<CommitmentRoom> {
  const { maxSpace, usedSpace, schedule } = await snapshot.read({
    maxSpace: snapshot.forSubnet('commitments.maxSpace', netuid),
    usedSpace: ['commitments.usedSpaceOf', netuid, hotkey],
    schedule: epochReads(snapshot, netuid),
  });
  const cost = Math.max(LEAST_SPACE_BYTES, bytes);
  const budget = toNumber(maxSpace);
  const { block, epoch, nextEpochBlock } = epochPosition(netuid, schedule);
  const stored = toNullable(usedSpace);
  const isOfEpoch = stored !== null && toNumber(toField(stored, 'lastEpoch')) === epoch;
  const used = isOfEpoch ? toNumber(toField(stored, 'usedSpace')) : 0;
  const firstBlock = cost > budget ? Number.POSITIVE_INFINITY : used + cost <= budget ? block : nextEpochBlock;
  return { block, firstBlock, maxBytes: budget, refusal: 'SpaceLimitExceeded' };
}

async function readCooldown(
  snapshot: Snapshot,
  { netuid, hotkey }: { netuid: number; hotkey: string },
): Promise<CommitmentRoom> {
  const constantLimit = snapshot.constant('commitments.rateLimit');
  const read = await snapshot.read({
    block: ['system.number'],
    lastCommitment: snapshot.optional(['commitments.lastCommitment', netuid, hotkey]),
    rateLimit: constantLimit ? null : snapshot.optional(snapshot.forSubnet('commitments.rateLimit', netuid)),
  });
  const block = toNumber(read.block);
  const last = read.lastCommitment && toNullable(read.lastCommitment);
  const limit = constantLimit ?? read.rateLimit;
  const firstBlock = last && limit ? toNumber(last) + toNumber(limit) : block;
  return { block, firstBlock, maxBytes: null, refusal: 'CommitmentSetRateLimitExceeded' };
}
