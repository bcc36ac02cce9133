import type { Dataset } from '../dataset/check.ts';
import type { Competition } from '../schema/competition.ts';
import type { Checked } from '../schema/verdict.ts';
import type { EvaluationProgress, EvaluationResult, TrainProgress } from '../trainer/lora-trainer.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import type { ReceiptMachine } from './receipts/this-machine.ts';
import type { MeasuredScore, PinnedDataset } from './state-store.ts';

/** A dataset that is to be scored, with all that its loss follows from. */
export interface ScoreTask {
  /** Names the result: file, rows, recipe, seed, base model, precision and evaluation set. 64 hex digits. */
  key: string;
  /** For messages, and names of files. */
  uid: number;
  dataset: PinnedDataset & {
    /** The file on this disk, checked. */
    path: string;
    sha256: string;
    /** Of the file. */
    rows: number;
    /** Indexes of the rows of the file that are trained on, from 0, in order. */
    keep: Uint32Array;
  };
  competition: Competition;
  evaluation: Dataset;
  seed: number;
  /** Where a run that is interrupted is kept. */
  checkpointPath: string;
  /** File with one line of JSON for every step. Default: none is kept. */
  metricsPath?: string;
  signal?: AbortSignal;
  onTraining?: (progress: TrainProgress) => void;
  onEvaluating?: (progress: EvaluationProgress) => void;
}

/** A dataset's loss, with what it is made of. */
export interface DatasetScore {
  lossNatsPerToken: number;
  /** `null` where that was not kept. */
  measured: MeasuredScore | null;
}

export interface EvaluateBaseParameters {
  evaluation: Dataset;
  /** Tokens a row is cut to. */
  contextTokens: number;
  signal?: AbortSignal;
}

export interface BeginParameters {
  /** Of the epoch. */
  seed: number;
  signal?: AbortSignal;
}

/** How well the base model alone does. */
export type BaseLoss = Pick<EvaluationResult, 'lossNatsPerToken' | 'rowLosses'>;

export interface ProbeParameters {
  competition: Competition;
  evaluation: Dataset;
  signal?: AbortSignal;
}

/**
 * What scores the datasets of an epoch: `TrainerPool` on this machine, `Fleet` of `flock-off/fleet` on others. Whatever
 * does it, the same task has the same loss, and all of one epoch are scored under the facts that it names.
 */
export interface Scorer extends Readonly<TrainerFacts> {
  /** The machine that losses hang on, where it is not this one. */
  readonly machine?: ReceiptMachine;
  /**
   * Names what losses have in common besides the facts: a loss that was stored under another name is found anew. Without: the
   * facts are all.
   */
  readonly lossClass?: string;
  /** Tasks that it takes at a time; `Infinity` where it has a queue of its own. */
  readonly places: number;
  /**
   * Whether an epoch is sent with the losses that there are when the subnet's epoch ends. Without: it is finished, however
   * long that takes.
   */
  readonly isInTime: boolean;
  /**
   * Called before the first task of an epoch, again after a restart: the facts that its losses are scored under change here,
   * if ever. @throws as {@link Scorer.score}.
   */
  begin?(parameters: BeginParameters): Promise<void>;
  /**
   * Trains on a dataset's own rows and evaluates. Verdicts: `too-many-tokens`, `no-labels`, `diverged`.
   * @throws FlockOffError `trainer-failed`, `hub-unreachable` or `queue-unreachable` for what concerns this task, others for
   *   what concerns all; the signal's reason when it aborts.
   */
  score(task: ScoreTask): Promise<Checked<DatasetScore>>;
  /** Measures the base model alone. Verdict: `diverged`. @throws as {@link Scorer.score}. */
  evaluateBase(parameters: EvaluateBaseParameters): Promise<Checked<BaseLoss>>;
  /** Takes one step on rows made of the evaluation set: known-good work. @throws as {@link Scorer.score}. */
  probe(parameters: ProbeParameters): Promise<void>;
}
