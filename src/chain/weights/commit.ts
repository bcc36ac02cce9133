import { randomBytes } from 'node:crypto';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { HotkeyChain } from '../chain.ts';
import type { Snapshot } from '../node/snapshot.ts';
import { epochWindow, positionAt } from '../subnet/epoch-schedule.ts';
import type { DrandBeacon } from '../timelock/drand.ts';
import type { Inclusion } from '../transaction/submit.ts';
import type { HotkeySigner } from '../wallet/hotkey.ts';
import { hashCommitCall, type NamedCall, timelockedCommitCall } from './calls.ts';
import { commitHash } from './commit-hash.ts';
import type { NormalisedWeights } from './normalise.ts';
import type { PendingReveal, PendingRevealStore } from './pending-reveals.ts';
import { readTimelockedCommits, readWeightCommits, type WeightCommits } from './stored-commits.ts';
import { storageIndex, type WeightsKey, type WeightTerms } from './terms.ts';
import { lockWeights } from './timelocked.ts';

/** Whose weights go where. */
export interface WeightsAccount {
  subtensor: HotkeyChain;
  key: WeightsKey;
  hotkey: HotkeySigner;
  pending: PendingRevealStore;
}

export interface CommitWeightsParameters extends NormalisedWeights {
  versionKey: number;
  terms: WeightTerms;
  signal?: AbortSignal;
}

/** A commit on the chain and the blocks that may hold its reveal. */
export interface Committed {
  block: number;
  revealFromBlock: number;
  revealUntilBlock: number;
}

const SALT_LENGTH = 8;

/** Commits the hash of weights, which this program has to reveal in the window that is returned. */
export async function commitHashedWeights(
  account: WeightsAccount,
  parameters: CommitWeightsParameters,
): Promise<Committed> {
  const { key, hotkey, pending } = account;
  const { uids, values, versionKey, terms, signal } = parameters;
  const salt = Array.from({ length: SALT_LENGTH }, () => randomBytes(2).readUInt16LE());
  const { publicKey } = hotkey;
  const id = await commitHash({ publicKey, netuid: storageIndex(key), uids, values, salt, versionKey });
  const stored = { ...pendingOf(account, parameters), id, salt };
  const { block } = await sendCommit(account, { pending: stored, call: hashCommitCall(key, id), signal });
  const sent = committed(terms, block);
  await pending.put({ ...stored, window: { fromBlock: sent.revealFromBlock, untilBlock: sent.revealUntilBlock } });
  return sent;
}

/**
 * Locks weights with the drand beacon and commits the ciphertext: the chain reveals them by itself in the window that is
 * returned.
 * @throws FlockOffError `bad-argument` when the chain trusts another beacon.
 */
export async function commitTimelockedWeights(
  account: WeightsAccount,
  parameters: CommitWeightsParameters & { timelock: NonNullable<WeightTerms['timelock']>; beacon?: DrandBeacon },
): Promise<Committed & { revealRound: number }> {
  const { key, hotkey, pending } = account;
  const { uids, values, versionKey, terms, timelock, beacon, signal } = parameters;
  const version = timelock.commitRevealVersion;
  const publicKey = version === null ? null : hotkey.publicKey;
  const locked = await lockWeights({ publicKey, uids, values, versionKey }, { ...terms, timelock }, beacon);
  const { id, round } = locked;
  const stored = { ...pendingOf(account, parameters), id, salt: [] };
  const { uid } = terms;
  const { epoch } = terms.position;
  const { block } = await sendCommit(account, {
    pending: { ...stored, timelock: { round, epoch, uid, landed: false } },
    call: timelockedCommitCall(key, locked, version),
    signal,
  });
  await pending.put({ ...stored, timelock: { round, epoch, uid, landed: true } });
  return { ...committed(terms, block), revealRound: round };
}

function pendingOf(
  { key, hotkey }: WeightsAccount,
  { uids, values, versionKey, terms }: CommitWeightsParameters,
): Omit<PendingReveal, 'id' | 'salt'> {
  const { netuid, mechanism } = key;
  const storedAtBlock = terms.position.block;
  return { netuid, mechanism, hotkey: hotkey.address, uids, values, versionKey, storedAtBlock };
}

function committed({ position, revealPeriodEpochs }: WeightTerms, block: number): Committed {
  const [revealFromBlock, revealUntilBlock] = epochWindow(positionAt(position, block), revealPeriodEpochs);
  return { block, revealFromBlock, revealUntilBlock };
}

/** Stores the pending reveal, then sends the commit; where the chain refuses that, nothing is left to reveal. */
async function sendCommit(
  account: WeightsAccount,
  { pending, call, signal }: { pending: PendingReveal; call: NamedCall; signal?: AbortSignal },
): Promise<Inclusion> {
  await account.pending.put(pending);
  const landed = async (snapshot: Snapshot) => {
    const { block, commits } = await readCommitsLike(snapshot, account.key, pending);
    return commits.has(pending.id) ? { block, blockHash: null } : null;
  };
  try {
    return await account.subtensor.submit({ ...call, hotkey: account.hotkey, landed, signal });
  } catch (error) {
    if (error instanceof FlockOffError && error.code === 'chain-rejected') await account.pending.delete(pending.id);
    throw error;
  }
}

/** The commits on the chain among which a pending one is, if it is there. */
export function readCommitsLike(
  snapshot: Snapshot,
  key: WeightsKey,
  { timelock }: Pick<PendingReveal, 'timelock'>,
): Promise<WeightCommits> {
  if (!timelock) return readWeightCommits(snapshot, key);
  return readTimelockedCommits(snapshot, key, { fromEpoch: timelock.epoch, uid: timelock.uid });
}
