import type { Storage } from '../state/storage.ts';
import { epochIndex, firstBlockOfEpoch } from './epoch-schedule.ts';
import { type CallContext, DispatchFailure, ensure } from './pallet-context.ts';
import { ensureMechanismExists, mechanismIndex, requireUid } from './subnets.ts';
import { rateLimitPassed, storeWeights, touchLastUpdate, type WeightsArguments } from './weights.ts';

/**
 * An unrevealed commit. `legacy`: block of the commit, first and last block of its reveal. `current`: epoch of the commit,
 * block of the commit, 0.
 */
type Commit = [hash: string, a: number, b: number, c: number];

export type RevealArguments = WeightsArguments & { salt: number[] };

export const MAX_UNREVEALED = 10;

/** `SubtensorModule.commit_weights`: stores a hash of weights, to be revealed a set number of epochs later. */
export function commitWeights(
  { storage, block, signer, emit }: CallContext,
  { netuid, mecid, commitHash }: { netuid: number; mecid?: number; commitHash: string },
): void {
  ensureCommitReveal(storage, netuid, mecid);
  const index = mechanismIndex(netuid, mecid);
  const uid = requireUid(storage, netuid, signer);
  ensure(rateLimitPassed(storage, { netuid, index, uid, block }), 'SubtensorModule.CommittingWeightsTooFast');
  const live = commitsOf(storage, index, signer).filter((commit) => revealTime(storage, netuid, commit, block) <= 0);
  ensure(live.length < MAX_UNREVEALED, 'SubtensorModule.TooManyUnrevealedCommits');

  putCommits(storage, index, signer, [...live, [commitHash, ...stamp(storage, netuid, block)]]);
  touchLastUpdate(storage, index, uid, block);
  emit('SubtensorModule.WeightsCommitted', signer, index, commitHash);
}

/** `SubtensorModule.reveal_weights`: sets the weights of a commit, inside its window. Older commits are dropped. */
export function revealWeights(context: CallContext, { salt, ...args }: RevealArguments): void {
  const { storage, block, signer, emit } = context;
  const { netuid, mecid } = args;
  ensureCommitReveal(storage, netuid, mecid);
  const index = mechanismIndex(netuid, mecid);
  const shown = revealedHash(context, { salt, ...args });
  const all = commitsOf(storage, index, signer);
  const live = all.filter((commit) => revealTime(storage, netuid, commit, block) <= 0);
  const place = live.findIndex(([stored]) => stored === shown);
  if (place < 0) {
    ensure(!all.some(([stored]) => stored === shown), 'SubtensorModule.ExpiredWeightCommit');
    throw new DispatchFailure(
      `SubtensorModule.${live.length > 0 ? 'InvalidRevealCommitHashNotMatch' : 'NoWeightsCommitFound'}`,
    );
  }
  ensure(revealTime(storage, netuid, live[place]!, block) === 0, 'SubtensorModule.RevealTooEarly');
  storeWeights(context, args);

  putCommits(storage, index, signer, live.slice(place + 1));
  emit('SubtensorModule.WeightsRevealed', signer, index, shown);
}

export function ensureCommitReveal(storage: Storage, netuid: number, mecid?: number): void {
  ensureMechanismExists(storage, netuid, mecid);
  ensure(storage.get('SubtensorModule.CommitRevealWeightsEnabled', netuid), 'SubtensorModule.CommitRevealDisabled');
}

/** Where a reveal lies relative to its commit's window; `null` when there is no such commit. */
export function findReveal(context: CallContext, args: RevealArguments): 'early' | 'open' | 'late' | null {
  const { storage, block, signer } = context;
  const shown = revealedHash(context, args);
  const commit = commitsOf(storage, mechanismIndex(args.netuid, args.mecid), signer).find(([hash]) => hash === shown);
  if (!commit) return null;
  const time = revealTime(storage, args.netuid, commit, block);
  return time < 0 ? 'early' : time > 0 ? 'late' : 'open';
}

function revealedHash(
  { encode, hash, signer }: CallContext,
  { netuid, mecid, uids, values, salt, versionKey }: RevealArguments,
): string {
  return hash(
    encode([
      ['AccountId', signer],
      ['u16', mechanismIndex(netuid, mecid)],
      ['Vec<u16>', uids],
      ['Vec<u16>', values],
      ['Vec<u16>', salt],
      ['u64', versionKey],
    ]),
  );
}

function commitsOf(storage: Storage, index: number, hotkey: string): Commit[] {
  return storage.get<Commit[] | null>('SubtensorModule.WeightCommits', index, hotkey) ?? [];
}

function putCommits(storage: Storage, index: number, hotkey: string, commits: Commit[]): void {
  if (commits.length > 0) storage.put('SubtensorModule.WeightCommits', index, hotkey, commits);
  else storage.remove('SubtensorModule.WeightCommits', index, hotkey);
}

/** What is stored beside the hash of a commit made in this block. Its reveal window is one whole epoch. */
function stamp(storage: Storage, netuid: number, block: number): [a: number, b: number, c: number] {
  const epoch = epochIndex(storage, netuid, block);
  if (storage.profile !== 'legacy') return [epoch, block, 0];
  const due = epoch + revealPeriod(storage, netuid);
  return [block, firstBlockOfEpoch(storage, netuid, due), firstBlockOfEpoch(storage, netuid, due + 1) - 1];
}

/** Below 0 before the window of a commit, 0 inside, above 0 after. */
function revealTime(storage: Storage, netuid: number, [, a, b, c]: Commit, block: number): number {
  if (storage.profile !== 'legacy') return epochIndex(storage, netuid, block) - (a + revealPeriod(storage, netuid));
  return block < b ? -1 : block > c ? 1 : 0;
}

export function revealPeriod(storage: Storage, netuid: number): number {
  return storage.get<number>('SubtensorModule.RevealPeriodEpochs', netuid);
}
