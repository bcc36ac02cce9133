import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { loadRows } from '../dataset/load-rows.ts';
import { messageOf } from '../errors/flock-off-error.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import { safeLogger, traceOf } from '../shared/logger.ts';
import { retry } from '../shared/retry.ts';
import { timed } from '../shared/timed.ts';
import type { EvaluationProgress, TrainProgress } from '../trainer/lora-trainer.ts';
import { checkpointFolder } from './dataset-cache.ts';
import { type FetchedDataset, keepOnDisk } from './fetch-dataset.ts';
import { cacheOf, type Validator } from './validator.ts';

const ATTEMPTS = 3;
const BASE_DELAY_MS = 5_000;
const MAX_DELAY_MS = 60_000;

/**
 * Trains LoRA adapters from the base model on a dataset and measures the loss on the evaluation set, in nats per token.
 * A result is kept until the epoch is finished, so a restarted validator does not train again what it has trained.
 * A fault of the device is tried again, then thrown as `trainer-failed`.
 * @throws FlockOffError for faults of the device or the disk.
 */
export async function scoreDataset(
  validator: Validator,
  dataset: FetchedDataset,
  seed: number,
  signal?: AbortSignal,
): Promise<Checked<number>> {
  const { trainer, competition, evaluation, metricsDir, state, onEvent, clock } = validator;
  const logger = safeLogger(validator.logger);
  const { uid } = dataset.submission;
  const key = scoreKey([
    dataset.sha256,
    seed,
    trainer.baseSha256,
    trainer.precision.matmul,
    competition.recipe,
    evaluation.sha256,
  ]);

  const known = await state.score(key);
  if (known) {
    logger.debug(`uid ${uid}: the score of ${dataset.sha256} with seed ${seed} is stored already`);
    return known;
  }
  // Hours may have passed since it was fetched.
  const file = await keepOnDisk(validator, dataset.submission, signal);
  if (!file.ok) return file;
  const score = await retry(train, {
    attempts: ATTEMPTS,
    baseDelayMs: BASE_DELAY_MS,
    maxDelayMs: MAX_DELAY_MS,
    signal,
    clock,
    onRetry: (error, attempt, delayMs) => {
      logger.warn(`uid ${uid}, attempt ${attempt}: ${messageOf(error)}`);
      logger.debug(`uid ${uid}: tried again in ${delayMs / 1000} s`);
    },
  });
  await state.putScore({ key, score });
  return score;

  async function train(): Promise<Checked<number>> {
    const { rows } = await timed(logger, `uid ${uid}: reading ${dataset.path}`, () =>
      loadRows({ path: dataset.path, competition, signal }),
    );
    const training = {
      recipe: competition.recipe,
      seed,
      checkpoint: { path: join(checkpointFolder(cacheOf(validator)), `${key}.safetensors`) },
      metricsPath: metricsDir && join(metricsDir, `uid-${uid}-${key.slice(0, 16)}.jsonl`),
      signal,
      onProgress: (progress: TrainProgress) => {
        const { step, steps, lossNatsPerToken: loss, tokensPerSecond } = progress;
        traceOf(logger)?.(`uid ${uid}: step ${step} of ${steps}`, { loss, tokensPerSecond });
        onEvent?.({ kind: 'training', uid, progress });
      },
    };
    const trained = await timed(logger, `uid ${uid}: training on ${rows.length} rows`, () =>
      trainer.train({ rows, ...training }),
    );
    if (!trained.ok) return trained;
    const evaluating = {
      adapter: trained.value.adapter,
      contextTokens: competition.recipe.contextTokens,
      signal,
      onProgress: (progress: EvaluationProgress) => onEvent?.({ kind: 'evaluating', uid, progress }),
    };
    const evaluated = await timed(logger, `uid ${uid}: evaluating on ${evaluation.rows.length} rows`, () =>
      trainer.evaluate({ rows: evaluation.rows, ...evaluating }),
    );
    return evaluated.ok ? accept(evaluated.value.lossNatsPerToken) : evaluated;
  }
}

function scoreKey(parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
