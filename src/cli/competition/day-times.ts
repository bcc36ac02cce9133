import { firstSetFor, opensAtMs } from '../../evaluation-sets/schedule.ts';
import { lastCandidate } from '../../evaluation-sets/used-sets.ts';
import { timeInDayMs } from '../../policy/day.ts';
import type { Competition } from '../../schema/competition.ts';
import type { EvaluationSetsRule } from '../../schema/evaluation-sets.ts';
import { DailyWinnerRules } from '../../schema/policy.ts';

const DAY_MS = 86_400_000;

/** The times of a competition whose days are measured on a set each; `null` where epochs are. */
export function dayRulesOf({ policy: { name, parameters } }: Pick<Competition, 'policy'>): DailyWinnerRules | null {
  if (name !== 'daily-winner') return null;
  const rules = DailyWinnerRules.parse(parameters);
  return rules.evaluationRows === 'require' ? null : rules;
}

/** When the next submissions end after a moment: by then a list has to be named, to measure them. */
export function nextSubmissionsEndMs(rules: DailyWinnerRules, timeMs: number): number {
  const endMs = timeInDayMs(timeMs, rules, 'submissionsUntil');
  return endMs > timeMs ? endMs : endMs + DAY_MS;
}

/** Whether a day can be measured on a set: it opens between the end of its submissions, by the margin, and its rewards. */
export function canMeasureDay(sets: EvaluationSetsRule, rules: DailyWinnerRules, index: number): boolean {
  const opensMs = opensAtMs(sets, index);
  const endMs = nextSubmissionsEndMs(rules, opensMs - 1000 * sets.marginSeconds) - DAY_MS;
  const isCandidate = index <= lastCandidate(sets, firstSetFor(sets, endMs));
  return isCandidate && opensMs < timeInDayMs(endMs, rules, 'rewardsFrom');
}
