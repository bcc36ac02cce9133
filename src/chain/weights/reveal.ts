import { isCode, messageOf } from '../../errors/flock-off-error.ts';
import type { Logger } from '../../shared/logger.ts';
import { isTransientError } from '../../shared/retry.ts';
import type { Snapshot } from '../node/snapshot.ts';
import { isRejection } from '../transaction/explain-rejection.ts';
import { ERA_BLOCKS } from '../transaction/submit.ts';
import { revealCall } from './calls.ts';
import type { WeightsAccount } from './commit.ts';
import type { PendingReveal, TimelockedReveal } from './pending-reveals.ts';
import { isSameRow } from './row.ts';
import {
  epochsAhead,
  readTimelockedCommits,
  readWeightCommits,
  type TimelockedCommits,
  type WeightCommit,
  type WeightCommits,
} from './stored-commits.ts';

/** A commit on the chain whose weights do not count yet. */
export interface WaitingReveal {
  id: string;
  /** `validator`: by {@link WeightSetter.reveal}, inside the window. `chain`: by itself, with the beacon's round. */
  by: 'validator' | 'chain';
  fromBlock: number;
  untilBlock: number;
}

/** What {@link WeightSetter.reveal} did and saw. */
export interface RevealReport {
  /**
   * Count from now on, by commit: revealed by this call, or seen to have been revealed by the chain. `unchanged`: the same
   * weights stood before, so that they do not show whether the chain has opened this commit.
   */
  revealed: { id: string; block: number; unchanged?: boolean }[];
  /** Given up, and why: the window has passed, the commit is not on the chain, or the chain did not set the weights. */
  dropped: { id: string; why: string }[];
  /** Still to be revealed. */
  waiting: WaitingReveal[];
  /** First block in which calling this again may change something; `null` when nothing waits, or it is not known yet. */
  nextRevealBlock: number | null;
}

/** Errors after which a commit can never be revealed. */
const LOST_COMMIT = [
  'ExpiredWeightCommit',
  'NoWeightsCommitFound',
  'InvalidRevealCommitHashNotMatch',
  'CommitNotFound',
];
/** Errors that the hash itself brings about: it binds what it was made of. */
const SPOILT_COMMIT = ['IncorrectWeightVersionKey'];
/** Errors that an attempt some blocks later does not get. */
const TOO_EARLY = ['RevealTooEarly', 'CommitBlockNotInRevealRange'];
/** Blocks after which the chain is asked again whether it has opened what is due. */
const LOOK_AGAIN_BLOCKS = 3;
/** Blocks after which a reveal that the chain refused, for want of a permit or of stake for instance, is sent again. */
const TRY_AGAIN_BLOCKS = 30;

/** Reveals or checks every pending commit of an account, as far as possible now. */
export class Revealing {
  readonly report: RevealReport = { revealed: [], dropped: [], waiting: [], nextRevealBlock: null };
  readonly #account: WeightsAccount;
  readonly #logger: Logger;
  readonly #signal: AbortSignal | undefined;

  constructor(account: WeightsAccount, { logger, signal }: { logger: Logger; signal?: AbortSignal }) {
    this.#account = account;
    this.#logger = logger;
    this.#signal = signal;
  }

  /** The hash commits: reveals those whose window is open. */
  async hashed(pending: PendingReveal[]): Promise<void> {
    if (pending.length === 0) return;
    const { block, commits } = await this.#windows(pending);
    const failures: unknown[] = [];
    for (const reveal of pending) {
      const commit = commits.get(reveal.id);
      if (commit?.window === 'early') {
        this.#wait(reveal, commit, commit.revealFromBlock);
      } else if (commit?.window === 'open') {
        // A failed reveal must not make the others miss their window.
        await this.#revealOne(reveal, commit, block).catch((error: unknown) => failures.push(error));
      } else if (commit) {
        await this.#drop(reveal, `their window ended with block ${commit.revealUntilBlock}`);
      } else if (!mayStillLand(reveal, block)) {
        await this.#drop(reveal, 'the chain does not have the commit (never arrived, or revealed already)');
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** The time-locked commits: looks whether the chain has set the weights of those that it does not hold any more. */
  async timelocked(pending: TimelockedReveal[]): Promise<void> {
    const latest = pending.at(-1);
    if (!latest) return;
    const { key } = this.#account;
    const fromEpoch = Math.min(...pending.map(({ timelock }) => timelock.epoch));
    const { uid } = latest.timelock;
    const read = await this.#read((snapshot) => readTimelockedCommits(snapshot, key, { fromEpoch, uid }));
    const { position, revealPeriodEpochs } = read;
    const gone: TimelockedReveal[] = [];
    for (const reveal of pending) {
      const { landed, epoch } = reveal.timelock;
      const dueEpoch = epoch + revealPeriodEpochs;
      const commit = read.commits.get(reveal.id);
      if (commit) await this.#stillLocked(reveal, commit, read);
      // A node that lags, or is on a fork, does not show what is there: before it is due, nothing has become of it.
      else if (landed && position.epoch < dueEpoch)
        this.#wait(reveal, epochsAhead(position, dueEpoch), read.block + LOOK_AGAIN_BLOCKS);
      else if (landed || !mayStillLand(reveal, read.block)) gone.push(reveal);
    }
    await this.#verify(gone, read);
  }

  /** The commits and their windows: as they were foreseen when the commits landed, or else as the chain has them. */
  async #windows(pending: PendingReveal[]): Promise<Pick<WeightCommits, 'block' | 'commits'>> {
    const { subtensor, key } = this.#account;
    const block = await subtensor.waitForBlock({ block: 0, signal: this.#signal });
    const foreseen = pending.flatMap(({ id, window }): [string, WeightCommit][] => {
      // What is sent now is in the next block at the earliest.
      if (!window || block >= window.untilBlock) return [];
      const { fromBlock: revealFromBlock, untilBlock: revealUntilBlock } = window;
      return [[id, { revealFromBlock, revealUntilBlock, window: block < revealFromBlock ? 'early' : 'open' }]];
    });
    if (foreseen.length === pending.length) return { block, commits: new Map(foreseen) };
    return this.#read((snapshot) => readWeightCommits(snapshot, key));
  }

  #read<T>(read: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    return this.#account.subtensor.read({ what: 'reading weight commits', use: read, signal: this.#signal });
  }

  async #stillLocked(reveal: TimelockedReveal, commit: WeightCommit, { block, row }: TimelockedCommits): Promise<void> {
    const { timelock } = reveal;
    if (!timelock.landed || timelock.unchanged === undefined) {
      const unchanged = row !== null && isSameRow(reveal, row);
      await this.#account.pending.put({ ...reveal, timelock: { ...timelock, landed: true, unchanged } });
    }
    this.#wait(reveal, commit, Math.max(commit.revealFromBlock, block) + LOOK_AGAIN_BLOCKS);
  }

  /** The chain says nothing when it cannot open a commit or refuses what is in it: only the weights themselves tell. */
  async #verify(gone: TimelockedReveal[], { uid, block, row }: TimelockedCommits): Promise<void> {
    // Of several, the last one stands on the chain.
    const standing = gone.findLastIndex((reveal) => row !== null && isSameRow(reveal, row));
    for (const [i, reveal] of gone.entries()) {
      if (i === standing) await this.#settle(reveal, block);
      else if (i < standing) await this.#drop(reveal, 'later weights stand on the chain by now');
      else if (uid === null) await this.#drop(reveal, 'the hotkey has lost its uid');
      else await this.#drop(reveal, notSet(reveal, uid));
    }
  }

  async #revealOne(reveal: PendingReveal, commit: WeightCommit, seenAtBlock: number): Promise<void> {
    const { subtensor, key, hotkey } = this.#account;
    const signal = this.#signal;
    const landed = async (snapshot: Snapshot) => {
      const { block, commits } = await readWeightCommits(snapshot, key);
      return commits.has(reveal.id) ? null : { block, blockHash: null };
    };
    try {
      const { block } = await subtensor.submit({ ...revealCall(key, reveal), hotkey, landed, signal });
      await this.#settle(reveal, block);
    } catch (error) {
      const { window, ...unforeseen } = reveal;
      if (window && isRejection(error, [...LOST_COMMIT, ...TOO_EARLY])) {
        // The next call asks the chain what has become of the commit, or of its window.
        await this.#account.pending.put(unforeseen);
        this.#wait(reveal, commit, null);
      } else if (isRejection(error, [...LOST_COMMIT, ...SPOILT_COMMIT]))
        await this.#drop(reveal, `the chain answered ${error.facts.name}`);
      else if (isRejection(error, TOO_EARLY)) this.#wait(reveal, commit, null);
      else if (isCode(error, 'chain-rejected') && !isTransientError(error)) {
        this.#logger.warn(
          `the weights committed after block ${reveal.storedAtBlock} are not revealed yet: ${messageOf(error)}`,
        );
        this.#wait(reveal, commit, seenAtBlock + TRY_AGAIN_BLOCKS);
      } else throw error;
    }
  }

  #wait({ id, timelock }: PendingReveal, commit: WeightCommit, nextBlock: number | null): void {
    const { revealFromBlock: fromBlock, revealUntilBlock: untilBlock } = commit;
    this.report.waiting.push({ id, by: timelock ? 'chain' : 'validator', fromBlock, untilBlock });
    const { nextRevealBlock } = this.report;
    if (nextBlock !== null) this.report.nextRevealBlock = Math.min(nextBlock, nextRevealBlock ?? nextBlock);
  }

  async #settle({ id, storedAtBlock, timelock }: PendingReveal, block: number): Promise<void> {
    await this.#account.pending.delete(id);
    const unchanged = timelock?.unchanged;
    if (unchanged)
      this.#logger.info(
        `the weights committed after block ${storedAtBlock} are those that stood before: they do not show whether the chain has opened them`,
        { id },
      );
    this.report.revealed.push(unchanged ? { id, block, unchanged } : { id, block });
  }

  async #drop({ id, storedAtBlock }: PendingReveal, why: string): Promise<void> {
    this.#logger.warn(`the weights committed after block ${storedAtBlock} are not revealed: ${why}`, { id });
    this.report.dropped.push({ id, why });
    await this.#account.pending.delete(id);
  }
}

function mayStillLand({ storedAtBlock }: PendingReveal, block: number): boolean {
  return block <= storedAtBlock + ERA_BLOCKS;
}

function notSet({ timelock }: TimelockedReveal, uid: number): string {
  return timelock.landed
    ? `the chain took the commit and did not set these weights for uid ${uid}, for a reason that only its nodes log (no permit, too little stake, a version key that was raised, or no pulse of drand round ${timelock.round} in time)`
    : `the chain does not have the commit, and uid ${uid} has other weights (never arrived, or not opened)`;
}
