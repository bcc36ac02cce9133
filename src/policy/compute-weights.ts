import { type Contestant, requireContestants } from '../scoring/win-rates.ts';
import { requireNumber, requireNumbers } from '../shared/require-number.ts';
import { decide } from './decide.ts';
import type { EpochMoment, Policy, PolicyMiner } from './policy.ts';
import { winRatesPolicy } from './win-rates.ts';

const LARGEST_UID = 65_535;

export interface ComputeWeightsParameters {
  /** Default: `winRatesPolicy()`, the rules of era A. */
  policy?: Policy;
  /** Miners with a loss this epoch. */
  scored: Contestant[];
  /**
   * Loss of the base model alone on the same evaluation set: a rival to everybody, and who does not beat it has weight and
   * average 0 and is nobody's rival. Default `null`: it takes no part.
   */
  baselineLossNatsPerToken?: number | null;
  /** Hotkeys with a verdict: weight and average exactly 0. */
  rejected: Set<string>;
  /** Moving average by hotkey before this epoch. */
  previous: Record<string, number>;
  /**
   * Hotkeys with a submission that this epoch neither scored nor rejected: not drawn, or not evaluated because of a fault
   * of ours. Default: nobody.
   */
  unjudged?: Set<string>;
  /** Datasets (`dataset` of a miner) that nobody can read any more. Default: none. */
  hidden?: ReadonlySet<string>;
  /** Everybody registered, with the chain's consensus (0..1). Others are forgotten. Without a coldkey, a hotkey has its own. */
  neurons: { uid: number; hotkey: string; coldkey?: string; consensus: number }[];
  /** Whose pointers count, by hotkey. Default: nobody's. */
  miners?: Map<string, PolicyMiner>;
  /** Of the subnet's owner. Default `null`: it has none that is registered. */
  ownerUid?: number | null;
  /** When the epoch begins. Default: block 0 of 1970. */
  now?: EpochMoment;
  /** SHA-256 of the evaluation set that the losses are on. Default `null`: the policy is not told. */
  evaluationSha256?: string | null;
  /** What the policy returned of the last epoch. Default `null`: nothing. */
  memory?: unknown;
}

export interface ComputeWeightsReturnType {
  /**
   * For the chain: every uid with a weight, summing to 1. Empty when this validator has found nobody worth any: the chain's
   * consensus alone is never passed off as its own.
   */
  weights: { uid: number; hotkey: string; weight: number }[];
  /**
   * What to do with `weights`. `set`: send them. `take-back`: they are empty since who had earned any, or everybody, is
   * rejected or does not beat the base model; sent empty, all goes to the validator's own uid. `keep`: send nothing, what was set before stands.
   */
  action: 'set' | 'take-back' | 'keep';
  /** Moving average by hotkey after this epoch, before consensus and trust. */
  averages: Record<string, number>;
  /** By hotkey, of the scored whose loss is worth anything: their win rates, by the rules of era A. */
  scores: Map<string, number>;
  /** Hotkeys of the scored whose loss is worth nothing, such as those that do not beat the base model. */
  worthless: Set<string>;
  /** What the policy wants to know in the next epoch: JSON, `null` for nothing. */
  memory: unknown;
}

/**
 * From losses to weights, by the rules of the competition: those of era A, or of another policy.
 *
 * @throws FlockOffError `bad-argument`, with the argument's name and value, for a loss, average or consensus that is
 *   negative or not finite, and for what is no uid or block number: such a number would be in everybody's weight.
 *   `policy-failed` when the policy throws, does not answer, or answers what cannot be used.
 * @example
 * const { weights, action } = computeWeights({ scored, rejected, previous, neurons });
 * if (action !== 'keep') await weightSetter.set({ weights });
 */
export function computeWeights({
  policy = winRatesPolicy(),
  scored,
  baselineLossNatsPerToken = null,
  rejected,
  previous,
  unjudged = new Set(),
  hidden = new Set(),
  neurons: given,
  miners = new Map(),
  ownerUid = null,
  now = { block: 0, timeMs: 0 },
  evaluationSha256 = null,
  memory = null,
}: ComputeWeightsParameters): ComputeWeightsReturnType {
  requireContestants('scored', scored);
  if (baselineLossNatsPerToken !== null) requireNumber('baselineLossNatsPerToken', baselineLossNatsPerToken);
  requireNumbers('previous', Object.entries(previous));
  for (const [i, { uid, consensus }] of given.entries()) {
    requireNumber(`neurons[${i}].uid`, uid, { most: LARGEST_UID, whole: true });
    requireNumber(`neurons[${i}].consensus`, consensus);
  }
  // Sums are made in the order of the uids, whatever order things came in: all who compute them get the same to the last bit.
  const neurons = given
    .map(({ coldkey, ...neuron }) => ({ ...neuron, coldkey: coldkey ?? neuron.hotkey }))
    .sort((a, b) => a.uid - b.uid);
  const lossOf = new Map(scored.map((one) => [one.hotkey, one]));
  const contestants = neurons.flatMap(({ hotkey }) => (rejected.has(hotkey) ? [] : (lossOf.get(hotkey) ?? [])));

  const scoring = { contestants, baselineLossNatsPerToken, evaluationSha256, now, memory };
  const scores = decide(policy, 'score', scoring);
  const worthless = new Set(contestants.flatMap(({ hotkey }) => (scores.has(hotkey) ? [] : hotkey)));
  const weighed = decide(policy, 'weigh', {
    ...scoring,
    scores,
    worthless: new Set([...rejected, ...worthless]),
    unjudged,
    hidden,
    previous,
    neurons,
    miners,
    ownerUid,
  });
  const weights = new Map(weighed.weights.map(({ uid, weight }) => [uid, weight]));
  return {
    weights: neurons.flatMap(({ uid, hotkey }) => {
      const weight = weights.get(uid) ?? 0;
      return weight > 0 ? { uid, hotkey, weight } : [];
    }),
    action: weighed.action,
    averages: weighed.averages,
    scores,
    worthless,
    memory: weighed.memory,
  };
}
