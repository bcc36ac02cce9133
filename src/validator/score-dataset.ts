import { createHash } from 'node:crypto';
import { loadRows } from '../dataset/load-rows.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import type { FetchedDataset } from './fetch-dataset.ts';
import type { Outcome } from './report.ts';
import type { Validator } from './validator.ts';

/**
 * Trains LoRA adapters from the base model on a dataset and measures the loss on the evaluation set, in nats per token.
 * A result is kept until the epoch is finished, so a restarted validator does not train again what it has trained.
 * @throws FlockOffError for faults of the device or the disk.
 */
export async function scoreDataset(
  validator: Validator,
  dataset: FetchedDataset,
  seed: number,
  signal?: AbortSignal,
): Promise<Outcome> {
  const { trainer, competition, evaluation, state, onEvent } = validator;
  const { uid } = dataset.submission;
  const key = scoreKey([dataset.sha256, seed, trainer.baseSha256, competition.recipe, evaluation.sha256]);

  const known = await state.score(key);
  const score = known ?? (await train());
  if (!known) await state.putScore(key, score);
  if (!score.ok) return { kind: 'rejected', verdict: score.verdict };
  return { kind: 'scored', lossNatsPerToken: score.value };

  async function train(): Promise<Checked<number>> {
    const { rows } = await loadRows({ path: dataset.path, competition, signal });
    const trained = await trainer.train(rows, {
      recipe: competition.recipe,
      seed,
      signal,
      onProgress: (progress) => onEvent?.({ kind: 'training', uid, progress }),
    });
    if (!trained.ok) return trained;
    const evaluated = await trainer.evaluate(evaluation.rows, {
      adapter: trained.value.adapter,
      contextTokens: competition.recipe.contextTokens,
      signal,
      onProgress: (progress) => onEvent?.({ kind: 'evaluating', uid, progress }),
    });
    return evaluated.ok ? accept(evaluated.value.lossNatsPerToken) : evaluated;
  }
}

function scoreKey(parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
