import { movingAverage } from './moving-average.ts';
import { blend, normalised, type Shares, sumOf } from './shares.ts';
import { stepWeights } from './step-weights.ts';
import { restoreValidatorTrust } from './validator-trust.ts';
import { type Contestant, winRates } from './win-rates.ts';

const CONSENSUS_SHARE = 0.2;
const LEAST_WEIGHT = 1e-6;

export interface ComputeWeightsParameters {
  /** Miners with a loss this epoch. */
  scored: Contestant[];
  /** Hotkeys with a verdict: weight and average exactly 0. */
  rejected: Set<string>;
  /** Moving average by hotkey before this epoch. */
  previous: Record<string, number>;
  /** Everybody registered, with the chain's consensus (0..1). Others are forgotten. */
  neurons: { uid: number; hotkey: string; consensus: number }[];
}

export interface ComputeWeightsReturnType {
  /** For the chain: every uid with a weight above 1e-6, summing to 1; empty when nobody has any. */
  weights: { uid: number; hotkey: string; weight: number }[];
  /** Moving average by hotkey after this epoch, before consensus and trust. */
  averages: Record<string, number>;
  /** By hotkey, of the scored. */
  winRates: Map<string, number>;
}

/** From losses to weights, by the rules of the competition (era A). */
export function computeWeights({
  scored,
  rejected,
  previous,
  neurons,
}: ComputeWeightsParameters): ComputeWeightsReturnType {
  const eligible = neurons.filter(({ hotkey }) => !rejected.has(hotkey));
  const registered = new Set(eligible.map(({ hotkey }) => hotkey));
  const contestants = scored.filter(({ hotkey }) => registered.has(hotkey));
  const old: Shares = new Map(Object.entries(previous).filter(([hotkey]) => registered.has(hotkey)));
  const consensus: Shares = new Map(eligible.map((neuron) => [neuron.hotkey, neuron.consensus]));

  const rates = winRates(contestants);
  // A loss alone says nothing: with nobody to compare it with, only who stands alone on the subnet earns from it.
  const comparable = contestants.length > 1 || (contestants.length === 1 && sumOf(old) === 0);
  const averages = comparable ? movingAverage(old, stepWeights(rates)) : old;
  const hasConsensus = [...consensus.values()].some((share) => share > 0);
  const blended = hasConsensus
    ? blend(normalised(averages), normalised(consensus), CONSENSUS_SHARE)
    : normalised(averages);
  const trusted = restoreValidatorTrust(blended, consensus);
  const kept = normalised(new Map([...trusted].filter(([, weight]) => weight >= LEAST_WEIGHT)));

  const refused = neurons.flatMap(({ hotkey }) => (rejected.has(hotkey) ? [[hotkey, 0] as const] : []));
  return {
    weights: eligible.flatMap(({ uid, hotkey }) => {
      const weight = kept.get(hotkey);
      return weight === undefined ? [] : { uid, hotkey, weight };
    }),
    averages: Object.fromEntries([...averages, ...refused]),
    winRates: rates,
  };
}
