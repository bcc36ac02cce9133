import { type ChainValue, type Snapshot, type StorageRead, toItems, toNumber } from '../node/snapshot.ts';
import { readNeuronInfos } from './neuron-info.ts';

/** Smallest units of an alpha or a TAO. */
export const RAO = 1e9;

/** Whose a hotkey is, and what is staked to it. */
export interface Owned {
  /** ss58 address. */
  coldkey: string;
  /** Alpha staked to the hotkey on the subnet; `null` where the runtime has none. */
  stakeAlpha: number | null;
}

/**
 * Coldkeys and stakes of a subnet's hotkeys, by uid, in one round trip: one call of the runtime, or where it has no such
 * function, or another layout, two storage items for each hotkey.
 */
export async function readOwners(snapshot: Snapshot, netuid: number, hotkeys: ChainValue[]): Promise<Owned[]> {
  const infos = await readNeuronInfos(snapshot, netuid);
  const isOfThese = infos?.length === hotkeys.length && infos.every(({ hotkey }, uid) => hotkey.eq(hotkeys[uid]));
  if (!isOfThese) return readOwnersFromStorage(snapshot, netuid, hotkeys);
  return infos.map(({ coldkey, stake }) => {
    const amounts = toItems(stake).map((pair) => toNumber(toItems(pair)[1]!));
    return { coldkey: String(coldkey), stakeAlpha: amounts.reduce((sum, amount) => sum + amount, 0) / RAO };
  });
}

async function readOwnersFromStorage(snapshot: Snapshot, netuid: number, hotkeys: ChainValue[]): Promise<Owned[]> {
  const hasAlpha = hotkeys[0] && snapshot.canRead(['subtensorModule.totalHotkeyAlpha', hotkeys[0], netuid]);
  const values = await snapshot.read([
    ...hotkeys.map((hotkey): StorageRead => ['subtensorModule.owner', hotkey]),
    ...(hasAlpha ? hotkeys.map((hotkey): StorageRead => ['subtensorModule.totalHotkeyAlpha', hotkey, netuid]) : []),
  ]);
  return hotkeys.map((_, uid) => {
    const alpha = values[hotkeys.length + uid];
    return { coldkey: String(values[uid]), stakeAlpha: alpha ? toNumber(alpha) / RAO : null };
  });
}
