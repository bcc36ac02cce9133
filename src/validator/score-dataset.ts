import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Competition } from '../schema/competition.ts';
import type { Submission } from '../schema/submission.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import { safeLogger } from '../shared/logger.ts';
import { checkpointFolder } from './dataset-cache.ts';
import { keepOnDisk } from './fetch-dataset.ts';
import type { DatasetScore } from './scorer.ts';
import { scorerOf } from './scorer-of.ts';
import type { MeasuredScore } from './state-store.ts';
import { cacheOf, type Validator } from './validator.ts';

/** A dataset, and what of it is trained on. */
export interface OwnRows {
  submission: Submission;
  sha256: string;
  /** Of the file. */
  rows: number;
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
  { submission, sha256, rows, keep }: OwnRows,
  { seed, block, signal }: ScoreDatasetParameters,
): Promise<Checked<DatasetScore>> {
  const { trainer, competition, evaluation, metricsDir, state, onEvent } = validator;
  const logger = safeLogger(validator.logger);
  const { uid } = submission;
  const { rowsKey, key } = scoreKeys({ sha256, keep, seed, trainer, competition, evaluation });

  const known = (await state.score(key)) ?? (await state.fileFinding(rowsKey))?.checked ?? null;
  if (known !== null) {
    logger.debug(`uid ${uid}: the score of ${sha256} with seed ${seed} is stored already`);
    const score = known as Checked<number>;
    return score.ok ? accept({ lossNatsPerToken: score.value, measured: await measuredBefore() }) : score;
  }
  // Hours may have passed since it was fetched.
  const file = await keepOnDisk(validator, submission, { maxBytes: competition.maxBytes, block, signal });
  if (!file.ok) return file;
  const score = await scorerOf(validator).score({
    ...{ key, uid, competition, evaluation, seed, signal },
    dataset: { ...submission.pointer, path: file.value.path, sha256, rows, keep },
    checkpointPath: join(checkpointFolder(cacheOf(validator)), `${key}.safetensors`),
    metricsPath: metricsDir && join(metricsDir, metricsFile(uid, key)),
    onTraining: (progress) => onEvent?.({ kind: 'training', uid, progress }),
    onEvaluating: (progress) => onEvent?.({ kind: 'evaluating', uid, progress }),
  });
  const measured = score.ok ? (score.value.measured ?? undefined) : undefined;
  await state.putScore({ key, score: score.ok ? accept(score.value.lossNatsPerToken) : score, measured });
  if (!score.ok && OF_EVERY_SEED.has(score.verdict.reason))
    await state.putFileFinding({ key: rowsKey, checked: score, block });
  return score;

  async function measuredBefore(): Promise<MeasuredScore | null> {
    return (await state.measuredScore?.(key)) ?? null;
  }
}

export interface ScoreKeysParameters extends Pick<OwnRows, 'sha256' | 'keep'> {
  seed: number;
  trainer: { baseSha256: string; precision: { matmul: string; xla?: unknown }; lossClass?: string };
  competition: Pick<Competition, 'recipe' | 'maxTokens'>;
  evaluation: { sha256: string };
}

/** Name the rows as they are trained on, and the loss that they give with a seed. */
export function scoreKeys({ sha256, keep, seed, trainer, competition, evaluation }: ScoreKeysParameters) {
  const { baseSha256, precision } = trainer;
  const rowsKey = keyOf([sha256, [...keep], baseSha256, competition.recipe, competition.maxTokens]);
  const key = keyOf([rowsKey, seed, precision.matmul, precision.xla, evaluation.sha256, ...lossClassOf(trainer)]);
  return { rowsKey, key };
}

/** What a key has besides facts. */
export function lossClassOf(trainer: { baseSha256: string; lossClass?: string }): string[] {
  return trainer.lossClass === undefined ? [] : [trainer.lossClass];
}

/** The name of the file in `Validator.metricsDir` that has the steps of a training run. */
export function metricsFile(uid: number, key: string): string {
  return `uid-${uid}-${key.slice(0, 16)}.jsonl`;
}

/** Names what a result rests on. */
export function keyOf(parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
