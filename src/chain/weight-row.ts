import { FlockOffError } from '../errors/flock-off-error.ts';
import { type NormalisedWeights, normaliseWeights, type WeightEntry } from './normalise-weights.ts';
import { type Snapshot, toItems, toNumber } from './snapshot.ts';
import type { WeightTerms } from './weight-terms.ts';

/**
 * The row to send: entries whose uid has another hotkey by now are dropped, an empty row becomes all weight on the own
 * uid, and uids of weight 0 fill up to the number of entries that the subnet demands.
 * @throws FlockOffError `bad-argument` when nothing is above 0, or for a uid the subnet does not have.
 */
export function weightRow(
  weights: WeightEntry[],
  netuid: number,
  { uid: own, size, hotkeys, minAllowedWeights }: Pick<WeightTerms, 'uid' | 'size' | 'hotkeys' | 'minAllowedWeights'>,
): NormalisedWeights {
  const still = weights.filter(({ uid, hotkey }) => hotkey === undefined || hotkeys.get(uid) === hotkey);
  const { uids, values } = normaliseWeights(still.length > 0 ? still : [{ uid: own, weight: 1 }]);
  const unknown = uids.find((uid) => uid >= size);
  if (uids.length === 0 || unknown !== undefined) {
    throw new FlockOffError({
      code: 'bad-argument',
      what:
        unknown === undefined
          ? 'there is no weight to set: expected at least one above 0'
          : `subnet ${netuid} has uids 0 to ${size - 1}, saw a weight for uid ${unknown}`,
      fix: 'take the uids from a fresh metagraph',
      facts: { netuid, neurons: size, uid: unknown },
    });
  }
  // The chain counts entries, not their size.
  const others = Array.from({ length: size }, (_, uid) => uid).filter((uid) => !uids.includes(uid));
  const filler = others.slice(0, Math.max(0, Math.min(minAllowedWeights, size) - uids.length));
  return { uids: [...uids, ...filler], values: [...values, ...filler.map(() => 0)] };
}

/** The row a uid has on the chain, by the subnet's storage index; empty when it has set none. */
export async function readWeightRow(snapshot: Snapshot, index: number, uid: number): Promise<NormalisedWeights> {
  const pairs = toItems(await snapshot.get('subtensorModule.weights', index, uid)).map((pair) => toItems(pair));
  return { uids: pairs.map(([target]) => toNumber(target!)), values: pairs.map(([, value]) => toNumber(value!)) };
}

/** Whether two rows give every uid the same weight; one of 0 counts as none. */
export function isSameRow(one: NormalisedWeights, other: NormalisedWeights): boolean {
  return canonical(one) === canonical(other);
}

function canonical({ uids, values }: NormalisedWeights): string {
  const entries = uids.map((uid, i) => [uid, values[i]!] as const).filter(([, value]) => value > 0);
  return JSON.stringify(entries.sort(([a], [b]) => a - b));
}
