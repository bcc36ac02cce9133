import { toTuple } from '../codec/chain-value.ts';
import { type ChainValue, readsFor, type Snapshot, toItems, toNumber } from '../node/snapshot.ts';
import { type NeuronInfo, readNeuronInfos } from './neuron-info.ts';

/** Smallest units of an alpha or a TAO. */
export const RAO = 1e9;

/** Whose a hotkey is, and what is staked to it. */
export interface Owned {
  /** ss58 address. */
  coldkey: string;
  /** Alpha staked to the hotkey on the subnet; `null` where the runtime has none. */
  stakeAlpha: number | null;
}

/** Who has a uid. */
export interface Slot {
  uid: number;
  account: ChainValue;
}

/**
 * Coldkeys and stakes of a subnet's hotkeys, by uid, in one round trip: one call of the runtime, or where it has no such
 * function, or another layout, two storage items for each hotkey.
 * @param slots all of the subnet, in the order of their uids.
 */
export async function readOwners(snapshot: Snapshot, netuid: number, slots: Slot[]): Promise<Map<number, Owned>> {
  const infos = await readNeuronInfos(snapshot, netuid);
  const isOfThese = infos?.length === slots.length && slots.every(({ account }, i) => infos[i]?.hotkey.eq(account));
  if (!isOfThese) return readOwnersFromStorage(snapshot, netuid, slots);
  return new Map(infos.map((info, uid) => [uid, ownedOf(info)]));
}

function ownedOf({ coldkey, stake }: NeuronInfo): Owned {
  const amounts = toItems(stake).map((pair) => toNumber(toTuple(pair, ['coldkey', 'amount']).amount));
  return { coldkey: String(coldkey), stakeAlpha: amounts.reduce((sum, amount) => sum + amount, 0) / RAO };
}

async function readOwnersFromStorage(snapshot: Snapshot, netuid: number, slots: Slot[]): Promise<Map<number, Owned>> {
  const read = await snapshot.read(
    readsFor(slots, ({ account }) => ({
      coldkey: ['subtensorModule.owner', account],
      alpha: snapshot.optional(['subtensorModule.totalHotkeyAlpha', account, netuid]),
    })),
  );
  return new Map(
    Array.from(read, ([{ uid }, { coldkey, alpha }]) => [
      uid,
      { coldkey: String(coldkey), stakeAlpha: alpha ? toNumber(alpha) / RAO : null },
    ]),
  );
}
