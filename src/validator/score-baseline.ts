import { FlockOffError } from '../errors/flock-off-error.ts';
import { safeLogger } from '../shared/logger.ts';
import { timed } from '../shared/timed.ts';
import { onDevice } from './on-device.ts';
import { keyOf } from './score-dataset.ts';
import type { Validator } from './validator.ts';

/**
 * The loss of the base model alone on the evaluation set, in nats per token: what a dataset must beat to earn anything.
 * It is computed once for a base model, precision and evaluation set. `null` where the competition has it take no part.
 * @throws FlockOffError for faults of the device, and for a base model or an evaluation set that cannot be used.
 */
export async function scoreBaseline(validator: Validator, signal?: AbortSignal): Promise<number | null> {
  const { trainer, competition, evaluation, state } = validator;
  if (competition.baseline === 'off') return null;
  const { contextTokens } = competition.recipe;
  const key = keyOf([
    trainer.baseSha256,
    trainer.precision.matmul,
    trainer.precision.xla,
    contextTokens,
    evaluation.sha256,
  ]);
  const known = await state.baseline(key);
  if (known !== null) return known;
  const evaluated = await timed(safeLogger(validator.logger), 'evaluating the base model alone', () =>
    onDevice(validator, { what: 'the base model', signal }, () =>
      trainer.evaluate({ rows: evaluation.rows, contextTokens, signal }),
    ),
  );
  if (!evaluated.ok)
    throw new FlockOffError({
      code: 'bad-model',
      what: `the base model alone cannot be evaluated: ${evaluated.verdict.message}`,
      fix: 'download it again, or use another',
    });
  await state.putBaseline({ key, lossNatsPerToken: evaluated.value.lossNatsPerToken });
  return evaluated.value.lossNatsPerToken;
}
