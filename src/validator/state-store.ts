import type { PendingRevealStore } from '../chain/weights/weight-setter.ts';
import type { Commitment, Neuron } from '../schema/metagraph.ts';
import type { Checked } from '../schema/verdict.ts';
import type { LedgerEntry } from './ledger/ledger.ts';
import type { LedgerContents } from './ledger/ledger-schema.ts';
import type { Standings } from './standing.ts';

/** What an epoch rests on, the same for every validator: the subnet as of the block that the epoch begins with. */
export interface EpochStart {
  startBlock: number;
  /** The block whose hash seeds the draw and the training. */
  seedBlock: number;
  /** Of that block, `0x` hex. Earlier versions did not store it. */
  seedBlockHash?: string;
  /** When the first block was made, by the chain's clock: milliseconds UTC. */
  timeMs: number;
  /** Of the subnet's owner; `null` where it has none that is registered. */
  ownerUid: number | null;
  /** Everybody registered, by uid, with the chain's consensus (0..1). */
  neurons: Pick<Neuron, 'uid' | 'hotkey' | 'coldkey' | 'registrationBlock' | 'consensus'>[];
  /** Of the registered. */
  commitments: Commitment[];
}

/** What a draw rests on besides the subnet: it stands in the report, so that anybody can draw again. */
export interface DrawnFrom {
  /** The serialised queue before the draw; `null` for a new one. */
  queue: unknown;
  /** Hotkeys that were drawn for an epoch that was dropped before this one; `null` where none was. */
  dropped: string[] | null;
  /** Most miners of an epoch. */
  places: number;
}

/** The epoch a validator is in: kept until its weights are on the chain, so that a restart goes on with the same draw. */
export interface OpenEpoch extends EpochStart {
  /** Seed of every training run of the epoch, 0..65535. */
  epochSeed: number;
  /** The miners the queue picked. */
  hotkeys: string[];
  /** What they were drawn from. Earlier versions did not store it. */
  drawnFrom?: DrawnFrom;
}

/** What a state is about, and since when. */
export interface StateHistory {
  /** Of the chain, `0x` hex. */
  genesisHash: string;
  netuid: number;
  competition: string;
  /** Who showed which rows first is known from this block on. */
  sinceBlock: number;
  /** The hotkey whose ledger the state began with, ss58; `null` where it began with none. */
  ledgerFrom: string | null;
  /** The block that the last finished epoch began with; `null` before there is one. */
  lastStartBlock: number | null;
  /** What the policy of that epoch wants to know in the next one: JSON. */
  memory?: { policy: string; value: unknown };
}

/** The file of a pinned commit, as it once came. */
export interface Download {
  /** 64 hex digits. */
  sha256: string;
  bytes: number;
  /** When it came. */
  block: number;
}

/** What was found in a file; it holds for every file with the same content under the same rules. */
export interface FileFinding {
  /** `null` where the checking process failed on it. */
  checked: Checked<{ rows: number }> | null;
  /** How often it did, though it could check others. */
  failures?: number;
  /** When it was found. */
  block: number;
}

export interface BeginEpochParameters {
  epoch: OpenEpoch;
  /** The serialised {@link EvalQueue} that drew it. */
  queue: unknown;
  history: StateHistory;
}

export interface FinishEpochParameters {
  standings: Standings;
  /** What the epoch's evaluations changed in the ledger. */
  ledger: PutLedgerParameters;
  queue: unknown;
  history: StateHistory;
}

export interface PutScoreParameters {
  key: string;
  score: Checked<number>;
  /** Of a loss; worth keeping as long as that. */
  measured?: MeasuredScore;
}

/** What a loss is made of, and what it took. */
export interface MeasuredScore {
  /** By row of the evaluation set, packed; `null` where the trainer does not tell. */
  rowLosses: string | null;
  trainingMs: number;
  evaluationMs: number;
  /**
   * Memory was too short to compute the rows of a step together, so that in its last digits the loss may differ from that of
   * other machines.
   */
  divided?: true;
}

export interface PinnedDataset {
  repo: string;
  /** 40-hex commit sha. */
  commit: string;
}

/** A pointer whose dataset nobody could read when its time was over, as it was seen between epochs. */
export interface LatePointer extends PinnedDataset {
  hotkey: string;
  /** Block of the pointer. */
  commitBlock: number;
  /** First block since which neither a pointer names it nor one of the open epoch. Absent: one does. */
  goneBlock?: number;
}

export interface PutLatePointersParameters {
  /** All of them: others are forgotten. */
  late: LatePointer[];
}

export interface PutBaselineParameters {
  key: string;
  lossNatsPerToken: number;
  /** By row of the evaluation set, packed. */
  rowLosses?: string | null;
}

export interface PutDownloadParameters extends PinnedDataset, Download {}

export interface PutFileFindingParameters extends FileFinding {
  key: string;
}

export interface PutLedgerParameters {
  put: LedgerEntry[];
  /** Hotkeys of which nothing is known any more. */
  removed: string[];
}

export interface KeepSinceParameters {
  block: number;
  named: PinnedDataset[];
}

/**
 * What the rows of datasets are compared by, by a name that tells the content. Each can be made anew from its dataset, so
 * one that is lost or damaged is as if it had never been there.
 */
export interface FingerprintStore {
  /** Whether there is one of that name, sound or not. */
  has(name: string): Promise<boolean>;
  /** `null` where there is none, or it is not what was stored. */
  read(name: string): Promise<Uint8Array | null>;
  write(parameters: { name: string; fingerprint: Uint8Array }): Promise<void>;
  /**
   * The file in which one of that name lies, behind its SHA-256 (32 bytes): comparing datasets reads it in a thread of its own.
   * Without this method `read` is asked, and what it gives is copied.
   */
  fileOf?(name: string): string;
  /** Removes all others. */
  keepOnly(names: readonly string[]): Promise<void>;
}

/**
 * What a validator must not forget: {@link ValidatorState}, or something of one's own in its place. What a call has
 * stored is there after a crash once its promise resolves; each call stores all of it or nothing.
 */
export interface StateStore {
  /** Names this state among those that share a cache folder; it stays the same. */
  readonly id: string;
  /** Pending commit-reveals. */
  readonly pendingReveals: PendingRevealStore;
  readonly fingerprints: FingerprintStore;
  /** The epoch in progress, or `null` between epochs. */
  openEpoch(): Promise<OpenEpoch | null>;
  /** What the state is about, or `null` before its first epoch. */
  history(): Promise<StateHistory | null>;
  /** The serialised {@link EvalQueue}, or `null` on the first start. */
  queue(): Promise<unknown>;
  /** What every miner has reached, as of the last finished epoch. */
  standings(): Promise<Standings>;
  /** Stores a new draw together with the queue that made it. */
  beginEpoch(parameters: BeginEpochParameters): Promise<void>;
  /** Stores the new standings, the queue and the changes of the ledger, forgets the scores of the epoch, and closes it: all or nothing. */
  finishEpoch(parameters: FinishEpochParameters): Promise<void>;
  /** Loss (nats per token) or verdict of one dataset under one seed, recipe, base model and evaluation set, or `null`. */
  score(key: string): Promise<Checked<number> | null>;
  putScore(parameters: PutScoreParameters): Promise<void>;
  /** What was stored with a score, or `null`. Without this method reports of an interrupted epoch lack row losses. */
  measuredScore?(key: string): Promise<MeasuredScore | null>;
  /** The base model's loss on an evaluation set, by what it rests on, or `null`. */
  baseline(key: string): Promise<number | null>;
  /** Its losses by row, packed, or `null`. Without this method reports lack them. */
  baselineRowLosses?(key: string): Promise<string | null>;
  /** Others need not be kept. */
  putBaseline(parameters: PutBaselineParameters): Promise<void>;
  /** The file once downloaded for a pinned commit, or `null`: what tells a good file on disk from a damaged one. */
  download(parameters: PinnedDataset): Promise<Download | null>;
  putDownload(parameters: PutDownloadParameters): Promise<void>;
  /** What was found in a file, by its content and the rules, or `null`. */
  fileFinding(key: string): Promise<FileFinding | null>;
  putFileFinding(parameters: PutFileFindingParameters): Promise<void>;
  /** What is known of every hotkey: who showed which rows first. */
  ledger(): Promise<LedgerEntry[]>;
  putLedger(parameters: PutLedgerParameters): Promise<void>;
  /** Whose datasets were seen to come too late. */
  latePointers(): Promise<LatePointer[]>;
  putLatePointers(parameters: PutLatePointersParameters): Promise<void>;
  /** Lets an empty state go on where another validator's has come to: all of it is stored, or nothing. */
  beginWithLedger(contents: LedgerContents): Promise<void>;
  /** Forgets downloads and findings from before a block, but for the downloads named. */
  keepSince(parameters: KeepSinceParameters): Promise<void>;
}
