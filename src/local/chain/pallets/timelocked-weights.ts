import type { Storage } from '../state/storage.ts';
import { ensureCommitReveal, MAX_UNREVEALED, revealPeriod } from './commit-reveal.ts';
import { unlock } from './drand.ts';
import { epochIndex } from './epoch-schedule.ts';
import { type CallContext, DispatchFailure, ensure, type PalletContext } from './pallet-context.ts';
import { mechanismCount, mechanismIndex, requireUid } from './subnets.ts';
import { rateLimitPassed, storeWeights, touchLastUpdate, type WeightsArguments } from './weights.ts';

export interface TimelockedArguments {
  netuid: number;
  mecid?: number;
  /** Ciphertext, `0x` hex. */
  commit: string;
  revealRound: number;
  commitRevealVersion: number;
}

type TimelockedCommit = [hotkey: string, block: number, ciphertext: string, round: number];

/** Plaintext of time-locked weights: hotkey, uids, values, version key. */
const PAYLOAD = '(Bytes, Vec<u16>, Vec<u16>, u64)';
/** Before spec 301; still accepted. */
const PAYLOAD_WITHOUT_HOTKEY = '(Vec<u16>, Vec<u16>, u64)';

/** `SubtensorModule.commit_timelocked_weights`: stores a ciphertext that the chain decrypts by itself in a later epoch. */
export function commitTimelockedWeights(
  { storage, block, signer, emit, hash }: CallContext,
  { netuid, mecid, commit, revealRound, commitRevealVersion }: TimelockedArguments,
): void {
  ensureCommitReveal(storage, netuid, mecid);
  const version = storage.get<number>('SubtensorModule.CommitRevealWeightsVersion');
  ensure(commitRevealVersion === version, 'SubtensorModule.IncorrectCommitRevealVersion');
  const index = mechanismIndex(netuid, mecid);
  const uid = requireUid(storage, netuid, signer);
  ensure(rateLimitPassed(storage, { netuid, index, uid, block }), 'SubtensorModule.CommittingWeightsTooFast');
  const epoch = epochIndex(storage, netuid, block);
  const waiting = commitsOf(storage, index, epoch);
  const own = waiting.filter(([hotkey]) => hotkey === signer);
  ensure(own.length < MAX_UNREVEALED, 'SubtensorModule.TooManyUnrevealedCommits');

  putCommits(storage, index, epoch, [...waiting, [signer, block, commit, revealRound]]);
  touchLastUpdate(storage, index, uid, block);
  emit('SubtensorModule.TimelockedWeightsCommitted', signer, index, hash(commit), revealRound);
}

/**
 * Reveals the commits whose epoch it is and whose pulse is stored. Tried in every block of that epoch; what could not be
 * decrypted by its end is dropped, and so is, without an event, what turns out not to be this hotkey's valid weights.
 */
export function revealTimelockedWeights(context: PalletContext, netuid: number): void {
  const { storage, block } = context;
  const due = epochIndex(storage, netuid, block) - revealPeriod(storage, netuid);
  for (let mecid = 0; mecid < mechanismCount(storage, netuid); mecid++) {
    const index = mechanismIndex(netuid, mecid);
    if (due > 0 && commitsOf(storage, index, due - 1).length > 0) putCommits(storage, index, due - 1, []);
    const commits = due < 0 ? [] : commitsOf(storage, index, due);
    const waiting = commits.filter((commit) => !isDone(context, { netuid, mecid }, commit));
    if (waiting.length < commits.length) putCommits(storage, index, due, waiting);
  }
}

/** Decrypts one commit and sets its weights. False while its pulse is missing. */
function isDone(
  context: PalletContext,
  { netuid, mecid }: { netuid: number; mecid: number },
  [signer, , ciphertext, round]: TimelockedCommit,
): boolean {
  const outcome = unlock(context, ciphertext, round);
  if (outcome.state !== 'opened') return outcome.state === 'failed';
  const shown = weightsOf(context, signer, outcome.bytes);
  if (!shown) return true;
  try {
    storeWeights({ ...context, signer }, { netuid, mecid, ...shown });
    context.emit('SubtensorModule.TimelockedWeightsRevealed', mechanismIndex(netuid, mecid), signer);
  } catch (error) {
    if (!(error instanceof DispatchFailure)) throw error;
  }
  return true;
}

/** The weights in a plaintext; `null` when there are none, or those of another hotkey. */
function weightsOf({ decode, encode }: PalletContext, hotkey: string, bytes: string): Shown | null {
  const own = decode<[string, ...Values]>(PAYLOAD, bytes);
  if (own && own[0] !== encode([['AccountId', hotkey]])) return null;
  const values = own ? (own.slice(1) as Values) : decode<Values>(PAYLOAD_WITHOUT_HOTKEY, bytes);
  return values && { uids: values[0], values: values[1], versionKey: values[2] };
}

type Values = [uids: number[], values: number[], versionKey: number | string];
type Shown = Pick<WeightsArguments, 'uids' | 'values' | 'versionKey'>;

function commitsOf(storage: Storage, index: number, epoch: number): TimelockedCommit[] {
  return storage.get<TimelockedCommit[]>('SubtensorModule.TimelockedWeightCommits', index, epoch);
}

function putCommits(storage: Storage, index: number, epoch: number, commits: TimelockedCommit[]): void {
  if (commits.length > 0) storage.put('SubtensorModule.TimelockedWeightCommits', index, epoch, commits);
  else storage.remove('SubtensorModule.TimelockedWeightCommits', index, epoch);
}
