import { type ComputeWeightsReturnType, computeWeights } from '../policy/compute-weights.ts';
import type { Submission } from '../schema/submission.ts';
import type { Verdict } from '../schema/verdict.ts';
import type { Outcome } from './outcome.ts';
import type { ReadPointer } from './pointers.ts';
import type { PolicyContext } from './policy.ts';
import { averagesOf, nextStandings, type Served, type Standings, standingVerdicts } from './standing.ts';
import type { EpochStart } from './state-store.ts';

/** What an epoch's weights rest on, once everybody who was drawn is scored, refused or postponed. */
export interface WeighEpochParameters {
  context: PolicyContext;
  pointers: Map<string, ReadPointer>;
  /** The drawn miners' submissions. */
  drawn: Submission[];
  /** When the epoch began, with the consensus of then. */
  neurons: EpochStart['neurons'];
  /** Who is registered when the weights are sent. */
  endNeurons: { uid: number; hotkey: string; coldkey: string }[];
  /** What the epoch itself found, by hotkey. */
  outcomes: ReadonlyMap<string, Outcome>;
  /** What everybody had reached before. */
  standings: Standings;
  served: Served;
  /** Datasets that were published and can be read no more: see `PolicyWeighParameters.hidden`. */
  hidden: ReadonlySet<string>;
  /** Names the rows of a hotkey's dataset that are its own; `null` where it has none that was read. */
  ownRowsOf: (hotkey: string) => string | null;
  /** The block that a dataset counts from. */
  countsFrom: (submission: Submission) => number;
  baselineLossNatsPerToken: number | null;
  /** Of the evaluation set that the losses are on. */
  evaluationSha256: string;
  /** What such weights were of all on the chain when the epoch began, where others are beside them: above 0..1. */
  portion?: number;
}

export interface WeighEpochReturnType {
  weighed: ComputeWeightsReturnType;
  /** Verdicts of earlier epochs that still stand, by hotkey. */
  standing: Map<string, Verdict>;
  /** What everybody has reached after it. */
  standings: Standings;
}

/**
 * From what an epoch found to weights, and to what is kept for the next one. Pure: a validator and whoever audits its
 * report come to the same, bit for bit.
 */
export function weighEpoch(parameters: WeighEpochParameters): WeighEpochReturnType {
  const { context, pointers, drawn, endNeurons, standings, served, ownRowsOf } = parameters;
  const { countsFrom, baselineLossNatsPerToken, evaluationSha256 } = parameters;
  const standing = standingVerdicts({ pointers, outcomes: parameters.outcomes, standings, ownRowsOf });
  const refused = [...standing].map(([hotkey, verdict]): [string, Outcome] => [hotkey, { kind: 'rejected', verdict }]);
  const outcomes = new Map<string, Outcome>([...parameters.outcomes, ...refused]);
  const weighed = computeWeights({
    ...context,
    scored: drawn.flatMap((submission) => {
      const outcome = outcomes.get(submission.hotkey);
      if (outcome?.kind !== 'scored') return [];
      return { ...submission, commitBlock: countsFrom(submission), lossNatsPerToken: outcome.lossNatsPerToken };
    }),
    baselineLossNatsPerToken,
    evaluationSha256,
    rejected: new Set([...outcomes].flatMap(([hotkey, { kind }]) => (kind === 'rejected' ? hotkey : []))),
    previous: averagesOf({ outcomes, standings, served }),
    unjudged: unjudged(pointers, outcomes),
    hidden: parameters.hidden,
    neurons: withConsensusOf(parameters),
  });
  const { averages } = weighed;
  const next = nextStandings({ pointers, outcomes, standings, served, averages, neurons: endNeurons, ownRowsOf });
  return { weighed, standing, standings: next };
}

/**
 * Who is registered when the weights are sent, with the consensus that every validator saw when the epoch began: by then
 * one of the others may have changed it, or not yet. Where the weights are a portion of all, the consensus is what of that
 * portion is on miners of this competition: measured against all of it, they would never be trusted.
 */
function withConsensusOf({
  neurons,
  endNeurons,
  pointers,
  portion,
}: WeighEpochParameters): { uid: number; hotkey: string; coldkey: string; consensus: number }[] {
  const all = new Map(neurons.map((neuron) => [neuron.hotkey, neuron.consensus]));
  const consensusOf = (hotkey: string) => {
    const consensus = all.get(hotkey) ?? 0;
    if (portion === undefined) return consensus;
    return pointers.get(hotkey)?.submission.ok ? Math.min(1, consensus / portion) : 0;
  };
  return endNeurons.map(({ uid, hotkey, coldkey }) => ({ uid, hotkey, coldkey, consensus: consensusOf(hotkey) }));
}

/** Who has a dataset that was neither scored nor refused. */
function unjudged(pointers: Map<string, ReadPointer>, outcomes: Map<string, Outcome>): Set<string> {
  const open = [...pointers.values()].filter(({ hotkey, submission }) => {
    const kind = outcomes.get(hotkey)?.kind;
    return submission.ok && kind !== 'scored' && kind !== 'rejected';
  });
  return new Set(open.map(({ hotkey }) => hotkey));
}
