import { join } from 'node:path';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { abortable } from '../shared/abortable.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { onDisk } from '../shared/on-disk.ts';
import { required } from '../shared/required.ts';
import type { Trainer } from '../trainer/lora-trainer.ts';
import { packRowLosses } from '../validator/row-losses.ts';
import { TrainerPool } from '../validator/trainer-pool.ts';
import type { Board } from './board.ts';
import { checkpointsFolder, fetchEvaluationRows, fetchTaskDataset, pruneWorkerCache } from './fetch-task.ts';
import type { RunFleetWorkerParameters } from './fleet-worker-parameters.ts';
import { notOurs } from './not-ours.ts';
import type { Found, ProgressNote, Task } from './wire.ts';

const KEEP_CACHE_MS = 3 * 86_400_000;
/** How long an answer of the queue is waited for before it is asked again: at first, and after tries that were too short. */
const ANSWER_MS = 10_000;
const LONGEST_ANSWER_MS = 300_000;
/** Progress is told at most this often. */
const TELL_MS = 1_000;
/** Facts of a file that losses do not hang on. */
const NO_FACTS = { bytes: 0, codePoints: 0, likelyTokens: 0, warnings: [] };

export interface FindParameters {
  trainer: Trainer;
  signal: AbortSignal;
  /** Tells the queue. */
  tell: (note: ProgressNote) => void;
}

/** Does what tasks ask for: fetches, trains and measures. */
export class LossFinder {
  readonly #parameters: Pick<RunFleetWorkerParameters, 'datasets' | 'checker' | 'cacheDir' | 'logger' | 'onEvent'>;
  readonly #evaluations: Board;
  readonly #answerMs: number;
  #evaluation: { textSha256: string; rows: DatasetRow[] } | null = null;

  constructor(
    parameters: Pick<RunFleetWorkerParameters, 'datasets' | 'checker' | 'cacheDir' | 'logger' | 'onEvent'>,
    evaluations: Board,
    { answerMs = ANSWER_MS }: { answerMs?: number } = {},
  ) {
    this.#parameters = parameters;
    this.#answerMs = answerMs;
    this.#evaluations = evaluations;
  }

  async find(task: Task, { trainer, signal, tell }: FindParameters): Promise<Found['checked']> {
    const { cacheDir } = this.#parameters;
    const pool = this.#poolOf(trainer);
    const evaluation = { ...NO_FACTS, sha256: task.evaluation.sha256, rows: await this.#evaluationRows(task, signal) };
    const { competition, seed } = task;
    if (task.kind === 'probe') {
      await pool.probe({ competition, evaluation, signal });
      return { ok: true, lossNatsPerToken: 0, rowLosses: '', trainingMs: 0, evaluationMs: 0 };
    }
    if (task.kind === 'base') {
      const { contextTokens } = competition.recipe;
      const base = await pool.evaluateBase({ evaluation, contextTokens, signal });
      if (!base.ok) return base;
      const { lossNatsPerToken, rowLosses } = base.value;
      return { ok: true, lossNatsPerToken, rowLosses: packRowLosses(rowLosses), trainingMs: 0, evaluationMs: 0 };
    }
    const { dataset } = task;
    if (dataset === null) throw notOurs('it names no dataset');
    const fetched = await fetchTaskDataset({ ...task, dataset }, { ...this.#parameters, signal });
    const checkpoints = checkpointsFolder(cacheDir);
    await onDisk(checkpoints, () => makeFolder(checkpoints));
    const teller = this.#teller(task, tell);
    const score = await pool.score({
      ...{ key: task.key, uid: task.uid, competition, evaluation, seed, signal },
      dataset: { ...dataset, ...fetched },
      checkpointPath: join(checkpoints, `${task.key}.safetensors`),
      onTraining: (progress) => teller('training', { ...progress }, progress.step, progress.steps),
      onEvaluating: (progress) => teller('evaluating', { ...progress }, progress.rowsDone, progress.rows),
    });
    await pruneWorkerCache(cacheDir, KEEP_CACHE_MS);
    return withRowLosses(score);
  }

  /**
   * Takes a step on rows of the evaluation set: known-good work.
   * @returns `false` where no evaluation set has come yet.
   */
  async probe({ competition, evaluation }: Task, trainer: Trainer, signal: AbortSignal): Promise<boolean> {
    const known = this.#evaluation;
    if (known === null) return false;
    const { sha256 } = evaluation;
    await this.#poolOf(trainer).probe({ competition, evaluation: { ...NO_FACTS, sha256, rows: known.rows }, signal });
    return true;
  }

  #poolOf(trainer: Trainer): TrainerPool {
    const { checker, logger } = this.#parameters;
    return new TrainerPool({ trainers: [trainer], checker, logger });
  }

  async #evaluationRows(task: Task, signal: AbortSignal): Promise<DatasetRow[]> {
    const { textSha256 } = task.evaluation;
    // A slow queue is nothing of the dataset's: it is asked as long as the job is wanted.
    for (let answerMs = this.#answerMs; this.#evaluation?.textSha256 !== textSha256; answerMs *= 2) {
      signal.throwIfAborted();
      // A connection that breaks may take the answer with it.
      const timeout = AbortSignal.timeout(Math.min(answerMs, LONGEST_ANSWER_MS));
      const asked = abortable(fetchEvaluationRows(this.#evaluations, task), timeout);
      try {
        this.#evaluation = { textSha256, rows: await abortable(asked, signal) };
      } catch (error) {
        signal.throwIfAborted();
        if (!timeout.aborted || error !== timeout.reason) throw error;
      }
    }
    return required(this.#evaluation, 'an evaluation set').rows;
  }

  /** Tells how far a job is, now and then. */
  #teller({ name }: Task, tell: FindParameters['tell']) {
    let toldMs = Number.NEGATIVE_INFINITY;
    return (kind: 'training' | 'evaluating', progress: Record<string, number>, at: number, of: number) => {
      this.#parameters.onEvent?.({ kind, task: name, at, of });
      if (performance.now() - toldMs < TELL_MS && at !== of) return;
      toldMs = performance.now();
      tell({ kind, progress });
    };
  }
}

function withRowLosses(score: Awaited<ReturnType<TrainerPool['score']>>): Found['checked'] {
  if (!score.ok) return score;
  const { lossNatsPerToken, measured } = score.value;
  const { rowLosses = null, trainingMs = 0, evaluationMs = 0, divided } = measured ?? {};
  return {
    ok: true,
    lossNatsPerToken,
    rowLosses: rowLosses ?? '',
    trainingMs,
    evaluationMs,
    ...(divided && { divided }),
  };
}
