import { drawByShares } from '../queue/draw-by-shares.ts';
import { BenchmarkCurveRules } from '../schema/policy.ts';
import { averageWeights } from '../scoring/average-weights.ts';
import { scoreBenchmark } from '../scoring/benchmark.ts';
import { normalised } from '../scoring/shares.ts';
import { beatsBaseline } from '../scoring/win-rates.ts';
import { finishWeights } from './finish-weights.ts';
import type { Policy } from './policy.ts';

/**
 * The policy `benchmark-curve` (era B): a loss is worth what the curve through a benchmark says, whoever else there is. A
 * loss with score 0, or that of the base model or above, is left out. Weights are in proportion to the scores, averaged and
 * moderated as in `win-rates`. Of two datasets with too many common rows the later one is a duplicate.
 * @param rules where they differ from the defaults.
 * @throws ZodError for rules that are none.
 * @example
 * const { parameters } = benchmarkCurvePolicy();
 */
export function benchmarkCurvePolicy(rules: Partial<BenchmarkCurveRules> = {}): Policy {
  const parameters = BenchmarkCurveRules.parse(rules);
  const { bench, minb, maxb, bheight, pow, mostCommonRows, excluded } = parameters;
  return {
    name: 'benchmark-curve',
    parameters,
    intake: { mostCommonRows, excluded },
    draw: drawByShares(parameters.draw),
    score({ contestants, baselineLossNatsPerToken }) {
      const scores = contestants.flatMap(({ hotkey, lossNatsPerToken }): [string, number][] => {
        const teaches = beatsBaseline({ lossNatsPerToken, baselineLossNatsPerToken, advantage: 0 });
        const score = teaches ? scoreBenchmark({ lossNatsPerToken, curve: { bench, minb, maxb, bheight, pow } }) : 0;
        return score > 0 ? [[hotkey, score]] : [];
      });
      return new Map(scores);
    },
    weigh({ scores, previous, worthless, neurons, unjudged }) {
      const step = scores.size > 0 ? normalised(scores) : null;
      const weighed = averageWeights({ ...parameters, step, previous, worthless, neurons, unjudged });
      return finishWeights(weighed, neurons, parameters);
    },
    explain({ lossNatsPerToken: loss, score, baselineLossNatsPerToken: baseline }) {
      if (score !== null) return `loss ${loss.toFixed(4)} has score ${score.toFixed(4)} on the benchmark curve`;
      if (baseline !== null && loss >= baseline)
        return `does not beat the base model: loss ${loss.toFixed(4)}, the base model alone has ${baseline.toFixed(4)}`;
      return `loss ${loss.toFixed(4)} has score 0 on the benchmark curve, which ends at ${maxb}`;
    },
  };
}
