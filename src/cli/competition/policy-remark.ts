import { beaconOf, firstSetFor, isFarAhead, opensAtMs, opensText } from '../../evaluation-sets/schedule.ts';
import { lastCandidate } from '../../evaluation-sets/used-sets.ts';
import { timeInDayMs } from '../../policy/day.ts';
import type { Competition } from '../../schema/competition.ts';
import type { EvaluationSetsRule } from '../../schema/evaluation-sets.ts';
import { DailyWinnerRules, POLICY_RULES } from '../../schema/policy.ts';

const DAY_MS = 86_400_000;
/** A schedule that is no whole number of days wanders. */
const DAYS = 28;

/** What a founder, or whoever takes part, should know of the policy and of what it decides by. */
export function policyRemark({
  policy: { name, parameters },
  evaluationSets,
}: Pick<Competition, 'policy' | 'evaluationSets'>): string[] {
  const remarks: string[] = [];
  // Nobody gets its code with the competition.
  if (!Object.hasOwn(POLICY_RULES, name))
    remarks.push(
      `this package has no policy "${name}": every validator needs its file from you, has to read it, and names it with --policy`,
    );
  if (evaluationSets && name === 'benchmark-curve')
    remarks.push(
      'benchmark-curve holds losses against fixed numbers, and a loss on another set is another number: take win-rates, which compares within an epoch',
    );
  if (evaluationSets && name === 'daily-winner')
    remarks.push(...dayRemarks(evaluationSets, DailyWinnerRules.parse(parameters)));
  else if (evaluationSets && !hasAnother(evaluationSets))
    remarks.push(
      'an epoch whose set is void has no other one to be measured on, since sets are a day or more apart: its weights are sent as they were, and the next epoch is measured on the next set; let two or more open in a day, and list them',
    );
  return remarks;
}

/** What of a schedule does not fit the days. */
function dayRemarks(sets: EvaluationSetsRule, rules: DailyWinnerRules): string[] {
  if (rules.evaluationRows === 'require')
    return [
      'daily-winner takes rows of the evaluation set only, and nobody knows a time-locked one before: no validator plays this; with the parameter "evaluationRows": "leave-out" datasets have rows of their own',
    ];
  const { submissionsUntil, rewardsFrom } = rules;
  const days = Array.from({ length: DAYS }, (_, day) => opensAtMs(sets, 0) + day * DAY_MS);
  const isMeasured = (timeMs: number) => {
    const first = firstSetFor(sets, timeInDayMs(timeMs, rules, 'submissionsUntil'));
    return opensAtMs(sets, first) < timeInDayMs(timeMs, rules, 'rewardsFrom');
  };
  if (!days.every(isMeasured))
    return [
      `there are days on which no set opens between the end of the submissions (${submissionsUntil} UTC, and the margin) and the rewards (${rewardsFrom} UTC): nothing would be measured on them`,
    ];
  if (hasAnother(sets)) return [];
  return [
    'a day whose set is void has no other one to be measured on, and the last winner stays: let sets be an hour apart (roundsBetween 1200), and list two or more of a day',
  ];
}

/** Whether there is a set to be measured on in place of one that is void. */
function hasAnother(sets: EvaluationSetsRule): boolean {
  return lastCandidate(sets, 0) > 0;
}

/** What is odd about the rounds of a rule: a number that was taken for another one. */
export function scheduleRemarks(
  { evaluationSets: sets }: Pick<Competition, 'evaluationSets'>,
  nowMs: number,
): string[] {
  if (sets === undefined) return [];
  const { firstRound } = sets;
  if (isFarAhead(sets, 0, nowMs))
    return [
      `nothing is measured before round ${firstRound} of ${opensText(sets, 0)}: the round of a time is (Unix time - ${beaconOf(sets).genesisSeconds}) / ${beaconOf(sets).periodSeconds} + 1`,
    ];
  if (opensAtMs(sets, 0) >= nowMs) return [];
  const next = firstSetFor(sets, nowMs);
  return [
    `round ${firstRound} is over since ${opensText(sets, 0)}: the first set that can be listed is ${next}, ${opensText(sets, next)}`,
  ];
}
