import { resolve } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Checked } from '../schema/verdict.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { timed } from '../shared/timed.ts';
import type { BackendInfo, BackendName } from './engine/tensorflow.ts';
import { type BaseModelSource, DEFAULT_CACHE, resolveBaseModel } from './model/base-model.ts';
import type { LoraAdapter } from './model/lora-adapter.ts';
import { requireOpeningNumbers } from './process/check-arguments.ts';
import type { MatmulType, Precision } from './process/choose-precision.ts';
import { LocalTrainer } from './process/local-trainer.ts';
import type { WeightStorage } from './process/open-engine.ts';
import type {
  EngineParameters,
  EvaluateParameters,
  InfluenceParameters,
  LoadedTrainer,
  Trainer,
  TrainParameters,
} from './process/trainer-parameters.ts';
import { TrainerProcess } from './process/trainer-process.ts';
import type { EvaluationProgress, EvaluationResult } from './run/evaluate.ts';
import type { InfluenceProgress } from './run/influence.ts';
import type { AdapterSnapshot } from './run/snapshots.ts';
import type { TrainProgress, TrainResult } from './run/train.ts';

export type {
  AdapterSnapshot,
  BackendInfo,
  BackendName,
  EvaluateParameters,
  EvaluationProgress,
  EvaluationResult,
  InfluenceParameters,
  InfluenceProgress,
  LoraAdapter,
  MatmulType,
  Precision,
  Trainer,
  TrainParameters,
  TrainProgress,
  TrainResult,
  WeightStorage,
};

export interface LoraTrainerParameters extends BaseModelSource, EngineParameters {
  /**
   * True trains in this process, whose event loop is then blocked during every step. Default false: in a process of its
   * own, without the wallet and the tokens of this one.
   */
  inline?: boolean;
  /**
   * Names of environment variables that the training process gets too. Without: those that training may need, by a list
   * (see docs/backends.md), and none else.
   */
  env?: readonly string[];
  /**
   * The GPU that the training process sees, as CUDA_VISIBLE_DEVICES names it: `0`, or a UUID. Default: those that this process
   * sees.
   */
  device?: string;
  /** A training process that reports nothing for this long is ended. Default 30 minutes. */
  stallTimeoutMs?: number;
  logger?: Logger;
}

/**
 * Trains LoRA adapters on a frozen Qwen2.5 model and measures losses, on TensorFlow.js. Concurrent calls are queued: one
 * trains or evaluates at a time.
 *
 * @example
 * const trainer = await LoraTrainer.open({ model: 'Qwen/Qwen2.5-0.5B-Instruct' });
 * const trained = await trainer.train({ rows, seed: 7, onProgress: ({ step, steps }) => console.log(step, steps) });
 * if (trained.ok) console.log(await trainer.evaluate({ rows: others, adapter: trained.value.adapter }));
 * trainer.dispose();
 */
export class LoraTrainer implements Trainer {
  /** The backend, with versions. */
  readonly backend: BackendInfo;
  /** The type of the matrix products, and why it was chosen. */
  readonly precision: Precision;
  /** How the base model's matrices are stored, and why. */
  readonly weightStorage: WeightStorage;
  /** Names the base model and its tokenizer by content. */
  readonly baseSha256: string;
  /** Folder the base model was read from. */
  readonly modelFolder: string;
  readonly #trainer: LoadedTrainer;

  private constructor(trainer: LoadedTrainer, modelFolder: string) {
    const { backend, precision, weightStorage, baseSha256 } = trainer.facts;
    this.backend = backend;
    this.precision = precision;
    this.weightStorage = weightStorage;
    this.baseSha256 = baseSha256;
    this.modelFolder = modelFolder;
    this.#trainer = trainer;
  }

  /**
   * Loads a base model, from a folder without touching the network, or from the hub into the folder that Python's
   * huggingface_hub keeps models in.
   * @throws FlockOffError `bad-argument`, `bad-model`, `backend-unavailable`, `hub-denied`, `hub-unreachable`, `disk`,
   *   `out-of-memory`, `trainer-failed`.
   */
  static async open(options: LoraTrainerParameters): Promise<LoraTrainer> {
    const {
      inline = false,
      backend,
      matmul,
      xla,
      checkpointing,
      memoryBytes,
      memoryShare,
      mapWeights,
      recipe,
    } = options;
    const { stallTimeoutMs, env, device, recheck, logger, signal, clock } = options;
    if (inline && device !== undefined)
      throw new FlockOffError({
        code: 'bad-argument',
        what: 'a device cannot be chosen for training in this process, whose environment is set already',
        fix: 'leave "inline" out, or set CUDA_VISIBLE_DEVICES before the start',
        facts: { name: 'device' },
      });
    requireOpeningNumbers(options);
    const finding = () => resolveBaseModel(options);
    const folder = await timed(safeLogger(logger), `finding the base model ${options.model}`, finding);
    const cacheDir = resolve(options.cacheDir ?? DEFAULT_CACHE);
    const engine = {
      backend,
      matmul,
      xla,
      checkpointing,
      memoryBytes,
      memoryShare,
      mapWeights,
      recipe,
      cacheDir,
      recheck,
    };
    const onWarning = (message: string) => safeLogger(logger).warn(message);
    const trainer = inline
      ? await LocalTrainer.load(folder, { ...engine, signal, clock, onWarning })
      : await TrainerProcess.start({ folder, engine, stallTimeoutMs, env, device, logger, signal });
    return new LoraTrainer(trainer, folder);
  }

  /**
   * Trains a new adapter on `rows`. Verdicts: `too-many-tokens`, `no-labels`, `diverged`.
   * @throws FlockOffError `out-of-memory` before it starts; `trainer-failed` for faults of the device or the training
   *   process; the signal's reason when it aborts.
   */
  train(parameters: TrainParameters): Promise<Checked<TrainResult>> {
    return this.#trainer.train(parameters);
  }

  /**
   * Measures the loss on `rows`: the mean of their losses. Verdict: `diverged`.
   * @throws FlockOffError `bad-argument` when no row has a target token; `out-of-memory`; `trainer-failed` for faults of the
   *   device or the training process; the signal's reason when it aborts.
   */
  evaluate(parameters: EvaluateParameters): Promise<Checked<EvaluationResult>> {
    return this.#trainer.evaluate(parameters);
  }

  /**
   * What each row of a dataset does to the loss on `evaluation`, by the gradients of snapshots that training left. One
   * backward pass a row and snapshot: with one snapshot it takes about as long as an epoch of training, row by row.
   * @returns by row: above 0 it lowers the loss, below 0 it raises it, `null` without a target token. Only the order means
   *   something: it is measured along the gradient, and AdamW takes other steps.
   * @throws FlockOffError `bad-argument` without snapshots or targets; else as {@link LoraTrainer.evaluate}.
   */
  influence(parameters: InfluenceParameters): Promise<(number | null)[]> {
    return this.#trainer.influence(parameters);
  }

  /** Frees the base model. The trainer cannot be used afterwards. */
  dispose(): void {
    this.#trainer.dispose();
  }
}
