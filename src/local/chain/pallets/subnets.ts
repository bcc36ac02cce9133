import type { Storage } from '../state/storage.ts';
import { ensure } from './pallet-context.ts';

/** Mechanisms share their subnet's storage maps, at indexes this far apart. */
const MECHANISM_STRIDE = 4096;

/** Key of a subnet's mechanism in storage; mechanism 0 has the netuid itself. */
export function mechanismIndex(netuid: number, mecid = 0): number {
  return mecid * MECHANISM_STRIDE + netuid;
}

export function mechanismCount(storage: Storage, netuid: number): number {
  return storage.profile === 'legacy' ? 1 : storage.get<number>('SubtensorModule.MechanismCountCurrent', netuid);
}

export function ensureMechanismExists(storage: Storage, netuid: number, mecid = 0): void {
  const exists = storage.get<boolean>('SubtensorModule.NetworksAdded', netuid);
  const error = storage.profile === 'legacy' ? 'SubNetworkDoesNotExist' : 'MechanismDoesNotExist';
  ensure(exists && mecid < mechanismCount(storage, netuid), `SubtensorModule.${error}`);
}

export function requireUid(storage: Storage, netuid: number, hotkey: string): number {
  const uid = storage.get<number | null>('SubtensorModule.Uids', netuid, hotkey);
  ensure(uid !== null, 'SubtensorModule.HotKeyNotRegisteredInSubNet');
  return uid!;
}

/** Alpha staked to a hotkey on a subnet. */
export function stakeOf(storage: Storage, netuid: number, hotkey: string): bigint {
  return BigInt(storage.get<number | string>('SubtensorModule.TotalHotkeyAlpha', hotkey, netuid));
}

export function isOwnerHotkey(storage: Storage, netuid: number, hotkey: string): boolean {
  return storage.get<string>('SubtensorModule.SubnetOwnerHotkey', netuid) === hotkey;
}

/** Null consensus: one validator, that of the highest stake, and nobody sets weights without its permit. */
export function isNullConsensus(storage: Storage, netuid: number): boolean {
  return storage.profile === 'latest' && storage.get('SubtensorModule.SubnetEpochConsensus', netuid) === 'Null';
}
