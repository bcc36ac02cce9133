import { toTuple } from '../codec/chain-value.ts';
import { type ChainValue, type Snapshot, toItems, toNumber } from '../node/snapshot.ts';

/** Weights as the chain keeps them, uid by uid. */
export interface WeightRow {
  uids: number[];
  /** u16; only proportions count. */
  values: number[];
}

/** The row a uid has on the chain, by the subnet's storage index; empty when it has set none. */
export async function readWeightRow(snapshot: Snapshot, index: number, uid: number): Promise<WeightRow> {
  return toWeightRow(await snapshot.get('subtensorModule.weights', index, uid));
}

/** From what the chain stores as pairs of uid and weight. */
export function toWeightRow(stored: ChainValue): WeightRow {
  const pairs = toItems(stored).map((pair) => toTuple(pair, ['uid', 'value']));
  return { uids: pairs.map(({ uid }) => toNumber(uid)), values: pairs.map(({ value }) => toNumber(value)) };
}
