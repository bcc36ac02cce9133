import { createHash } from 'node:crypto';
import type { Competition } from '../../schema/competition.ts';

/** Raised whenever a file could get another verdict, or another fingerprint, than before. */
export const CHECKER_VERSION = 1;

/**
 * Names the rules that a file's verdict rests on, and this checker, as 64 hex digits: a verdict of {@link DatasetChecker}
 * on a file holds for every file of the same hash as long as this stays the same. What training says (`too-many-tokens`,
 * `no-labels`, `diverged`) rests on the recipe and the base model besides.
 * @example
 * const competition = Competition.parse({ maxRows: 5_000 });
 * if (verdictsOf.rules !== checkerKey(competition)) console.log('check again');
 */
export function checkerKey(competition: Competition): string {
  const { minRows, maxRows, maxBytes, maxLineBytes, maxTurns, maxCodePoints, maxJsonNodes } = competition;
  const limits = [minRows, maxRows, maxBytes, maxLineBytes, maxTurns, maxCodePoints, maxJsonNodes];
  return createHash('sha256')
    .update(JSON.stringify([CHECKER_VERSION, ...limits]))
    .digest('hex');
}
