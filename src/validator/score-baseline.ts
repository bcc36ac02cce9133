import { FlockOffError } from '../errors/flock-off-error.ts';
import { packIfTold } from './row-losses.ts';
import { keyOf, lossClassOf } from './score-dataset.ts';
import { scorerOf } from './scorer-of.ts';
import type { Validator } from './validator.ts';

/** How well the base model alone does. */
export interface Baseline {
  lossNatsPerToken: number;
  /** By row of the evaluation set, packed; `null` where that was not kept. */
  rowLosses: string | null;
}

/**
 * The loss of the base model alone on the evaluation set, in nats per token: what a dataset must beat to earn anything.
 * It is computed once for a base model, precision and evaluation set. `null` where the competition has it take no part.
 * @throws FlockOffError for faults of the device, and for a base model or an evaluation set that cannot be used.
 */
export async function scoreBaseline(validator: Validator, signal?: AbortSignal): Promise<Baseline | null> {
  const { trainer, competition, evaluation, state } = validator;
  if (competition.baseline === 'off') return null;
  const { contextTokens } = competition.recipe;
  const key = keyOf([
    // Earlier versions stored none: of theirs they are found once more.
    'with losses by row',
    trainer.baseSha256,
    trainer.precision.matmul,
    trainer.precision.xla,
    contextTokens,
    evaluation.sha256,
    ...lossClassOf(trainer),
  ]);
  const known = await state.baseline(key);
  if (known !== null) return { lossNatsPerToken: known, rowLosses: (await state.baselineRowLosses?.(key)) ?? null };
  const evaluated = await scorerOf(validator).evaluateBase({ evaluation, contextTokens, signal });
  if (!evaluated.ok)
    throw new FlockOffError({
      code: 'bad-model',
      what: `the base model alone cannot be evaluated: ${evaluated.verdict.message}`,
      fix: 'download it again, or use another',
    });
  const baseline = {
    lossNatsPerToken: evaluated.value.lossNatsPerToken,
    rowLosses: packIfTold(evaluated.value.rowLosses, evaluation.rows.length),
  };
  await state.putBaseline({ key, ...baseline });
  return baseline;
}
