import type { DatasetCheckerPort } from '../dataset/checker/dataset-checker.ts';
import { FlockOffError, isCode, messageOf } from '../errors/flock-off-error.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import type { Clock } from '../shared/clock.ts';
import { type Logger, safeLogger, traceOf } from '../shared/logger.ts';
import { timed } from '../shared/timed.ts';
import { Turns } from '../shared/turns.ts';
import type { Trainer, TrainProgress } from '../trainer/lora-trainer.ts';
import { onDevice } from './on-device.ts';
import { packIfTold } from './row-losses.ts';
import type { BaseLoss, DatasetScore, EvaluateBaseParameters, ProbeParameters, Scorer, ScoreTask } from './scorer.ts';

export interface TrainerPoolParameters {
  /** One for each device; their losses must be comparable. */
  trainers: readonly Trainer[];
  /** Reads the rows of strangers' files away from this process. */
  checker: Pick<DatasetCheckerPort, 'readRows'>;
  logger?: Logger;
  clock?: Clock;
}

/** Of trainers alone in their pools: each competition that is given one has a pool of its own around it. */
const TURNS = new WeakMap<Trainer, Turns>();

/** More characters than any token has in ordinary text. */
const CHARACTERS_OF_TOKEN = 8;

/**
 * Scores datasets with trainers of this machine, each with one at a time. What fails on a device in passing is tried again
 * there. A device that fails on known-good work, too, gets no more while there is another. A trainer that is alone in several
 * pools takes their work in the order in which they ask.
 * @example
 * const trainers = await Promise.all(['0', '1'].map((device) => LoraTrainer.open({ model, device })));
 * const trainer = new TrainerPool({ trainers, checker });
 */
export class TrainerPool implements Scorer {
  readonly backend: Trainer['backend'];
  readonly precision: Trainer['precision'];
  readonly weightStorage: Trainer['weightStorage'];
  readonly baseSha256: string;
  readonly places: number;
  readonly isInTime = false;
  readonly #parameters: TrainerPoolParameters;
  readonly #free: Trainer[];
  /** Those that still get work. */
  readonly #sound: Set<Trainer>;
  /** Those that failed on the base model, while another one tries it. */
  readonly #failing = new Set<Trainer>();
  /** Tasks that wait for a trainer, the first one first. */
  readonly #waiting: ((trainer: Trainer) => void)[] = [];

  /** @throws FlockOffError `bad-argument` where there is no trainer, or their losses cannot be compared. */
  constructor(parameters: TrainerPoolParameters) {
    const { trainers } = parameters;
    const [first] = trainers;
    if (first === undefined) throw badPool('there is no trainer', 'pass one for each device');
    for (const other of trainers) requireComparable(first, other);
    this.#parameters = parameters;
    this.#free = [...trainers];
    this.#sound = new Set(trainers);
    this.places = trainers.length;
    this.backend = first.backend;
    this.precision = first.precision;
    this.weightStorage = first.weightStorage;
    this.baseSha256 = first.baseSha256;
  }

  async score(task: ScoreTask): Promise<Checked<DatasetScore>> {
    const { uid, signal } = task;
    for (;;) {
      const score = await this.#withTrainer(signal, (trainer) =>
        onDevice(this.#parameters, { what: `uid ${uid}`, signal }, () => this.#score(trainer, task)).catch(
          async (error) => {
            if (await this.#isSick(trainer, error, task)) return null;
            throw error;
          },
        ),
      );
      if (score !== null) return score;
    }
  }

  async evaluateBase(parameters: EvaluateBaseParameters): Promise<Checked<BaseLoss>> {
    return this.#withTrainer(parameters.signal, (trainer) => this.#evaluateBase(trainer, parameters));
  }

  probe(parameters: ProbeParameters): Promise<void> {
    return this.#withTrainer(parameters.signal, (trainer) => this.#probe(trainer, parameters));
  }

  /** What fails on one device is tried on another; where that does it, the first one gets no more. */
  async #evaluateBase(trainer: Trainer, parameters: EvaluateBaseParameters): Promise<Checked<BaseLoss>> {
    const { signal, contextTokens } = parameters;
    const { rows } = parameters.evaluation;
    try {
      return await timed(safeLogger(this.#parameters.logger), 'evaluating the base model alone', () =>
        onDevice(this.#parameters, { what: 'the base model', signal }, () =>
          trainer.evaluate({ rows, contextTokens, signal }),
        ),
      );
    } catch (error) {
      // Those that failed are held until one succeeds, so that each is asked once.
      if (!isCode(error, 'trainer-failed') || this.#failing.size + 1 >= this.#sound.size) throw error;
      this.#failing.add(trainer);
      try {
        const base = await this.evaluateBase(parameters);
        this.#setAside(trainer, error);
        return base;
      } finally {
        this.#failing.delete(trainer);
      }
    }
  }

  /** Sets a trainer aside that fails on known-good work as it did on a task, unless it is the last one. */
  async #isSick(trainer: Trainer, error: unknown, task: ScoreTask): Promise<boolean> {
    const isLast = () => this.#sound.size === 1;
    if (!isCode(error, 'trainer-failed') || isLast()) return false;
    try {
      await this.#probe(trainer, task);
      return false;
    } catch (fault) {
      if (!isCode(fault, 'trainer-failed') || isLast()) return false;
    }
    this.#setAside(trainer, error);
    return true;
  }

  #setAside(trainer: Trainer, error: unknown): void {
    this.#sound.delete(trainer);
    safeLogger(this.#parameters.logger).warn(
      `a device fails on known-good work, too, and gets no more; ${this.#sound.size} are left: ${messageOf(error)}`,
    );
  }

  async #probe(trainer: Trainer, { competition, evaluation, signal }: ProbeParameters): Promise<void> {
    const { batchSize, contextTokens } = competition.recipe;
    const recipe = { ...competition.recipe, epochs: 1, gradientAccumulation: 1 };
    // As many and as long as a step of any dataset has, so that what fails on less is the dataset's.
    const rows = Array.from({ length: batchSize }, (_, i) =>
      longRow(evaluation.rows[i % evaluation.rows.length]!, contextTokens * CHARACTERS_OF_TOKEN),
    );
    await onDevice(this.#parameters, { what: 'a step on rows of the evaluation set', signal }, () =>
      trainer.train({ rows, recipe, seed: 0, signal }),
    );
  }

  async #withTrainer<T>(signal: AbortSignal | undefined, work: (trainer: Trainer) => Promise<T>): Promise<T> {
    const trainer = this.#free.shift() ?? (await new Promise<Trainer>((resolve) => this.#waiting.push(resolve)));
    let endOfTurn = () => {};
    try {
      if (this.places === 1) endOfTurn = await turnsOf(trainer).take(signal);
      return await work(trainer);
    } finally {
      endOfTurn();
      if (this.#sound.has(trainer)) {
        const next = this.#waiting.shift();
        if (next) next(trainer);
        else this.#free.push(trainer);
      }
    }
  }

  async #score(trainer: Trainer, task: ScoreTask): Promise<Checked<DatasetScore>> {
    const { uid, competition, evaluation, seed, signal, onTraining, onEvaluating } = task;
    const { path, keep, sha256 } = task.dataset;
    const { recipe, maxTokens } = competition;
    const logger = safeLogger(this.#parameters.logger);
    const rows = await timed(logger, `uid ${uid}: reading ${path}`, () =>
      this.#parameters.checker.readRows({ path, competition, keep, sha256, signal }),
    );
    const training = {
      recipe,
      maxTokens,
      seed,
      checkpoint: { path: task.checkpointPath },
      metricsPath: task.metricsPath,
      signal,
      onProgress: (progress: TrainProgress) => {
        const { step, steps, lossNatsPerToken: loss, tokensPerSecond } = progress;
        traceOf(logger)?.(`uid ${uid}: step ${step} of ${steps}`, { loss, tokensPerSecond });
        onTraining?.(progress);
      },
    };
    const begunMs = performance.now();
    const trained = await timed(logger, `uid ${uid}: training on ${rows.length} rows`, () =>
      trainer.train({ rows, ...training }),
    );
    if (!trained.ok) return trained;
    if (trained.value.divided)
      logger.warn(
        `uid ${uid}: memory was too short for the rows of a step as others compute them; in parts its loss may differ in the last digits`,
      );
    const trainedMs = performance.now();
    const { adapter } = trained.value;
    const evaluating = { adapter, contextTokens: recipe.contextTokens, signal, onProgress: onEvaluating };
    const evaluated = await timed(logger, `uid ${uid}: evaluating on ${evaluation.rows.length} rows`, () =>
      trainer.evaluate({ rows: evaluation.rows, ...evaluating }),
    );
    if (!evaluated.ok) return evaluated;
    const { lossNatsPerToken, rowLosses } = evaluated.value;
    return accept({
      lossNatsPerToken,
      measured: {
        rowLosses: packIfTold(rowLosses, evaluation.rows.length),
        trainingMs: Math.round(trainedMs - begunMs),
        evaluationMs: Math.round(performance.now() - trainedMs),
        ...(trained.value.divided && { divided: true as const }),
      },
    });
  }
}

function turnsOf(trainer: Trainer): Turns {
  const turns = TURNS.get(trainer) ?? new Turns();
  TURNS.set(trainer, turns);
  return turns;
}

function longRow({ conversations }: DatasetRow, characters: number): DatasetRow {
  const answer = `${conversations.at(-1)!.content} `;
  return {
    conversations: [
      { role: 'user', content: 'Go on.' },
      { role: 'assistant', content: answer.repeat(Math.ceil(characters / answer.length)) },
    ],
  };
}

function requireComparable(first: Trainer, other: Trainer): void {
  if (first === other) return;
  const differs = (what: string, expected: unknown, seen: unknown) => {
    if (expected === seen) return;
    const fix = 'give all of them the same base model and precision, and devices of one kind';
    throw badPool(`the trainers have different ${what}: ${expected} and ${seen}`, fix);
  };
  differs('base models', first.baseSha256, other.baseSha256);
  differs('backends', first.backend.name, other.backend.name);
  differs('kinds of device', deviceOf(first), deviceOf(other));
  differs('precisions', first.precision.matmul, other.precision.matmul);
  differs('compilers', xlaOf(first), xlaOf(other));
}

function deviceOf({ backend }: Trainer): string {
  return backend.cuda ? 'a GPU' : 'the CPU';
}

function xlaOf({ precision }: Trainer): string {
  return precision.xla ? 'XLA' : 'none';
}

function badPool(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix, facts: { name: 'trainers' } });
}
