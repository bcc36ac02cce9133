import type { ValidatorChain } from '../chain/chain.ts';
import type { MetadataStore } from '../chain/commitments/metadata-store.ts';
import type { PulseSource } from '../chain/timelock/pulse-source.ts';
import type { WeightStore } from '../chain/weights/weight-setter.ts';
import type { Dataset } from '../dataset/check.ts';
import type { DatasetCheckerPort } from '../dataset/checker/dataset-checker.ts';
import { FINGERPRINT_VERSION } from '../dataset/fingerprint/format.ts';
import type { DatasetStore } from '../hub/dataset-store.ts';
import type { EvaluationSetStore } from '../hub/evaluation-set-store.ts';
import type { Policy } from '../policy/policy.ts';
import type { Competition } from '../schema/competition.ts';
import type { Metagraph } from '../schema/metagraph.ts';
import type { Clock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import type { EvaluationProgress, Trainer, TrainProgress } from '../trainer/lora-trainer.ts';
import type { DatasetCache } from './dataset-cache.ts';
import type { EpochReport } from './epoch-report.ts';
import type { Outcome } from './outcome.ts';
import type { ReceiptStore } from './receipts/receipt-folder.ts';
import type { Scorer } from './scorer.ts';
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
  /** One trainer, or what scores with several of them, or on other machines. */
  trainer: Trainer | Scorer;
  /** The fixed evaluation set. Where sets are time-locked it measures nothing: it is the one that miners try things on. */
  evaluation: Dataset;
  /** Where time-locked evaluation sets come from; needed where the competition has them. */
  evaluationSets?: Pick<EvaluationSetStore, 'read'>;
  /** Where the pulses that open them are looked for once the chain is late with one, in order. Default: nowhere. */
  pulseSources?: PulseSource[];
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
  /** Where each epoch leaves its report, signed, with all that its weights rest on. Default: nowhere. */
  receipts?: ReceiptStore;
  onEvent?: (event: ValidatorEvent) => void;
  logger?: Logger;
  clock?: Clock;
}

/** What it takes to read everybody's datasets and to find out whose their rows are: no wallet and no trainer. */
export type RowJudge = Pick<
  Validator,
  | 'competition'
  | 'policy'
  | 'datasets'
  | 'checker'
  | 'evaluation'
  | 'state'
  | 'cacheDir'
  | 'parallelDownloads'
  | 'onEvent'
  | 'clock'
  | 'logger'
>;

export function cacheOf({
  cacheDir,
  state,
  clock,
  logger,
}: Pick<RowJudge, 'cacheDir' | 'state' | 'clock' | 'logger'>): DatasetCache {
  return { cacheDir, validatorId: state.id, clock, logger: safeLogger(logger) };
}

/** Under which name the fingerprint of a dataset is stored: one of another version is as if it were not there. */
export function fingerprintName({ sha256 }: { sha256: string }): string {
  return `${sha256}.${FINGERPRINT_VERSION}`;
}

/** What a validator is doing, for progress bars, logs and metrics. More kinds may come. */
export type ValidatorEvent =
  | { kind: 'drawn'; epochSeed: number; hotkeys: string[]; block: number; resumed: boolean }
  | { kind: 'fetching'; uid: number; repo: string }
  /** `downloaded`: false where this disk had it. */
  | { kind: 'fetched'; uid: number; bytes: number; downloaded: boolean }
  | { kind: 'training'; uid: number; progress: TrainProgress }
  | { kind: 'evaluating'; uid: number; progress: EvaluationProgress }
  | { kind: 'settled'; uid: number; outcome: Outcome }
  /** Who is trained on in this epoch, in order: all that were drawn but those who are settled already. */
  | { kind: 'scoring'; uids: number[] }
  /** The evaluation set is not open yet, or not to be had: in that block it is looked for again. */
  | { kind: 'opening'; untilBlock: number; block: number }
  | { kind: 'waiting'; untilBlock: number; block: number }
  /** The epoch has ended. `subnet`: as it was when the weights were sent. */
  | { kind: 'finished'; report: EpochReport; subnet: Metagraph; durationMs: number }
  /**
   * A fault, of `runValidator`: the epoch goes on after `delayMs`. `null`: one of several competitions cannot be evaluated by
   * a fault that does not pass by itself, and is tried again with the next weights. `ofAll`: it is none of one of several
   * competitions but of all, and told by the first.
   */
  | { kind: 'interrupted'; error: unknown; delayMs: number | null; ofAll?: true };
