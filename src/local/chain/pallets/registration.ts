import type { Storage } from '../storage.ts';
import { type CallContext, ensure } from './pallet-context.ts';

/** A hotkey that gets a uid. */
export interface LocalNeuron {
  /** ss58 address. */
  hotkey: string;
  /** ss58 address. Default: the hotkey itself. */
  coldkey?: string;
  /** Default false. */
  validatorPermit?: boolean;
  /** Alpha staked to the hotkey on the subnet, in smallest units. Default 0. */
  stake?: number;
}

const ZERO_AT_FIRST = 'Rank Trust PruningScores Consensus Incentive Dividends ValidatorTrust Emission'.split(' ');

/** `SubtensorModule.burned_register`: a coldkey pays for a uid of its hotkey. Nobody is pushed out of a full subnet. */
export function burnedRegister(
  { storage, block, signer, emit }: CallContext,
  { netuid, hotkey }: { netuid: number; hotkey: string },
): void {
  const get = <T>(item: string, ...keys: unknown[]) => storage.get<T>(`SubtensorModule.${item}`, ...keys);
  ensure(get('NetworksAdded', netuid), 'SubtensorModule.SubNetworkDoesNotExist');
  ensure(get('NetworkRegistrationAllowed', netuid), 'SubtensorModule.SubNetRegistrationDisabled');
  ensure(get('Uids', netuid, hotkey) === null, 'SubtensorModule.HotKeyAlreadyRegisteredInSubNet');
  const isNew = !get<string[]>('OwnedHotkeys', get<string>('Owner', hotkey)).includes(hotkey);
  ensure(isNew || get('Owner', hotkey) === signer, 'SubtensorModule.NonAssociatedColdKey');
  const account = storage.get<{ data: { free: number | string } }>('System.Account', signer);
  const [burn, free] = [BigInt(get<number>('Burn', netuid)), BigInt(account.data.free)];
  ensure(free >= burn, 'SubtensorModule.NotEnoughBalanceToStake');
  ensure(
    get<number>('SubnetworkN', netuid) < get<number>('MaxAllowedUids', netuid),
    'SubtensorModule.NoNeuronIdAvailable',
  );

  storage.put('System.Account', signer, { ...account, data: { ...account.data, free: free - burn } });
  const uid = registerNeurons(storage, block, netuid, [{ hotkey, coldkey: signer }]);
  emit('SubtensorModule.NeuronRegistered', netuid, uid, hotkey);
}

/**
 * Gives hotkeys the next uids of a subnet and returns the first of these. Registering counts as an update, so the first
 * weights wait for the rate limit.
 */
export function registerNeurons(storage: Storage, block: number, netuid: number, neurons: LocalNeuron[]): number {
  const put = (item: string, ...keysAndValue: unknown[]) => storage.put(`SubtensorModule.${item}`, ...keysAndValue);
  const append = (item: string, key: unknown, values: unknown[]) =>
    put(item, key, [...storage.get<unknown[]>(`SubtensorModule.${item}`, key), ...values]);
  const firstUid = storage.get<number>('SubtensorModule.SubnetworkN', netuid);
  put('SubnetworkN', netuid, firstUid + neurons.length);
  for (const [i, { hotkey, coldkey = hotkey, stake = 0 }] of neurons.entries()) {
    const uid = firstUid + i;
    put('Uids', netuid, hotkey, uid);
    put('Keys', netuid, uid, hotkey);
    put('IsNetworkMember', hotkey, netuid, true);
    put('Owner', hotkey, coldkey);
    const owned = storage.get<string[]>('SubtensorModule.OwnedHotkeys', coldkey);
    if (!owned.includes(hotkey)) append('OwnedHotkeys', coldkey, [hotkey]);
    put('TotalHotkeyAlpha', hotkey, netuid, stake);
    put('BlockAtRegistration', netuid, uid, block);
  }
  const each = <T>(value: T) => neurons.map(() => value);
  append(
    'ValidatorPermit',
    netuid,
    neurons.map(({ validatorPermit = false }) => validatorPermit),
  );
  append('Active', netuid, each(true));
  append('LastUpdate', netuid, each(block));
  for (const item of ZERO_AT_FIRST) append(item, netuid, each(0));
  return firstUid;
}
