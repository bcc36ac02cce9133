import { drawByShares } from '../queue/draw-by-shares.ts';
import { WinRatesRules } from '../schema/policy.ts';
import { averageWeights } from '../scoring/average-weights.ts';
import { stepWeights } from '../scoring/step-weights.ts';
import { beatsBaseline, winRates } from '../scoring/win-rates.ts';
import { finishWeights } from './finish-weights.ts';
import type { EpochMoment, Policy } from './policy.ts';

/**
 * The policy `win-rates` (era A, the default): a loss is worth the share of the others that it beats, the base model among
 * them, and who does not beat that is left out. Weights are the softmax of the win rates, averaged over the epochs, blended
 * with the chain's consensus, and moved toward it where the validator's trust would be too low.
 * @param rules where they differ from the defaults.
 * @throws ZodError for rules that are none.
 * @example
 * const policy = winRatesPolicy({ temperature: 0.1 });
 * console.log(policy.name, policy.parameters);
 */
export function winRatesPolicy(rules: Partial<WinRatesRules> = {}): Policy {
  const parameters = WinRatesRules.parse(rules);
  const { earlierAdvantage, temperature, excluded } = parameters;
  return {
    name: 'win-rates',
    parameters,
    intake: { excluded },
    draw: drawByShares(parameters.draw),
    score({ contestants, baselineLossNatsPerToken, now }) {
      const eligible = contestants.filter(({ lossNatsPerToken }) =>
        beatsBaseline({ lossNatsPerToken, baselineLossNatsPerToken, advantage: earlierAdvantage }),
      );
      return winRates({
        contestants: eligible,
        baselineLossNatsPerToken,
        advantage: (commitBlock) => advantageAt(parameters, commitBlock, now),
        baselineAdvantage: earlierAdvantage,
      });
    },
    weigh({ scores, baselineLossNatsPerToken, previous, worthless, neurons, unjudged }) {
      const rivals = scores.size - 1 + (baselineLossNatsPerToken === null ? 0 : 1);
      const hasAverages = neurons.some(({ hotkey }) => !worthless.has(hotkey) && (previous[hotkey] ?? 0) > 0);
      // A single loss cannot be compared: it counts only when nobody has an average yet.
      const step = rivals > 0 || !hasAverages ? stepWeights(scores, temperature) : null;
      const weighed = averageWeights({ ...parameters, step, previous, worthless, neurons, unjudged });
      return finishWeights(weighed, neurons, parameters);
    },
    explain({ lossNatsPerToken: loss, score, rivals, baselineLossNatsPerToken: baseline }) {
      if (score === null && baseline !== null)
        return `does not beat the base model: loss ${loss.toFixed(4)}, the base model alone has ${baseline.toFixed(4)} less ${percentOf(earlierAdvantage)} %`;
      if (score === null || rivals < 1) return 'nobody to compare with in this epoch';
      return `won ${Math.round(score * rivals)} of ${rivals} comparisons`;
    },
  };
}

/** What is left of the advantage of a dataset in a block. */
function advantageAt(
  { earlierAdvantage, advantageDecay }: WinRatesRules,
  commitBlock: number,
  { block }: EpochMoment,
): number {
  if (advantageDecay === null) return earlierAdvantage;
  const { blocks, to } = advantageDecay;
  const age = Math.min(1, Math.max(0, block - commitBlock) / blocks);
  return earlierAdvantage + (to - earlierAdvantage) * age;
}

function percentOf(share: number): number {
  return Number((100 * share).toFixed(2));
}
