import type { z } from 'zod';
import type { LoraRecipe } from '../../schema/competition.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import type { Checked } from '../../schema/verdict.ts';
import type { Checkpointing } from '../engine/graph/memory.ts';
import type { BackendInfo, BackendName } from '../engine/tensorflow.ts';
import type { LoraAdapter } from '../model/lora-adapter.ts';
import type { EvaluationProgress, EvaluationResult } from '../run/evaluate.ts';
import type { InfluenceProgress } from '../run/influence.ts';
import type { AdapterSnapshot } from '../run/snapshots.ts';
import type { TrainProgress, TrainResult } from '../run/train.ts';
import type { MatmulType, Precision } from './choose-precision.ts';
import type { WeightStorage } from './open-engine.ts';

/** How a base model is loaded. */
export interface EngineParameters {
  /**
   * Default: the first backend that runs (tfjs-node-gpu, tfjs-node, wasm, cpu). TensorFlow.js has one backend per
   * process: loading another changes it for every trainer.
   */
  backend?: BackendName;
  /**
   * Type of the matrix products; everything else is float32. Default, for models of 100 million weights and more: on a GPU
   * bfloat16 from compute capability 8.0 on, float16 from 7.0 on; else bfloat16 where a short measurement finds it faster. Else
   * float32. float16 gives way to float32 where the base model exceeds its range. `tf32` is float32 with factors of 10 bits of
   * mantissa, on GPUs of compute capability 8.0 and later.
   */
  matmul?: MatmulType;
  /**
   * Whether TensorFlow's compiler XLA fuses operations. Each size is compiled, which takes seconds to minutes; so that
   * sizes are few, each row is computed by itself and filled up to one of 19 lengths up to 8192. Losses differ by about
   * 1e-6. `auto`, the default, does not: it has not been measured on GPUs. Native backends only.
   */
  xla?: 'auto' | 'on' | 'off';
  /**
   * Gradient checkpointing. `layer` recomputes each layer in the backward pass: about a third more time, and memory that
   * hardly grows with the length of rows. `auto`, the default, does so where the activations do not fit into memory. The result is
   * the same. Native backends only.
   */
  checkpointing?: Checkpointing;
  /**
   * Memory limit of training in whole bytes, base weights included. A batch that does not fit is split, and its gradients are
   * accumulated; the gradient is the same up to the order of its sums. Default: nine tenths of what the device has free at the start.
   */
  memoryBytes?: number;
  /** What it takes of that default, above 0 and at most 1, where other trainers are on the same device. Default 1. */
  memoryShare?: number;
  /**
   * Whether the base model's matrices are read from a file as they are needed (bfloat16, on a CPU) instead of being held.
   * Default: for models of 100 million weights and more. The file is made once, in the cache folder, of the model's size.
   */
  mapWeights?: boolean;
  /** Loading fails where rows as long as this recipe allows do not fit into memory. Default: not checked. */
  recipe?: z.input<typeof LoraRecipe>;
}

/** Further parameters of the training process. */
export interface LoadEngineParameters extends EngineParameters {
  /** Where files with mapped weights are kept, and what is known of the model's files. */
  cacheDir: string;
  /** Reads the model's files again, whatever is known of them. */
  recheck?: boolean;
}

export interface TrainParameters {
  rows: DatasetRow[];
  /** What differs from FLock OFF's recipe. */
  recipe?: z.input<typeof LoraRecipe>;
  /**
   * Rows with more tokens together, each cut to `recipe.contextTokens`, get the verdict `too-many-tokens` before anything is
   * trained: a competition's `maxTokens`. They count once, however many epochs are trained. Default: any.
   */
  maxTokens?: number;
  /** Same rows, recipe, seed, machine and `memoryBytes`: same losses, bit by bit. */
  seed: number;
  /**
   * Checkpoint file: after a crash the same call resumes from it, with the result of an uninterrupted run. It is removed
   * at the end. Three times the adapter's size.
   */
  checkpoint?: {
    path: string;
    /** Default 60 s. */
    everyMs?: number;
  };
  /**
   * File to which every step is appended as one line of JSON: step, epoch, lossNatsPerToken, learningRate, gradNorm,
   * tokens, tokensPerSecond, durationMs. A run that resumes from its checkpoint appends and repeats no step; a
   * run from the beginning truncates the file. Where it cannot be written, the logger is warned once and the run goes on.
   */
  metricsPath?: string;
  /** How many snapshots of the adapter the result has, for {@link LoraTrainer.influence}. Default: none. */
  snapshots?: number;
  signal?: AbortSignal;
  /** After every optimizer step that had target tokens. */
  onProgress?: (progress: TrainProgress) => void;
}

export interface EvaluateParameters {
  rows: DatasetRow[];
  /** Result of {@link Trainer.train}; without it the base model is evaluated. */
  adapter?: LoraAdapter;
  /** Tokens a row is cut to. Default: the recipe's 4096. */
  contextTokens?: number;
  signal?: AbortSignal;
  onProgress?: (progress: EvaluationProgress) => void;
}

export interface InfluenceParameters {
  /** What the adapter was trained on. */
  rows: DatasetRow[];
  /** On which the loss is measured. */
  evaluation: DatasetRow[];
  /** Of the training: see `snapshots` of {@link TrainParameters}. */
  snapshots: AdapterSnapshot[];
  /** Tokens a row is cut to. Default: the recipe's 4096. */
  contextTokens?: number;
  signal?: AbortSignal;
  onProgress?: (progress: InfluenceProgress) => void;
}

/** What a trainer has loaded. */
export interface TrainerFacts {
  /** The backend, with versions. */
  backend: BackendInfo;
  /** The type of the matrix products, and why it was chosen. */
  precision: Precision;
  /** How the base model's matrices are stored, and why. */
  weightStorage: WeightStorage;
  /** Names the base model and its tokenizer by content. */
  baseSha256: string;
}

/** What scores datasets: {@link LoraTrainer}, or something of one's own in its place. */
export interface Trainer extends Readonly<TrainerFacts> {
  /**
   * Trains a new adapter on `rows`. Verdicts: `no-labels`, `diverged`.
   * @throws FlockOffError `out-of-memory`; `trainer-failed` for faults of the device; the signal's reason when it aborts.
   */
  train(parameters: TrainParameters): Promise<Checked<TrainResult>>;
  /**
   * Measures the loss on `rows`: the mean of their losses. Verdict: `diverged`.
   * @throws FlockOffError `bad-argument` when no row has a target token; `out-of-memory`; `trainer-failed`; the signal's
   *   reason when it aborts.
   */
  evaluate(parameters: EvaluateParameters): Promise<Checked<EvaluationResult>>;
}

/** A base model that is loaded: in this process or in another. */
export interface LoadedTrainer extends Pick<Trainer, 'train' | 'evaluate'> {
  readonly facts: TrainerFacts;
  influence(parameters: InfluenceParameters): Promise<(number | null)[]>;
  dispose(): void;
}
