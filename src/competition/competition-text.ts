import { beaconOf, opensText } from '../evaluation-sets/schedule.ts';
import type { EvaluationSetsRule } from '../schema/evaluation-sets.ts';
import type { FoundedCompetition } from './read-document.ts';
import { referenceText } from './reference.ts';

/** What a competition says, for people, line by line; its texts may hold whatever its founder wrote. */
export function competitionLines({ reference, document, competition }: FoundedCompetition): string[] {
  const { name, countsFromBlock, subnet, owner, baseModel, evaluation, texts, rules } = document;
  const { recipe, policy } = competition;
  const said = ([label, text]: [string, string]) =>
    text.trim() === ''
      ? []
      : text
          .trim()
          .split(/\r?\n/)
          .map((line, i) => `  ${i === 0 ? `${label}: ` : '  '}${line}`);
  return [
    `the competition "${name}", ${referenceText(reference)}`,
    `  id ${competition.id}, on subnet ${subnet.netuid}, from block ${countsFromBlock} on`,
    `  signed by ${owner.address}, the subnet's owner at block ${owner.block}`,
    `  policy ${policy.name}; epochs of ${rules.blocksPerEpoch} blocks; ${rules.minRows} to ${rules.maxRows} rows, ${rules.maxTokens} tokens at most`,
    `  recipe: rank ${recipe.rank}, learning rate ${recipe.learningRate}, batches of ${recipe.batchSize} x ${recipe.gradientAccumulation}, ${recipe.epochs} epochs, ${recipe.contextTokens} tokens of context`,
    `  base model ${baseModel.model} at ${baseModel.commit}`,
    `  ${rules.evaluationSets ? 'set to try things on' : 'evaluation set'}, of ${evaluation.rows} rows, sha256 ${evaluation.sha256}`,
    ...(rules.evaluationSets ? lockedLines(rules.evaluationSets) : []),
    ...(Object.entries(texts) as [string, string][]).flatMap(said),
  ];
}

/** What a rule of time-locked sets says, for people. */
export function lockedLines(rule: EvaluationSetsRule): string[] {
  const { repo, signer, marginSeconds, beacon } = rule;
  const minutes = (rule.roundsBetween * beaconOf(rule).periodSeconds) / 60;
  const own = 'they open with another beacon than drand: whoever has its key can open every set at once';
  return [
    `  measured on time-locked sets: the first opens ${opensText(rule, 0)}, then one every ${Number(minutes.toFixed(1))} minutes, ${marginSeconds} s or more after the pointers of its epoch`,
    `  sets are listed by ${signer}, in ${repo}`,
    ...(beacon === 'quicknet' ? [] : [`  ${own}`]),
  ];
}
