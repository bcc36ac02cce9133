import type { z } from 'zod';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { LoraRecipe } from '../schema/competition.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import type { Checked } from '../schema/verdict.ts';
import { abortable } from '../shared/abortable.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { type BaseModelSource, resolveBaseModel } from './base-model.ts';
import { breathe } from './breathe.ts';
import { type TokenRow, tokenizeRow } from './chat.ts';
import type { LoraEngine } from './engine.ts';
import { type EvaluationProgress, type EvaluationResult, evaluateTokens } from './evaluate.ts';
import type { LoraAdapter } from './lora-adapter.ts';
import { readModelConfig, sha256OfModel } from './model-files.ts';
import { openEngine, type Precision } from './open-engine.ts';
import { type BackendInfo, type BackendName, loadTensorFlow } from './tensorflow.ts';
import { loadTokenizer, type TextTokenizer } from './tokenizer.ts';
import { type TrainProgress, type TrainResult, trainTokens } from './train.ts';

export type {
  BackendInfo,
  BackendName,
  EvaluationProgress,
  EvaluationResult,
  LoraAdapter,
  Precision,
  TrainProgress,
  TrainResult,
};

export interface LoadLoraTrainerParameters extends BaseModelSource {
  /**
   * Default: the first backend that runs (tfjs-node-gpu, tfjs-node, wasm, cpu). TensorFlow.js has one backend per
   * process: loading another changes it for every trainer.
   */
  backend?: BackendName;
  /**
   * What matrices are multiplied in; everything else is float32. Default: bfloat16 for models of 100 million weights and
   * more where a short measurement finds it faster on this device, else float32.
   */
  matmul?: Precision['matmul'];
  /**
   * `layer` computes each layer again for its gradient instead of keeping it: about a third more time, and memory that
   * hardly grows with the length of rows. Native backends only. Default `none`.
   */
  checkpointing?: 'none' | 'layer';
}

export interface TrainParameters {
  /** What differs from FLock OFF's recipe. */
  recipe?: z.input<typeof LoraRecipe>;
  /** Same rows, recipe, seed and machine: same losses, bit by bit. */
  seed: number;
  signal?: AbortSignal;
  /** After every optimizer step that had target tokens. */
  onProgress?: (progress: TrainProgress) => void;
}

export interface EvaluateParameters {
  /** Result of {@link LoraTrainer.train}; without it the base model is evaluated. */
  adapter?: LoraAdapter;
  /** Tokens a row is cut to. Default: the recipe's 4096. */
  contextTokens?: number;
  signal?: AbortSignal;
  onProgress?: (progress: EvaluationProgress) => void;
}

/**
 * Trains LoRA adapters on a frozen Qwen2.5 model and measures losses, on TensorFlow.js. Calls wait for each other: one
 * trains or evaluates at a time.
 *
 * @example
 * const trainer = await LoraTrainer.load({ model: 'Qwen/Qwen2.5-0.5B-Instruct' });
 * const trained = await trainer.train(rows, { seed: 7, onProgress: ({ step, steps }) => console.log(step, steps) });
 * if (trained.ok) console.log(await trainer.evaluate(evaluationRows, { adapter: trained.value.adapter }));
 * trainer.dispose();
 */
export class LoraTrainer {
  /** What computes, with versions. */
  readonly backend: BackendInfo;
  /** What matrices are multiplied in, and why. */
  readonly precision: Precision;
  /** Names the base model and its tokenizer by content. */
  readonly baseSha256: string;
  /** Folder the base model was read from. */
  readonly modelFolder: string;
  readonly #engine: LoraEngine;
  readonly #tokenizer: TextTokenizer;
  readonly #clock: Clock;
  #disposed = false;
  /** Resolves when the last call so far is done. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(
    facts: { backend: BackendInfo; precision: Precision; baseSha256: string; modelFolder: string },
    engine: LoraEngine,
    tokenizer: TextTokenizer,
    clock: Clock,
  ) {
    this.backend = facts.backend;
    this.precision = facts.precision;
    this.baseSha256 = facts.baseSha256;
    this.modelFolder = facts.modelFolder;
    this.#engine = engine;
    this.#tokenizer = tokenizer;
    this.#clock = clock;
  }

  /**
   * Loads a base model, from a folder without touching the network, or from the hub into the cache folder.
   * @throws FlockOffError `bad-model`, `backend-unavailable`, `hub-denied`, `hub-unreachable`, `disk`.
   */
  static async load(options: LoadLoraTrainerParameters): Promise<LoraTrainer> {
    const modelFolder = await resolveBaseModel(options);
    const config = await readModelConfig(modelFolder);
    const tokenizer = await loadTokenizer({ folder: modelFolder });
    const baseSha256 = await sha256OfModel(modelFolder);
    const { tf, backend } = await loadTensorFlow({ backend: options.backend });
    const { matmul, checkpointing, signal } = options;
    const { engine, precision } = await openEngine({ tf, folder: modelFolder, config, matmul, checkpointing, signal });
    const facts = { backend, precision, baseSha256, modelFolder };
    return new LoraTrainer(facts, engine, tokenizer, options.clock ?? systemClock);
  }

  /**
   * Trains a new adapter on `rows`. Verdicts: `no-labels`, `diverged`.
   * @throws FlockOffError `trainer-failed` for faults of the device; the signal's reason when it aborts.
   */
  async train(
    rows: DatasetRow[],
    { recipe, seed, signal, onProgress }: TrainParameters,
  ): Promise<Checked<TrainResult>> {
    const fullRecipe = LoraRecipe.parse(recipe ?? {});
    return this.#guard('training', signal, async () =>
      trainTokens({
        engine: this.#engine,
        rows: await this.#tokenize(rows, fullRecipe.contextTokens, signal),
        recipe: fullRecipe,
        seed,
        signal,
        onProgress,
        nowMs: () => this.#clock.nowMs(),
      }),
    );
  }

  /**
   * Measures the loss on `rows`, one row at a time. Verdicts: `no-labels`, `diverged`.
   * @throws FlockOffError `trainer-failed` for faults of the device; the signal's reason when it aborts.
   */
  async evaluate(rows: DatasetRow[], options: EvaluateParameters = {}): Promise<Checked<EvaluationResult>> {
    const { adapter = null, contextTokens = LoraRecipe.parse({}).contextTokens, signal, onProgress } = options;
    return this.#guard('evaluation', signal, async () =>
      evaluateTokens({
        engine: this.#engine,
        rows: await this.#tokenize(rows, contextTokens, signal),
        adapter,
        signal,
        onProgress,
      }),
    );
  }

  /** Frees the base model. The trainer cannot be used afterwards. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#engine.dispose();
  }

  async #tokenize(rows: DatasetRow[], contextTokens: number, signal?: AbortSignal): Promise<TokenRow[]> {
    const tokenized: TokenRow[] = [];
    for (const row of rows) {
      if (tokenized.length % 32 === 0) await breathe(signal);
      const tokens = tokenizeRow(row, this.#tokenizer, contextTokens);
      const unknown = tokens.inputIds.find((id) => id >= this.#engine.config.vocabSize);
      if (unknown !== undefined) throw this.#foreignTokenizer(unknown);
      tokenized.push(tokens);
    }
    return tokenized;
  }

  #foreignTokenizer(id: number): FlockOffError {
    const { vocabSize } = this.#engine.config;
    return new FlockOffError({
      code: 'bad-model',
      what: `the tokenizer in ${this.modelFolder} gives token ${id}, the model has ${vocabSize} tokens`,
      fix: 'use the tokenizer of this very model',
      facts: { id, vocabSize },
    });
  }

  async #guard<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#disposed) {
      throw new FlockOffError({
        code: 'bad-argument',
        what: 'this LoraTrainer has been disposed',
        fix: 'load another',
      });
    }
    const before = this.#turn;
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await (signal ? abortable(before, signal) : before);
      return await work();
    } catch (error) {
      if (signal?.aborted || error instanceof FlockOffError) throw error;
      throw new FlockOffError({
        code: 'trainer-failed',
        what: `${what} failed on the ${this.backend.name} backend: ${messageOf(error).split('\n')[0]}`,
        fix: 'see the cause; free memory or restart the process, then try again',
        facts: { backend: this.backend },
        transient: true,
        cause: error,
      });
    } finally {
      // Who is aborted while waiting must not let the next one in before those in front.
      void before.then(done);
    }
  }
}
