import type { PendingRevealStore } from '../chain/weights/weight-setter.ts';
import type { Checked } from '../schema/verdict.ts';
import type { Standings } from './standing.ts';

/** The epoch a validator is in: kept until its weights are on the chain, so that a restart goes on with the same draw. */
export interface OpenEpoch {
  /** Seed of every training run of the epoch, 0..65535. */
  epochSeed: number;
  /** The miners the queue picked. */
  hotkeys: string[];
  startBlock: number;
}

/** What a dataset looked like when it was read, for finding its copies when it is not in the draw itself. */
export interface RememberedDataset {
  repo: string;
  commit: string;
  commitBlock: number;
  sha256: string;
  /** Per row: its normalised hash. */
  rowHashes: string[];
  /** Per row: the block in which this hotkey first showed it. */
  rowBlocks: number[];
}

export interface BeginEpochParameters {
  epoch: OpenEpoch;
  /** The serialised {@link EvalQueue} that drew it. */
  queue: unknown;
}

export interface FinishEpochParameters {
  standings: Standings;
  queue: unknown;
}

export interface PutScoreParameters {
  key: string;
  score: Checked<number>;
}

export interface PinnedDataset {
  repo: string;
  /** 40-hex commit sha. */
  commit: string;
}

export interface PutDownloadParameters extends PinnedDataset {
  /** 64 hex digits. */
  sha256: string;
}

export interface PutDatasetsParameters {
  hotkey: string;
  datasets: RememberedDataset[];
}

export interface KeepOnlyParameters {
  hotkeys: string[];
  downloads: PinnedDataset[];
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
  /** The epoch in progress, or `null` between epochs. */
  openEpoch(): Promise<OpenEpoch | null>;
  /** The serialised {@link EvalQueue}, or `null` on the first start. */
  queue(): Promise<unknown>;
  /** What every miner has reached, as of the last finished epoch. */
  standings(): Promise<Standings>;
  /** Stores a new draw together with the queue that made it. */
  beginEpoch(parameters: BeginEpochParameters): Promise<void>;
  /** Stores the new standings and the queue, forgets the scores of the epoch, and closes it. */
  finishEpoch(parameters: FinishEpochParameters): Promise<void>;
  /** Loss (nats per token) or verdict of one dataset under one seed, recipe, base model and evaluation set, or `null`. */
  score(key: string): Promise<Checked<number> | null>;
  putScore(parameters: PutScoreParameters): Promise<void>;
  /** Hash of the file once downloaded for a pinned commit, or `null`: what tells a good file on disk from a damaged one. */
  download(parameters: PinnedDataset): Promise<{ sha256: string } | null>;
  putDownload(parameters: PutDownloadParameters): Promise<void>;
  /** The datasets a hotkey has shown, the latest first. */
  datasets(hotkey: string): Promise<RememberedDataset[]>;
  putDatasets(parameters: PutDatasetsParameters): Promise<void>;
  /** Forgets the datasets of every other hotkey, and every other download. */
  keepOnly(parameters: KeepOnlyParameters): Promise<void>;
}
