import type { Competition } from '../../schema/competition.ts';
import { POLICY_RULES } from '../../schema/policy.ts';

/** What a founder, or whoever takes part, should know of the policy and of what it decides by. */
export function policyRemark({
  policy: { name },
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
    remarks.push(
      'daily-winner takes rows of the evaluation set only, and nobody knows a time-locked one before: no validator plays this',
    );
  return remarks;
}
