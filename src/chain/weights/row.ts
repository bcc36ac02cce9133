import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Snapshot, toItems, toNumber } from '../node/snapshot.ts';
import { toWeightRow } from '../subnet/stored-weights.ts';
import { clipToShare } from './clip.ts';
import { type NormalisedWeights, normaliseWeights, type WeightEntry } from './normalise.ts';
import type { WeightTerms } from './terms.ts';

/**
 * The row to send: entries whose uid has another hotkey by now are dropped, shares above the subnet's limit are clipped to
 * it, an empty row becomes all weight on the own uid, and uids of weight 0 fill up to the number of entries that the subnet demands.
 * @throws FlockOffError `bad-argument` when nothing is above 0, or for a uid the subnet does not have.
 */
export function weightRow(
  weights: WeightEntry[],
  netuid: number,
  terms: Pick<WeightTerms, 'uid' | 'size' | 'hotkeys' | 'minAllowedWeights' | 'maxWeightsLimit' | 'isNullConsensus'>,
): NormalisedWeights {
  const { uid: own, size, hotkeys, minAllowedWeights, isNullConsensus } = terms;
  const still = weights.filter(({ uid, hotkey }) => hotkey === undefined || hotkeys.get(uid) === hotkey);
  const { uids, values } = normaliseWeights(still.length > 0 ? clipToLimit(still, terms) : [{ uid: own, weight: 1 }]);
  const unknown = uids.find((uid) => uid >= size);
  if (uids.length === 0 || unknown !== undefined) {
    throw new FlockOffError({
      code: 'bad-argument',
      what:
        unknown === undefined
          ? 'there is no weight to set: expected at least one above 0'
          : `subnet ${netuid} has uids 0 to ${size - 1}, saw a weight for uid ${unknown}`,
      fix: 'take the uids from a fresh metagraph',
      facts: { name: 'uid', value: unknown, most: size - 1, netuid },
    });
  }
  // All on oneself needs neither permit nor length; with others beside it, it would. Under Null consensus it always does.
  if (still.length === 0 && !isNullConsensus) return { uids, values };
  // The chain counts entries, not their size.
  const others = Array.from({ length: size }, (_, uid) => uid).filter((uid) => !uids.includes(uid));
  const filler = others.slice(0, Math.max(0, Math.min(minAllowedWeights, size) - uids.length));
  return { uids: [...uids, ...filler], values: [...values, ...filler.map(() => 0)] };
}

/** Weights whose shares are within a subnet's limit. The chain lets a hotkey give all weight to itself, whatever that is. */
export function clipToLimit(
  weights: WeightEntry[],
  { uid, maxWeightsLimit }: Pick<WeightTerms, 'uid' | 'maxWeightsLimit'>,
): WeightEntry[] {
  const [first] = weights;
  const isOwn = weights.length === 1 && first?.uid === uid;
  if (maxWeightsLimit >= 1 || isOwn) return weights;
  const shares = clipToShare(
    weights.map(({ weight }) => weight),
    maxWeightsLimit,
  );
  return weights.map((entry, i) => ({ ...entry, weight: shares[i] ?? 0 }));
}

/** The row a uid has, and the block of its last weights (0 when none), in one round trip. */
export async function readStanding(
  snapshot: Snapshot,
  index: number,
  uid: number,
): Promise<{ row: NormalisedWeights; lastUpdateBlock: number }> {
  const { lastUpdate, row } = await snapshot.read({
    lastUpdate: snapshot.forSubnet('subtensorModule.lastUpdate', index),
    row: ['subtensorModule.weights', index, uid],
  });
  const block = toItems(lastUpdate)[uid];
  return { row: toWeightRow(row), lastUpdateBlock: block ? toNumber(block) : 0 };
}

/** Whether two rows give every uid the same weight; one of 0 counts as none. */
export function isSameRow(one: NormalisedWeights, other: NormalisedWeights): boolean {
  return canonical(one) === canonical(other);
}

function canonical({ uids, values }: NormalisedWeights): string {
  const entries = uids.map((uid, i) => [uid, values[i] ?? 0] as const).filter(([, value]) => value > 0);
  return JSON.stringify(entries.sort(([a], [b]) => a - b));
}
