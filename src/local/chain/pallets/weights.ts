import { proportions } from '../../../shared/proportions.ts';
import type { Storage } from '../state/storage.ts';
import { type CallContext, ensure } from './pallet-context.ts';
import {
  ensureMechanismExists,
  isNullConsensus,
  isOwnerHotkey,
  mechanismIndex,
  requireUid,
  stakeOf,
} from './subnets.ts';

export interface WeightsArguments {
  netuid: number;
  /** Only in the calls that name a mechanism. */
  mecid?: number;
  uids: number[];
  values: number[];
  /** A number, or `0x` hex from 2^53 on. */
  versionKey: number | string;
}

const U16_MAX = 65_535;

/** `SubtensorModule.set_weights`: refused where commit-reveal is on, and before the rate limit has passed. */
export function setWeights(context: CallContext, args: WeightsArguments): void {
  const { storage, block, signer } = context;
  const { netuid, mecid } = args;
  ensure(
    !storage.get<boolean>('SubtensorModule.CommitRevealWeightsEnabled', netuid),
    'SubtensorModule.CommitRevealEnabled',
  );
  const index = mechanismIndex(netuid, mecid);
  storeWeights(context, args, (uid) =>
    ensure(rateLimitPassed(storage, { netuid, index, uid, block }), 'SubtensorModule.SettingWeightsTooFast'),
  );
  touchLastUpdate(storage, index, requireUid(storage, netuid, signer), block);
}

/** Subtensor's checks in its order, then the row as it is stored: upscaled so that the largest is 65535. */
export function storeWeights(
  { storage, signer, emit }: CallContext,
  { netuid, mecid, uids, values, versionKey }: WeightsArguments,
  checkRateLimit: (uid: number) => void = () => {},
): void {
  ensure(netuid !== 0, 'SubtensorModule.CanNotSetRootNetworkWeights');
  ensure(uids.length === values.length, 'SubtensorModule.WeightVecNotEqualSize');
  ensureMechanismExists(storage, netuid, mecid);
  const size = storage.get<number>('SubtensorModule.SubnetworkN', netuid);
  ensure(uids.length <= size, 'SubtensorModule.UidsLengthExceedUidsInSubNet');
  const uid = requireUid(storage, netuid, signer);
  ensure(hasStakeForWeights(storage, netuid, signer), 'SubtensorModule.NotEnoughStakeToSetWeights');
  const key = BigInt(storage.get<number | string>('SubtensorModule.WeightsVersionKey', netuid));
  ensure(BigInt(versionKey) >= key, 'SubtensorModule.IncorrectWeightVersionKey');
  checkRateLimit(uid);
  const selfOnly = uids.length === 1 && uids[0] === uid;
  const permits = storage.get<boolean[]>('SubtensorModule.ValidatorPermit', netuid);
  const needsNone = !isNullConsensus(storage, netuid) && (selfOnly || isExemptOwner(storage, netuid, signer));
  const permitted = permits[uid] === true || needsNone;
  ensure(permitted, 'SubtensorModule.NeuronNoValidatorPermit');
  ensure(new Set(uids).size === uids.length, 'SubtensorModule.DuplicateUids');
  ensure(
    uids.every((one) => one < size),
    'SubtensorModule.UidVecContainInvalidOne',
  );
  const least = Math.min(storage.get<number>('SubtensorModule.MinAllowedWeights', netuid), size);
  ensure(selfOnly || uids.length >= least, 'SubtensorModule.WeightVecLengthIsLow');
  const scaled = maxUpscale(values);
  ensure(selfOnly || largestShare(scaled) <= shareLimit(storage, netuid), 'SubtensorModule.MaxWeightExceeded');

  const index = mechanismIndex(netuid, mecid);
  storage.put(
    'SubtensorModule.Weights',
    index,
    uid,
    uids.map((one, i) => [one, scaled[i]]),
  );
  emit('SubtensorModule.WeightsSet', index, uid);
}

/** Whether a hotkey's stake is above the least that weights need. */
export function hasStakeForWeights(storage: Storage, netuid: number, hotkey: string): boolean {
  const item = storage.profile === 'legacy' ? 'WeightsMinStake' : 'StakeThreshold';
  const least = BigInt(storage.get<number | string>(`SubtensorModule.${item}`));
  return stakeOf(storage, netuid, hotkey) >= least || isExemptOwner(storage, netuid, hotkey);
}

/** Current runtimes let a subnet's owner set weights without stake and permit. */
function isExemptOwner(storage: Storage, netuid: number, hotkey: string): boolean {
  return storage.profile !== 'legacy' && isOwnerHotkey(storage, netuid, hotkey);
}

/** Registering counts as an update too, so the first weights wait for the limit. */
export function rateLimitPassed(
  storage: Storage,
  { netuid, index, uid, block }: { netuid: number; index: number; uid: number; block: number },
): boolean {
  const last = storage.get<number[]>('SubtensorModule.LastUpdate', index)[uid] ?? 0;
  return last === 0 || block - last >= storage.get<number>('SubtensorModule.WeightsSetRateLimit', netuid);
}

/** The vectors of mechanisms other than 0 are empty at first. */
export function touchLastUpdate(storage: Storage, index: number, uid: number, block: number): void {
  const updates = storage.get<number[]>('SubtensorModule.LastUpdate', index);
  const length = Math.max(updates.length, uid + 1);
  const filled = Array.from({ length }, (_, one) => (one === uid ? block : (updates[one] ?? 0)));
  storage.put('SubtensorModule.LastUpdate', index, filled);
}

/** (10, 0, 30) -> (21845, 0, 65535). */
function maxUpscale(values: number[]): number[] {
  const largest = Math.max(0, ...values);
  return largest === 0 ? values : values.map((value) => Math.round((value * U16_MAX) / largest));
}

function largestShare(values: number[]): number {
  return Math.max(0, ...proportions(values));
}

/** Current runtimes still store `MaxWeightsLimit`, and do not apply it. */
function shareLimit(storage: Storage, netuid: number): number {
  return storage.profile !== 'legacy' ? 1 : storage.get<number>('SubtensorModule.MaxWeightsLimit', netuid) / U16_MAX;
}
