import type { Storage } from '../storage.ts';
import { type CallContext, ensure } from './pallet-context.ts';

export interface WeightsArguments {
  netuid: number;
  uids: number[];
  values: number[];
  /** A number, or `0x` hex from 2^53 on. */
  versionKey: number | string;
}

const U16_MAX = 65_535;

/** `SubtensorModule.set_weights`: refused where commit-reveal is on, and before the rate limit has passed. */
export function setWeights(context: CallContext, args: WeightsArguments): void {
  const { storage, block } = context;
  const { netuid } = args;
  ensure(
    !storage.get<boolean>('SubtensorModule.CommitRevealWeightsEnabled', netuid),
    'SubtensorModule.CommitRevealEnabled',
  );
  storeWeights(context, args, (uid) =>
    ensure(rateLimitPassed(storage, netuid, uid, block), 'SubtensorModule.SettingWeightsTooFast'),
  );
  const uid = storage.get<number>('SubtensorModule.Uids', netuid, context.signer);
  touchLastUpdate(storage, netuid, uid, block);
}

/** The checks of Subtensor in its order, then the row as it is stored: scaled so that the largest is 65535. */
export function storeWeights(
  { storage, signer, emit }: CallContext,
  { netuid, uids, values, versionKey }: WeightsArguments,
  checkRateLimit: (uid: number) => void = () => {},
): void {
  const size = storage.get<number>('SubtensorModule.SubnetworkN', netuid);
  ensure(netuid !== 0, 'SubtensorModule.CanNotSetRootNetworkWeights');
  ensure(uids.length === values.length, 'SubtensorModule.WeightVecNotEqualSize');
  ensure(storage.get('SubtensorModule.NetworksAdded', netuid), 'SubtensorModule.SubNetworkDoesNotExist');
  ensure(uids.length <= size, 'SubtensorModule.UidsLengthExceedUidsInSubNet');
  const uid = requireUid(storage, netuid, signer);
  const stake = BigInt(storage.get<number | string>('SubtensorModule.TotalHotkeyAlpha', signer, netuid));
  const minStake = BigInt(storage.get<number | string>('SubtensorModule.WeightsMinStake'));
  ensure(stake >= minStake, 'SubtensorModule.NotEnoughStakeToSetWeights');
  const key = BigInt(storage.get<number | string>('SubtensorModule.WeightsVersionKey', netuid));
  ensure(BigInt(versionKey) >= key, 'SubtensorModule.IncorrectWeightVersionKey');
  checkRateLimit(uid);
  const selfOnly = uids.length === 1 && uids[0] === uid;
  const permits = storage.get<boolean[]>('SubtensorModule.ValidatorPermit', netuid);
  ensure(selfOnly || permits[uid] === true, 'SubtensorModule.NeuronNoValidatorPermit');
  ensure(new Set(uids).size === uids.length, 'SubtensorModule.DuplicateUids');
  ensure(
    uids.every((one) => one < size),
    'SubtensorModule.UidVecContainInvalidOne',
  );
  const least = Math.min(storage.get<number>('SubtensorModule.MinAllowedWeights', netuid), size);
  ensure(selfOnly || uids.length >= least, 'SubtensorModule.WeightVecLengthIsLow');
  const scaled = maxUpscale(values);
  const sum = scaled.reduce((total, value) => total + value, 0);
  const limit = storage.get<number>('SubtensorModule.MaxWeightsLimit', netuid) / U16_MAX;
  ensure(selfOnly || sum === 0 || Math.max(...scaled) / sum <= limit, 'SubtensorModule.MaxWeightExceeded');

  storage.put(
    'SubtensorModule.Weights',
    netuid,
    uid,
    uids.map((one, i) => [one, scaled[i]]),
  );
  emit('SubtensorModule.WeightsSet', netuid, uid);
}

export function requireUid(storage: Storage, netuid: number, hotkey: string): number {
  const uid = storage.get<number | null>('SubtensorModule.Uids', netuid, hotkey);
  ensure(uid !== null, 'SubtensorModule.HotKeyNotRegisteredInSubNet');
  return uid!;
}

/** Registering counts as an update too, so the first weights wait for the limit. */
export function rateLimitPassed(storage: Storage, netuid: number, uid: number, block: number): boolean {
  const last = storage.get<number[]>('SubtensorModule.LastUpdate', netuid)[uid] ?? 0;
  return last === 0 || block - last >= storage.get<number>('SubtensorModule.WeightsSetRateLimit', netuid);
}

export function touchLastUpdate(storage: Storage, netuid: number, uid: number, block: number): void {
  const updates = storage.get<number[]>('SubtensorModule.LastUpdate', netuid);
  storage.put('SubtensorModule.LastUpdate', netuid, updates.toSpliced(uid, 1, block));
}

/** (10, 0, 30) -> (21845, 0, 65535). */
function maxUpscale(values: number[]): number[] {
  const largest = Math.max(0, ...values);
  return largest === 0 ? values : values.map((value) => Math.round((value * U16_MAX) / largest));
}
