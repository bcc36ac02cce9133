import type { Storage } from '../state/storage.ts';
import { isOwnerHotkey, mechanismCount, mechanismIndex } from './subnets.ts';

/**
 * The neuron that is pruned when a full subnet gets another: of those out of their immunity period the one with the
 * lowest emission, among equals the one registered first. `null` when all are immune. The owner's hotkey always is.
 */
export function uidToPrune(storage: Storage, netuid: number, block: number): number | null {
  const get = <T>(item: string, ...keys: unknown[]) => storage.get<T>(`SubtensorModule.${item}`, netuid, ...keys);
  const emission = get<number[]>('Emission');
  const period = get<number>('ImmunityPeriod');
  const candidates = emission
    .map((earned, uid) => ({ uid, earned, registeredAt: get<number>('BlockAtRegistration', uid) }))
    .filter(({ registeredAt }) => block - registeredAt >= period)
    .filter(({ uid }) => !isOwnerHotkey(storage, netuid, get<string>('Keys', uid)))
    .sort((a, b) => a.earned - b.earned || a.registeredAt - b.registeredAt || a.uid - b.uid);
  return candidates[0]?.uid ?? null;
}

/** Deregisters a uid's hotkey, with everything stored for the uid. The hotkey's commitments and stake stay. */
export function deregister(storage: Storage, netuid: number, uid: number): void {
  const hotkey = storage.get<string>('SubtensorModule.Keys', netuid, uid);
  storage.remove('SubtensorModule.Uids', netuid, hotkey);
  storage.remove('SubtensorModule.IsNetworkMember', hotkey, netuid);
  storage.remove('SubtensorModule.Axons', netuid, hotkey);
  for (let mecid = 0; mecid < mechanismCount(storage, netuid); mecid++) {
    const index = mechanismIndex(netuid, mecid);
    for (const item of ['Weights', 'Bonds']) storage.remove(`SubtensorModule.${item}`, index, uid);
    for (const item of ['Incentive', 'LastUpdate']) {
      const vector = storage.get<number[]>(`SubtensorModule.${item}`, index);
      if (uid < vector.length) storage.put(`SubtensorModule.${item}`, index, vector.with(uid, 0));
    }
  }
}
