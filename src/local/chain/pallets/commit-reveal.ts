import type { Storage } from '../storage.ts';
import { epochIndex } from './epoch.ts';
import { type CallContext, DispatchFailure, ensure } from './pallet-context.ts';
import { rateLimitPassed, requireUid, storeWeights, touchLastUpdate, type WeightsArguments } from './weights.ts';

/** Hash, block of the commit, first and last block of its reveal window. */
type Commit = [hash: string, block: number, first: number, last: number];

const MOST_UNREVEALED = 10;

/** `SubtensorModule.commit_weights`: keeps a hash, to be revealed in one certain later epoch. */
export function commitWeights(
  { storage, block, signer, emit }: CallContext,
  { netuid, commitHash }: { netuid: number; commitHash: string },
): void {
  ensure(storage.get('SubtensorModule.CommitRevealWeightsEnabled', netuid), 'SubtensorModule.CommitRevealDisabled');
  const uid = requireUid(storage, netuid, signer);
  ensure(rateLimitPassed(storage, netuid, uid, block), 'SubtensorModule.CommittingWeightsTooFast');
  const live = commitsOf(storage, netuid, signer).filter(([, , , last]) => block <= last);
  ensure(live.length < MOST_UNREVEALED, 'SubtensorModule.TooManyUnrevealedCommits');

  putCommits(storage, netuid, signer, [...live, [commitHash, block, ...revealWindow(storage, netuid, block)]]);
  touchLastUpdate(storage, netuid, uid, block);
  emit('SubtensorModule.WeightsCommitted', signer, netuid, commitHash);
}

/** `SubtensorModule.reveal_weights`: shows what a hash hid, inside its window. Older commits are dropped with it. */
export function revealWeights(context: CallContext, { salt, ...args }: WeightsArguments & { salt: number[] }): void {
  const { storage, block, signer, publicKey, emit, hash } = context;
  const { netuid, uids, values, versionKey } = args;
  ensure(storage.get('SubtensorModule.CommitRevealWeightsEnabled', netuid), 'SubtensorModule.CommitRevealDisabled');
  const shown = hash([
    ['AccountId', publicKey],
    ['u16', netuid],
    ['Vec<u16>', uids],
    ['Vec<u16>', values],
    ['Vec<u16>', salt],
    ['u64', versionKey],
  ]);
  const all = commitsOf(storage, netuid, signer);
  const live = all.filter(([, , , last]) => block <= last);
  const place = live.findIndex(([stored]) => stored === shown);
  if (place < 0) {
    ensure(!all.some(([stored]) => stored === shown), 'SubtensorModule.ExpiredWeightCommit');
    throw new DispatchFailure(
      `SubtensorModule.${live.length > 0 ? 'InvalidRevealCommitHashNotMatch' : 'NoWeightsCommitFound'}`,
    );
  }
  ensure(block >= live[place]![2], 'SubtensorModule.RevealTooEarly');
  storeWeights(context, args);

  putCommits(storage, netuid, signer, live.slice(place + 1));
  emit('SubtensorModule.WeightsRevealed', signer, netuid, shown);
}

function commitsOf(storage: Storage, netuid: number, hotkey: string): Commit[] {
  return storage.get<Commit[] | null>('SubtensorModule.WeightCommits', netuid, hotkey) ?? [];
}

function putCommits(storage: Storage, netuid: number, hotkey: string, commits: Commit[]): void {
  if (commits.length > 0) storage.put('SubtensorModule.WeightCommits', netuid, hotkey, commits);
  else storage.remove('SubtensorModule.WeightCommits', netuid, hotkey);
}

/** The window is one whole epoch. */
function revealWindow(storage: Storage, netuid: number, block: number): [first: number, last: number] {
  const tempo = storage.get<number>('SubtensorModule.Tempo', netuid);
  const length = tempo + 1;
  const period = storage.get<number>('SubtensorModule.RevealPeriodEpochs', netuid);
  const epoch = epochIndex(netuid, tempo, block) + period;
  const first = epoch * length - (netuid + 1);
  return [first, first + length - 1];
}
