import type { ValidatorChain } from '../chain/chain.ts';
import type { MetadataStore } from '../chain/commitments/metadata-store.ts';
import type { WeightStore } from '../chain/weights/weight-setter.ts';
import type { Dataset } from '../dataset/check.ts';
import type { DatasetCheckerPort } from '../dataset/checker/dataset-checker.ts';
import { FINGERPRINT_VERSION } from '../dataset/fingerprint/format.ts';
import type { DatasetStore } from '../hub/dataset-store.ts';
import type { Policy } from '../policy/policy.ts';
import type { Competition } from '../schema/competition.ts';
import type { Clock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import type { EvaluationProgress, Trainer, TrainProgress } from '../trainer/lora-trainer.ts';
import type { DatasetCache } from './dataset-cache.ts';
import type { Outcome } from './outcome.ts';
import type { StateStore } from './state-store.ts';

/** What a validator works with. Everything is opened and closed by whoever made it. */
export interface Validator {
  netuid: number;
  competition: Competition;
  /** A policy of one's own, in place of the one of this package that the competition names. */
  policy?: Policy;
  subtensor: ValidatorChain;
  metadata: Pick<MetadataStore, 'readSubnetAt' | 'readPositions'>;
  weightSetter: WeightStore;
  datasets: DatasetStore;
  /** Checks downloaded files away from this process. */
  checker: DatasetCheckerPort;
  trainer: Trainer;
  /** The fixed evaluation set. */
  evaluation: Dataset;
  state: StateStore;
  /** Folder for downloaded datasets and checkpoints. Several validators may share it. */
  cacheDir: string;
  /**
   * Folder in which each training run leaves a file with one line of JSON for every step. Default: none is kept. Where it
   * cannot be written, the trainer's logger is told and scoring goes on.
   */
  metricsDir?: string;
  /** Datasets downloaded at a time, so that one silent host does not hold up the others. Default 4. */
  parallelDownloads?: number;
  /** Most miners evaluated in an epoch. Default 32. */
  minersPerEpoch?: number;
  /** Weights are sent once the subnet's epoch ends within this many blocks. */
  blockThreshold: number;
  onEvent?: (event: ValidatorEvent) => void;
  logger?: Logger;
  clock?: Clock;
}

export function cacheOf({ cacheDir, state, clock, logger }: Validator): DatasetCache {
  return { cacheDir, validatorId: state.id, clock, logger: safeLogger(logger) };
}

/** Under which name the fingerprint of a dataset is stored: one of another version is as if it were not there. */
export function fingerprintName({ sha256 }: { sha256: string }): string {
  return `${sha256}.${FINGERPRINT_VERSION}`;
}

/** What a validator is doing, for progress bars and logs. */
export type ValidatorEvent =
  | { kind: 'drawn'; epochSeed: number; hotkeys: string[]; block: number; resumed: boolean }
  | { kind: 'fetching'; uid: number; repo: string }
  | { kind: 'training'; uid: number; progress: TrainProgress }
  | { kind: 'evaluating'; uid: number; progress: EvaluationProgress }
  | { kind: 'settled'; uid: number; outcome: Outcome }
  | { kind: 'waiting'; untilBlock: number; block: number };
