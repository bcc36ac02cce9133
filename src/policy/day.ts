import { type DailyWinnerRules, minutesOf } from '../schema/policy.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;

/** Where a moment is in the days of a competition, which go from one `submissionsFrom` (UTC) to the next. */
export interface MomentOfDay {
  /** Counts on from day to day, also over midnight. */
  day: number;
  phase: 'submissions' | 'evaluation' | 'rewards';
}

/** Of a moment in milliseconds UTC. The first millisecond of a phase is in it, that of the next one is not. */
export function momentOfDay(
  timeMs: number,
  {
    submissionsFrom,
    submissionsUntil,
    rewardsFrom,
  }: Pick<DailyWinnerRules, 'submissionsFrom' | 'submissionsUntil' | 'rewardsFrom'>,
): MomentOfDay {
  const from = minutesOf(submissionsFrom);
  const sinceFrom = (time: string) => ((minutesOf(time) - from + 1440) % 1440) * MINUTE_MS;
  const sinceFirst = timeMs - from * MINUTE_MS;
  const day = Math.floor(sinceFirst / DAY_MS);
  const into = sinceFirst - day * DAY_MS;
  if (into < sinceFrom(submissionsUntil)) return { day, phase: 'submissions' };
  return { day, phase: into < sinceFrom(rewardsFrom) ? 'evaluation' : 'rewards' };
}

/** When a phase of a moment's day begins, or began: milliseconds UTC. */
export function timeInDayMs(
  timeMs: number,
  rules: Pick<DailyWinnerRules, 'submissionsFrom' | 'submissionsUntil' | 'rewardsFrom'>,
  phase: 'submissionsUntil' | 'rewardsFrom',
): number {
  const from = minutesOf(rules.submissionsFrom);
  const into = (minutesOf(rules[phase]) - from + 1440) % 1440;
  return momentOfDay(timeMs, rules).day * DAY_MS + (from + into) * MINUTE_MS;
}
