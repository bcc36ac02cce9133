import { createHash } from 'node:crypto';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import type { LoraRecipe } from '../../schema/competition.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import type { Checked } from '../../schema/verdict.ts';
import { BestEffort } from '../../shared/best-effort.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { Turns } from '../../shared/turns.ts';
import { yieldToEventLoop } from '../../shared/yield-to-event-loop.ts';
import type { LoraEngine } from '../engine/engine.ts';
import { loadTensorFlow } from '../engine/tensorflow.ts';
import { knownHashes } from '../model/base-model.ts';
import type { Qwen2Config } from '../model/config.ts';
import { readModelConfig, sha256OfModel } from '../model/model-files.ts';
import { type EvaluationResult, evaluateTokens } from '../run/evaluate.ts';
import { measureInfluence } from '../run/influence.ts';
import { type TrainResult, trainTokens } from '../run/train.ts';
import { type TokenRow, tokenizeRow } from '../tokens/chat.ts';
import { type EvaluationSet, prepareEvaluation } from '../tokens/evaluation-set.ts';
import { tooManyTokens } from '../tokens/token-verdicts.ts';
import { loadTokenizer, type TextTokenizer } from '../tokens/tokenizer.ts';
import {
  disposedTrainer,
  requireContextTokens,
  requireEveryMs,
  requireMaxTokens,
  requireRecipe,
  requireRows,
  requireSeed,
  requireSnapshotCount,
  requireSnapshots,
} from './check-arguments.ts';
import { openEngine } from './open-engine.ts';
import { setThreads, setUpTensorFlow } from './set-up-tensorflow.ts';
import type {
  EvaluateParameters,
  InfluenceParameters,
  LoadEngineParameters,
  LoadedTrainer,
  TrainerFacts,
  TrainParameters,
} from './trainer-parameters.ts';

const CHECKPOINT_EVERY_MS = 60_000;
/** Counted up when a run comes to other numbers than before: a checkpoint of another way is not gone on from. */
const WAY_OF_COMPUTING = 3;

interface LoadContext {
  /** Whether TensorFlow of this process computes for this trainer alone. */
  alone?: boolean;
  signal?: AbortSignal;
  clock?: Clock;
  /** Called as a sign of life between progress reports: as rows are tokenized, and after each micro batch. */
  onAlive?: () => void;
  /** Called with a sentence when an optional file could not be written. */
  onWarning?: (message: string) => void;
}

/** Trains in this process: every step blocks its event loop. One call at a time; the others are queued. */
export class LocalTrainer implements LoadedTrainer {
  readonly facts: TrainerFacts;
  readonly #engine: LoraEngine;
  readonly #tokenizer: TextTokenizer;
  readonly #clock: Clock;
  readonly #onAlive: () => void;
  readonly #bestEffort: BestEffort;
  /** The evaluation set of the last call: the next one mostly evaluates another adapter on it. */
  #evaluation: { key: string; set: EvaluationSet } | null = null;
  #disposed = false;
  readonly #turns = new Turns();

  private constructor(
    facts: TrainerFacts,
    engine: LoraEngine,
    tokenizer: TextTokenizer,
    { clock = systemClock, onAlive = () => {}, onWarning = () => {} }: LoadContext,
  ) {
    this.facts = facts;
    this.#engine = engine;
    this.#tokenizer = tokenizer;
    this.#clock = clock;
    this.#onAlive = onAlive;
    this.#bestEffort = new BestEffort(onWarning);
  }

  /** @throws FlockOffError `bad-argument`, `bad-model`, `backend-unavailable`, `disk`, `out-of-memory`. */
  static async load(folder: string, parameters: LoadEngineParameters & LoadContext): Promise<LocalTrainer> {
    const { backend: wanted, recipe, recheck, alone, clock, onAlive, onWarning, ...choices } = parameters;
    const hashes = knownHashes({ cacheDir: choices.cacheDir, recheck });
    const xla = setUpTensorFlow(choices);
    const config = await readModelConfig(folder);
    if (alone) setThreads(config);
    const tokenizer = await loadTokenizer({ folder });
    const asked = recipe && requireRecipe(recipe);
    if (asked) requirePositions(config, asked.contextTokens);
    if (tokenizer.vocabSize > config.vocabSize) throw foreignTokenizer(folder, tokenizer, config);
    const baseSha256 = await sha256OfModel(folder, hashes.of);
    const { tf, backend } = await loadTensorFlow({ backend: wanted });
    const { engine, precision, weightStorage } = await openEngine({
      tf,
      backend,
      folder,
      config,
      baseSha256,
      ...choices,
      hashes,
      xla,
    }).catch(async (error: unknown) => {
      if (!parameters.signal?.aborted) await hashes.forget();
      throw error;
    });
    try {
      if (asked) engine.requireMemory(asked.rank, asked.contextTokens);
    } catch (error) {
      engine.dispose();
      throw error;
    }
    const facts = { backend, precision, weightStorage, baseSha256 };
    return new LocalTrainer(facts, engine, tokenizer, { clock, onAlive, onWarning });
  }

  async train(parameters: TrainParameters): Promise<Checked<TrainResult>> {
    const { rows, recipe, seed, checkpoint, metricsPath, snapshots = 0, signal, onProgress } = parameters;
    const { maxTokens = Number.POSITIVE_INFINITY } = parameters;
    const { everyMs = CHECKPOINT_EVERY_MS } = checkpoint ?? {};
    const fullRecipe = requireRecipe(recipe);
    requireSeed(seed);
    requireMaxTokens(maxTokens);
    requireSnapshotCount(snapshots);
    requireEveryMs(everyMs);
    requireRows(rows);
    return this.#guard('training', { signal, onProgress }, async (report) => {
      const { contextTokens } = fullRecipe;
      const { tokenized, isWhole } = await this.#tokenize(rows, { contextTokens, maxTokens, signal });
      if (!isWhole) {
        const facts = { maxTokens, contextTokens, rows: rows.length, rowsWithin: tokenized.length };
        return tooManyTokens(facts);
      }
      const longest = tokenized.reduce((most, { inputIds }) => Math.max(most, inputIds.length), 0);
      this.#engine.requireMemory(fullRecipe.rank, longest);
      return trainTokens({
        engine: this.#engine,
        rows: tokenized,
        recipe: fullRecipe,
        seed,
        checkpoint: checkpoint && {
          path: checkpoint.path,
          everyMs,
          run: this.#nameRun(rows, fullRecipe, seed),
        },
        metricsPath,
        snapshots,
        bestEffort: this.#bestEffort,
        signal,
        onProgress: report,
        onAlive: this.#onAlive,
        nowMs: () => this.#clock.nowMs(),
      });
    });
  }

  async evaluate(parameters: EvaluateParameters): Promise<Checked<EvaluationResult>> {
    const { rows, adapter = null, contextTokens = requireRecipe().contextTokens, signal, onProgress } = parameters;
    requireContextTokens(contextTokens);
    requireRows(rows);
    return this.#guard('evaluation', { signal, onProgress }, async (report) =>
      evaluateTokens({
        engine: this.#engine,
        set: await this.#evaluationSet(rows, contextTokens, signal),
        adapter,
        signal,
        onProgress: report,
      }),
    );
  }

  async influence(parameters: InfluenceParameters): Promise<(number | null)[]> {
    const { rows, evaluation, snapshots, signal, onProgress } = parameters;
    const { contextTokens = requireRecipe().contextTokens } = parameters;
    requireContextTokens(contextTokens);
    requireRows(rows);
    requireRows(evaluation);
    requireSnapshots(snapshots);
    return this.#guard('measuring the influence of rows', { signal, onProgress }, async (report) =>
      measureInfluence({
        engine: this.#engine,
        rows: (await this.#tokenize(rows, { contextTokens, signal })).tokenized,
        evaluation: (await this.#tokenize(evaluation, { contextTokens, signal })).tokenized,
        snapshots,
        signal,
        onProgress: report,
        onAlive: this.#onAlive,
      }),
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#engine.dispose();
  }

  /** Everything a run's result depends on. */
  #nameRun(rows: DatasetRow[], recipe: LoraRecipe, seed: number): string {
    const { baseSha256, backend, precision } = this.facts;
    return sha256([WAY_OF_COMPUTING, baseSha256, backend.name, precision.matmul, precision.xla, recipe, seed], rows);
  }

  async #evaluationSet(rows: DatasetRow[], contextTokens: number, signal?: AbortSignal): Promise<EvaluationSet> {
    const key = sha256([contextTokens], rows);
    if (this.#evaluation?.key !== key) {
      const { tokenized } = await this.#tokenize(rows, { contextTokens, signal });
      this.#evaluation = { key, set: prepareEvaluation(tokenized) };
    }
    return this.#evaluation.set;
  }

  /** Stops where there are more than `maxTokens`. */
  async #tokenize(
    rows: DatasetRow[],
    { contextTokens, maxTokens = Number.POSITIVE_INFINITY, signal }: TokenizeParameters,
  ): Promise<{ tokenized: TokenRow[]; isWhole: boolean }> {
    requirePositions(this.#engine.config, contextTokens);
    const tokenized: TokenRow[] = [];
    let tokens = 0;
    for (const row of rows) {
      if (tokenized.length % 8 === 0) {
        await yieldToEventLoop(signal);
        this.#onAlive();
      }
      const next = tokenizeRow(row, this.#tokenizer, contextTokens);
      tokens += next.inputIds.length;
      if (tokens > maxTokens) return { tokenized, isWhole: false };
      tokenized.push(next);
    }
    return { tokenized, isWhole: true };
  }

  #requireLoaded(): void {
    if (this.#disposed) throw disposedTrainer();
  }

  async #guard<T, Progress>(
    what: string,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (progress: Progress) => void },
    work: (report: (progress: Progress) => void) => Promise<T>,
  ): Promise<T> {
    this.#requireLoaded();
    let thrown: { error: unknown } | undefined;
    const report = (progress: Progress) => {
      try {
        onProgress?.(progress);
      } catch (error) {
        thrown = { error };
        throw error;
      }
    };
    const end = await this.#turns.take(signal);
    try {
      this.#requireLoaded();
      return await work(report);
    } catch (error) {
      if (thrown) throw thrown.error;
      if (signal?.aborted || error instanceof FlockOffError) throw error;
      this.#requireLoaded();
      throw new FlockOffError({
        code: 'trainer-failed',
        what: `${what} failed on the ${this.facts.backend.name} backend: ${messageOf(error).split('\n')[0]}`,
        fix: 'see the cause; free memory or restart the process, then try again',
        facts: { backend: this.facts.backend },
        transient: true,
        cause: error,
      });
    } finally {
      end();
    }
  }
}

interface TokenizeParameters {
  contextTokens: number;
  maxTokens?: number;
  signal?: AbortSignal;
}

/** Row by row: a dataset as one text can be longer than a string may be. */
function sha256(parts: unknown[], rows: DatasetRow[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts));
  for (const row of rows) hash.update(`\n${JSON.stringify(row)}`);
  return hash.digest('hex');
}

function requirePositions({ maxPositions }: Qwen2Config, contextTokens: number): void {
  if (contextTokens <= maxPositions) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `rows of ${contextTokens} tokens are asked for, the base model was made for at most ${maxPositions}`,
    fix: 'lower contextTokens or use another base model',
    facts: { name: 'contextTokens', value: contextTokens, most: maxPositions },
  });
}

function foreignTokenizer(folder: string, tokenizer: TextTokenizer, { vocabSize }: Qwen2Config): FlockOffError {
  return new FlockOffError({
    code: 'bad-model',
    what: `the tokenizer in ${folder} has ${tokenizer.vocabSize} tokens, the model ${vocabSize}`,
    fix: 'use the tokenizer of this very model',
    facts: { path: folder },
  });
}
