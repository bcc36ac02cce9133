import type { Storage } from '../state/storage.ts';
import { type CallContext, ensure } from './pallet-context.ts';
import { deregister, uidToPrune } from './pruning.ts';

/** A hotkey to register. */
export interface LocalNeuron {
  /** ss58 address. */
  hotkey: string;
  /** ss58 address. Default: the hotkey itself. */
  coldkey?: string;
  /** Until the first epoch, which gives permits to the highest stakes. Default false. */
  validatorPermit?: boolean;
  /** Alpha staked to the hotkey on the subnet, in smallest units. Default 0. */
  stake?: number;
}

/** Vectors with a value per uid, 0 at first. */
const ZERO_AT_FIRST = ['Consensus', 'Incentive', 'Dividends', 'ValidatorTrust', 'Emission'];
const LEGACY_ZERO_AT_FIRST = ['Rank', 'Trust', 'PruningScores'];

interface RegisterArguments {
  netuid: number;
  hotkey: string;
  /** Only in `register_limit`: the highest price that the coldkey accepts. */
  limitPrice?: number | string;
}

/**
 * `SubtensorModule.burned_register`, `register_limit`: a coldkey registers a hotkey and pays for it. In a full
 * subnet the hotkey replaces the neuron that earns least.
 */
export function burnedRegister({ storage, block, signer, emit }: CallContext, args: RegisterArguments): void {
  const { netuid, hotkey, limitPrice } = args;
  const get = <T>(item: string, ...keys: unknown[]) => storage.get<T>(`SubtensorModule.${item}`, ...keys);
  const missing = storage.profile === 'legacy' ? 'SubNetworkDoesNotExist' : 'SubnetNotExists';
  ensure(get('NetworksAdded', netuid), `SubtensorModule.${missing}`);
  ensure(get('NetworkRegistrationAllowed', netuid), 'SubtensorModule.SubNetRegistrationDisabled');
  ensure(get('Uids', netuid, hotkey) === null, 'SubtensorModule.HotKeyAlreadyRegisteredInSubNet');
  const isNew = !get<string[]>('OwnedHotkeys', get<string>('Owner', hotkey)).includes(hotkey);
  ensure(isNew || get('Owner', hotkey) === signer, 'SubtensorModule.NonAssociatedColdKey');
  const account = storage.get<{ data: { free: number | string } }>('System.Account', signer);
  const [burn, free] = [BigInt(get<number>('Burn', netuid)), BigInt(account.data.free)];
  ensure(limitPrice === undefined || burn <= BigInt(limitPrice), 'SubtensorModule.RegistrationPriceLimitExceeded');
  ensure(free >= burn, 'SubtensorModule.NotEnoughBalanceToStake');
  ensure(hasRoom(storage, netuid, block), 'SubtensorModule.NoNeuronIdAvailable');

  storage.put('System.Account', signer, { ...account, data: { ...account.data, free: free - burn } });
  const uid = registerNeuron(storage, block, netuid, { hotkey, coldkey: signer });
  emit('SubtensorModule.NeuronRegistered', netuid, uid, hotkey);
}

/** Whether a hotkey can get a uid: a free one, or that of a neuron out of its immunity period. */
export function hasRoom(storage: Storage, netuid: number, block: number): boolean {
  return !isFull(storage, netuid) || uidToPrune(storage, netuid, block) !== null;
}

/** Registers a hotkey in a subnet that {@link hasRoom}, and returns its uid. */
export function registerNeuron(storage: Storage, block: number, netuid: number, neuron: LocalNeuron): number {
  if (!isFull(storage, netuid)) return appendNeurons(storage, block, netuid, [neuron]);
  const uid = uidToPrune(storage, netuid, block)!;
  deregister(storage, netuid, uid);
  for (const item of ZERO_AT_FIRST) setElement(storage, item, netuid, uid, 0);
  setElement(storage, 'ValidatorPermit', netuid, uid, neuron.validatorPermit ?? false);
  setElement(storage, 'Active', netuid, uid, true);
  setElement(storage, 'LastUpdate', netuid, uid, block);
  occupy(storage, block, netuid, uid, neuron);
  return uid;
}

/**
 * Gives hotkeys the next uids of a subnet and returns the first of these. Registering counts as an update, so the first
 * weights wait for the rate limit.
 */
export function appendNeurons(storage: Storage, block: number, netuid: number, neurons: LocalNeuron[]): number {
  const append = (item: string, values: unknown[]) => {
    const before = storage.get<unknown[]>(`SubtensorModule.${item}`, netuid);
    storage.put(`SubtensorModule.${item}`, netuid, [...before, ...values]);
  };
  const firstUid = storage.get<number>('SubtensorModule.SubnetworkN', netuid);
  storage.put('SubtensorModule.SubnetworkN', netuid, firstUid + neurons.length);
  for (const [i, neuron] of neurons.entries()) occupy(storage, block, netuid, firstUid + i, neuron);
  const each = <T>(value: T) => neurons.map(() => value);
  append(
    'ValidatorPermit',
    neurons.map(({ validatorPermit = false }) => validatorPermit),
  );
  append('Active', each(true));
  append('LastUpdate', each(block));
  for (const item of ZERO_AT_FIRST) append(item, each(0));
  if (storage.profile === 'legacy') for (const item of LEGACY_ZERO_AT_FIRST) append(item, each(0));
  return firstUid;
}

function isFull(storage: Storage, netuid: number): boolean {
  const get = (item: string) => storage.get<number>(`SubtensorModule.${item}`, netuid);
  return get('SubnetworkN') >= get('MaxAllowedUids');
}

function occupy(storage: Storage, block: number, netuid: number, uid: number, neuron: LocalNeuron): void {
  const { hotkey, coldkey = hotkey, stake = 0 } = neuron;
  const put = (item: string, ...keysAndValue: unknown[]) => storage.put(`SubtensorModule.${item}`, ...keysAndValue);
  put('Uids', netuid, hotkey, uid);
  put('Keys', netuid, uid, hotkey);
  put('IsNetworkMember', hotkey, netuid, true);
  put('Owner', hotkey, coldkey);
  const owned = storage.get<string[]>('SubtensorModule.OwnedHotkeys', coldkey);
  if (!owned.includes(hotkey)) put('OwnedHotkeys', coldkey, [...owned, hotkey]);
  put('TotalHotkeyAlpha', hotkey, netuid, stake);
  put('BlockAtRegistration', netuid, uid, block);
}

function setElement(storage: Storage, item: string, netuid: number, uid: number, value: unknown): void {
  const vector = storage.get<unknown[]>(`SubtensorModule.${item}`, netuid);
  storage.put(`SubtensorModule.${item}`, netuid, vector.with(uid, value));
}
