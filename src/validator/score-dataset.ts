import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Submission } from '../schema/submission.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import { safeLogger, traceOf } from '../shared/logger.ts';
import { timed } from '../shared/timed.ts';
import type { EvaluationProgress, TrainProgress } from '../trainer/lora-trainer.ts';
import { checkpointFolder } from './dataset-cache.ts';
import { keepOnDisk } from './fetch-dataset.ts';
import { onDevice } from './on-device.ts';
import { cacheOf, type Validator } from './validator.ts';

/** A dataset, and what of it is trained on. */
export interface OwnRows {
  submission: Submission;
  sha256: string;
  /** Indexes of the rows of the file that are trained on, from 0, in order. */
  keep: Uint32Array;
}

export interface ScoreDatasetParameters {
  seed: number;
  /** The current block. */
  block: number;
  signal?: AbortSignal;
}

/** Verdicts that any seed would come to. */
const OF_EVERY_SEED = new Set(['too-many-tokens', 'no-labels']);

/**
 * Trains LoRA adapters from the base model on a miner's own rows and measures the loss on the evaluation set, in nats per
 * token. The rows of others are as if they were not in the file: the loss is that of the rest as a file of its own.
 * A result is kept until the epoch is finished, so a restarted validator does not train again what it has trained.
 * A fault of the device is tried again, then thrown as `trainer-failed`.
 * @throws FlockOffError for faults of the device or the disk.
 */
export async function scoreDataset(
  validator: Validator,
  { submission, sha256, keep }: OwnRows,
  { seed, block, signal }: ScoreDatasetParameters,
): Promise<Checked<number>> {
  const { trainer, checker, competition, evaluation, metricsDir, state, onEvent } = validator;
  const logger = safeLogger(validator.logger);
  const { uid } = submission;
  const { recipe, maxTokens } = competition;
  const rowsKey = keyOf([sha256, [...keep], trainer.baseSha256, recipe, maxTokens]);
  const key = keyOf([rowsKey, seed, trainer.precision.matmul, trainer.precision.xla, evaluation.sha256]);

  const known = (await state.score(key)) ?? (await state.fileFinding(rowsKey))?.checked ?? null;
  if (known !== null) {
    logger.debug(`uid ${uid}: the score of ${sha256} with seed ${seed} is stored already`);
    return known as Checked<number>;
  }
  // Hours may have passed since it was fetched.
  const file = await keepOnDisk(validator, submission, { maxBytes: competition.maxBytes, block, signal });
  if (!file.ok) return file;
  const { path } = file.value;
  const score = await onDevice(validator, { what: `uid ${uid}`, signal }, train);
  await state.putScore({ key, score });
  if (!score.ok && OF_EVERY_SEED.has(score.verdict.reason))
    await state.putFileFinding({ key: rowsKey, checked: score, block });
  return score;

  async function train(): Promise<Checked<number>> {
    const rows = await timed(logger, `uid ${uid}: reading ${path}`, () =>
      checker.readRows({ path, competition, keep, sha256, signal }),
    );
    const training = {
      recipe,
      maxTokens,
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
    if (trained.value.divided)
      logger.warn(
        `uid ${uid}: memory was too short for the rows of a step as others compute them; in parts its loss may differ in the last digits`,
      );
    const evaluating = {
      adapter: trained.value.adapter,
      contextTokens: recipe.contextTokens,
      signal,
      onProgress: (progress: EvaluationProgress) => onEvent?.({ kind: 'evaluating', uid, progress }),
    };
    const evaluated = await timed(logger, `uid ${uid}: evaluating on ${evaluation.rows.length} rows`, () =>
      trainer.evaluate({ rows: evaluation.rows, ...evaluating }),
    );
    return evaluated.ok ? accept(evaluated.value.lossNatsPerToken) : evaluated;
  }
}

/** Names what a result rests on. */
export function keyOf(parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
