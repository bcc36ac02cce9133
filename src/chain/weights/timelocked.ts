import { polkadotCrypto } from '../codec/polkadot.ts';
import { revealWindow } from '../subnet/epoch-schedule.ts';
import type { DrandBeacon } from '../timelock/drand.ts';
import { requireBeacon, roundForBlock, type TimelockTerms } from '../timelock/terms.ts';
import type { NormalisedWeights } from './normalise.ts';
import { weightScale } from './scale.ts';
import type { WeightTerms } from './terms.ts';

/** Weights that the chain will open by itself. */
export interface LockedWeights {
  /** Hash of the ciphertext, as in the event of the commit: `0x` and 64 hex digits. */
  id: string;
  /** Ciphertext, `0x` hex. */
  commit: string;
  round: number;
}

/** Blocks into the reveal epoch at which the round is out: the schedule may slip. */
const SLACK_BLOCKS = 3;

export interface WeightsPayload extends NormalisedWeights {
  /** Committing account, 32 bytes; `null` on runtimes before commit_timelocked_weights, whose payload has none. */
  publicKey: Uint8Array | null;
  versionKey: number;
}

/** What the ciphertext of weights holds, SCALE: hotkey Vec<u8>, uids Vec<u16>, values Vec<u16>, version key u64. */
export async function encodeWeightsPayload(payload: WeightsPayload): Promise<Uint8Array> {
  const { publicKey, uids, values, versionKey } = payload;
  const { bytes, u16s, u64, concat } = await weightScale();
  return concat(...(publicKey ? [bytes(publicKey)] : []), u16s(uids), u16s(values), u64(versionKey));
}

/**
 * Locks weights until the epoch in which the chain reveals what is committed in its next block.
 * @throws FlockOffError `bad-argument` when the chain trusts another beacon.
 */
export async function lockWeights(
  payload: WeightsPayload,
  terms: WeightTerms & { timelock: TimelockTerms },
  beacon?: DrandBeacon,
): Promise<LockedWeights> {
  const trusted = requireBeacon(terms.timelock, beacon);
  const round = revealRound(terms, trusted);
  const [{ blake2AsU8a, u8aToHex }, { encryptTimelocked }, message] = await Promise.all([
    polkadotCrypto(),
    import('../timelock/encrypt.ts'),
    encodeWeightsPayload(payload),
  ]);
  const ciphertext = encryptTimelocked({ message, round, publicKey: trusted.publicKey });
  return { id: u8aToHex(blake2AsU8a(ciphertext, 256)), commit: u8aToHex(ciphertext), round };
}

/** The round that is out shortly after the reveal epoch of a commit in the next block has begun. */
export function revealRound(
  {
    position,
    revealPeriodEpochs,
    timelock,
  }: Pick<WeightTerms, 'position' | 'revealPeriodEpochs'> & { timelock: TimelockTerms },
  beacon: DrandBeacon,
): number {
  const [first, last] = revealWindow(position, revealPeriodEpochs);
  return roundForBlock(timelock, beacon, Math.min(first + SLACK_BLOCKS, last));
}
