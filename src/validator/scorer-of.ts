import type { Trainer } from '../trainer/lora-trainer.ts';
import type { Scorer } from './scorer.ts';
import { TrainerPool } from './trainer-pool.ts';
import type { Validator } from './validator.ts';

/** What scores for a validator: its scorer, or its trainer as a pool of one. */
export function scorerOf({
  trainer,
  checker,
  logger,
  clock,
}: Pick<Validator, 'trainer' | 'checker' | 'logger' | 'clock'>): Scorer {
  return isScorer(trainer) ? trainer : new TrainerPool({ trainers: [trainer], checker, logger, clock });
}

function isScorer(trainer: Trainer | Scorer): trainer is Scorer {
  return 'score' in trainer;
}
