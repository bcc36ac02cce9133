import { toTuple } from '../codec/chain-value.ts';
import { polkadotCrypto } from '../codec/polkadot.ts';
import { UnusableAnswerError } from '../node/answers.ts';
import {
  type ChainValue,
  readsFor,
  type Snapshot,
  type StorageRead,
  toItems,
  toNullable,
  toNumber,
} from '../node/snapshot.ts';
import {
  type EpochPosition,
  epochPosition,
  epochReads,
  epochWindow,
  hasStoredEpochs,
} from '../subnet/epoch-schedule.ts';
import { readWeightRow, toWeightRow } from '../subnet/stored-weights.ts';
import type { NormalisedWeights } from './normalise.ts';
import { storageIndex, type WeightsKey } from './terms.ts';

/** A commit on the chain whose weights are not revealed yet. */
export interface WeightCommit {
  /** First and last block that may hold its reveal; foreseen, where the runtime stores its epochs. */
  revealFromBlock: number;
  revealUntilBlock: number;
  /** Whether a reveal sent now lands before, inside or after that window. */
  window: 'early' | 'open' | 'late';
}

export interface WeightCommits {
  /** The block they were read at. */
  block: number;
  /** Of the committing hotkey; `null` when it has none any more. */
  uid: number | null;
  /** By what was committed: the hash itself, or that of the ciphertext. */
  commits: Map<string, WeightCommit>;
}

export interface TimelockedCommits extends WeightCommits {
  position: EpochPosition;
  /** Epochs from a commit to its reveal. */
  revealPeriodEpochs: number;
  /** The weights that the hotkey's uid has; `null` when it has no uid any more. */
  row: NormalisedWeights | null;
}

export interface TimelockedCommitsQuery {
  /** The epoch of the oldest commit. */
  fromEpoch: number;
  /** The uid that the hotkey had then. */
  uid: number;
}

/** The unrevealed hash commits of a hotkey. */
export async function readWeightCommits(snapshot: Snapshot, key: WeightsKey): Promise<WeightCommits> {
  const { netuid, hotkey } = key;
  const { stored, uid, revealPeriod, schedule } = await snapshot.read({
    stored: ['subtensorModule.weightCommits', storageIndex(key), hotkey],
    uid: ['subtensorModule.uids', netuid, hotkey],
    revealPeriod: snapshot.forSubnet('subtensorModule.revealPeriodEpochs', netuid),
    schedule: epochReads(snapshot, netuid),
  });
  const position = epochPosition(netuid, schedule);
  const revealPeriodEpochs = toNumber(revealPeriod);
  const commitOf = (entry: ChainValue): [id: string, WeightCommit] => {
    if (hasStoredEpochs(snapshot)) {
      const { hash, epoch } = toTuple(entry, ['hash', 'epoch', 'commitBlock', 'unused']);
      return [hash.toHex(), epochsAhead(position, toNumber(epoch) + revealPeriodEpochs)];
    }
    const { hash, firstBlock, lastBlock } = toTuple(entry, ['hash', 'commitBlock', 'firstBlock', 'lastBlock']);
    return [hash.toHex(), windowAt(position.block, toNumber(firstBlock), toNumber(lastBlock))];
  };
  const commits = toNullable(stored);
  const own = toNullable(uid);
  return {
    block: position.block,
    uid: own && toNumber(own),
    commits: new Map((commits ? toItems(commits) : []).map(commitOf)),
  };
}

function windowAt(block: number, revealFromBlock: number, revealUntilBlock: number): WeightCommit {
  const window = block < revealFromBlock ? 'early' : block >= revealUntilBlock ? 'late' : 'open';
  return { revealFromBlock, revealUntilBlock, window };
}

/** Epochs that a reveal may wait, and then some: the chain allows 100. */
const MOST_EPOCHS = 1_000;
/** Epochs that are read before it is known which one it is: that of the commit and the few in which it may wait. */
const LIKELY_EPOCHS = 3;

/**
 * The unrevealed time-locked commits of a hotkey, and the weights that it has, mostly in one round trip. An epoch that is late
 * in beginning has commits already.
 */
export async function readTimelockedCommits(
  snapshot: Snapshot,
  key: WeightsKey,
  { fromEpoch, uid: likelyUid }: TimelockedCommitsQuery,
): Promise<TimelockedCommits> {
  const { netuid, hotkey } = key;
  const { item, entryFields } = timelockedItem(snapshot);
  const commitsOf = (epoch: number): StorageRead => [item, storageIndex(key), epoch];
  const likely = range(fromEpoch, fromEpoch + LIKELY_EPOCHS);
  const { uid, revealPeriod, likelyRow, schedule, likelyStored } = await snapshot.read({
    uid: ['subtensorModule.uids', netuid, hotkey],
    revealPeriod: snapshot.forSubnet('subtensorModule.revealPeriodEpochs', netuid),
    likelyRow: ['subtensorModule.weights', storageIndex(key), likelyUid],
    schedule: epochReads(snapshot, netuid),
    likelyStored: readsFor(likely, commitsOf),
  });
  const position = epochPosition(netuid, schedule);
  const revealPeriodEpochs = toNumber(revealPeriod);
  const own = toNullable(uid);
  const ownUid = own && toNumber(own);
  const first = Math.max(fromEpoch + LIKELY_EPOCHS, position.epoch - revealPeriodEpochs);
  const later = range(first, position.epoch + 2);
  const laterStored = await snapshot.read(readsFor(later, commitsOf));
  const { blake2AsU8a, u8aToHex } = await polkadotCrypto();
  const commits = [...likelyStored, ...laterStored].flatMap(([epoch, stored]) =>
    toItems(stored)
      .map((entry) => toTuple(entry, entryFields))
      .filter(({ account }) => String(account) === hotkey)
      .map(({ ciphertext }): [string, WeightCommit] => [
        u8aToHex(blake2AsU8a(ciphertext.toU8a(true), 256)),
        epochsAhead(position, epoch + revealPeriodEpochs),
      ]),
  );
  return {
    block: position.block,
    uid: ownUid,
    commits: new Map(commits),
    position,
    revealPeriodEpochs,
    row:
      ownUid === null || ownUid === likelyUid
        ? own && toWeightRow(likelyRow)
        : await readWeightRow(snapshot, storageIndex(key), ownUid),
  };
}

/** Whole numbers from `from` up to, but not including, `to`. */
function range(from: number, to: number): number[] {
  if (to - from > MOST_EPOCHS)
    throw new UnusableAnswerError(`epochs ${from} to ${to} are too many for a reveal to wait`);
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

/** Where the runtime keeps them, and what is in an entry there. */
function timelockedItem(snapshot: Snapshot) {
  const newer = 'subtensorModule.timelockedWeightCommits';
  return snapshot.has(newer)
    ? ({ item: newer, entryFields: ['account', 'commitBlock', 'ciphertext', 'round'] } as const)
    : ({ item: 'subtensorModule.crv3WeightCommits', entryFields: ['account', 'ciphertext', 'round'] } as const);
}

/** A reveal that is due in an epoch. */
export function epochsAhead(position: EpochPosition, dueEpoch: number): WeightCommit {
  const ahead = dueEpoch - position.epoch;
  const [revealFromBlock, revealUntilBlock] = epochWindow(position, ahead);
  return { revealFromBlock, revealUntilBlock, window: ahead > 0 ? 'early' : ahead < 0 ? 'late' : 'open' };
}
