import { type NeuronInfo, readNeuronInfos } from './neuron-info.ts';
import { type Snapshot, type StorageRead, toNumber } from './snapshot.ts';

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
export async function readOwners(snapshot: Snapshot, netuid: number, hotkeys: string[]): Promise<Owned[]> {
  const infos = await readNeuronInfos(snapshot, netuid);
  const isOfThese = infos?.length === hotkeys.length && infos.every(({ hotkey }, uid) => hotkey === hotkeys[uid]);
  return isOfThese ? infos.map(toOwned) : readOwnersFromStorage(snapshot, netuid, hotkeys);
}

function toOwned({ coldkey, stake }: NeuronInfo): Owned {
  return { coldkey, stakeAlpha: stake.reduce((sum, [, amount]) => sum + Number(amount), 0) / RAO };
}

/** The same from storage. */
export async function readOwnersFromStorage(snapshot: Snapshot, netuid: number, hotkeys: string[]): Promise<Owned[]> {
  const hasAlpha = snapshot.has('subtensorModule.totalHotkeyAlpha');
  const values = await snapshot.read([
    ...hotkeys.map((hotkey): StorageRead => ['subtensorModule.owner', hotkey]),
    ...(hasAlpha ? hotkeys.map((hotkey): StorageRead => ['subtensorModule.totalHotkeyAlpha', hotkey, netuid]) : []),
  ]);
  return hotkeys.map((_, uid) => {
    const alpha = values[hotkeys.length + uid];
    return { coldkey: String(values[uid]), stakeAlpha: alpha ? toNumber(alpha) / RAO : null };
  });
}
