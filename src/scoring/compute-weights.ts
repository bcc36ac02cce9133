import { requireNumber, requireNumbers } from '../shared/require-number.ts';
import { movingAverage } from './moving-average.ts';
import { blend, normalised, type Shares, sumOf } from './shares.ts';
import { stepWeights } from './step-weights.ts';
import { restoreValidatorTrust } from './validator-trust.ts';
import { beatsBaseline, type Contestant, requireContestants, winRates } from './win-rates.ts';

const CONSENSUS_SHARE = 0.2;
const LEAST_WEIGHT = 1e-6;
const LARGEST_UID = 65_535;

export interface ComputeWeightsParameters {
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
  /** Everybody registered, with the chain's consensus (0..1). Others are forgotten. */
  neurons: { uid: number; hotkey: string; consensus: number }[];
}

export interface ComputeWeightsReturnType {
  /**
   * For the chain: every uid with a weight of at least 1e-6, summing to 1. Empty when this validator has found nobody worth any:
   * the chain's consensus alone is never passed off as its own.
   */
  weights: { uid: number; hotkey: string; weight: number }[];
  /**
   * What to do with `weights`. `set`: send them. `take-back`: they are empty since who had earned any, or everybody, is
   * rejected or does not beat the base model; sent empty, all goes to the validator's own uid. `keep`: send nothing, what was set before stands.
   */
  action: 'set' | 'take-back' | 'keep';
  /** Moving average by hotkey after this epoch, before consensus and trust. */
  averages: Record<string, number>;
  /** By hotkey, of the scored that beat the base model. */
  winRates: Map<string, number>;
  /** Hotkeys of the scored that do not beat the base model. */
  belowBaseline: Set<string>;
}

/**
 * From losses to weights, by the rules of the competition (era A).
 *
 * @throws FlockOffError `bad-argument`, with the argument's name and value, for a loss, average or consensus that is
 *   negative or not finite, and for what is no uid or block number: such a number would be in everybody's weight.
 * @example
 * const { weights, action } = computeWeights({ scored, rejected, previous, neurons });
 * if (action !== 'keep') await weightSetter.set({ weights });
 */
export function computeWeights({
  scored,
  baselineLossNatsPerToken = null,
  rejected,
  previous,
  unjudged = new Set(),
  neurons,
}: ComputeWeightsParameters): ComputeWeightsReturnType {
  requireContestants('scored', scored);
  if (baselineLossNatsPerToken !== null) requireNumber('baselineLossNatsPerToken', baselineLossNatsPerToken);
  const belowBaseline = losersTo(baselineLossNatsPerToken, scored);
  requireNumbers('previous', Object.entries(previous));
  for (const [i, { uid, consensus }] of neurons.entries()) {
    requireNumber(`neurons[${i}].uid`, uid, { most: LARGEST_UID, whole: true });
    requireNumber(`neurons[${i}].consensus`, consensus);
  }
  const worthless = new Set([...rejected, ...belowBaseline]);
  // Sums are made in the order of the uids, whatever order things came in: all who compute them get the same to the last bit.
  const eligible = neurons.filter(({ hotkey }) => !worthless.has(hotkey)).sort((a, b) => a.uid - b.uid);
  const lossOf = new Map(scored.map((one) => [one.hotkey, one]));
  const contestants = eligible.flatMap(({ hotkey }) => lossOf.get(hotkey) ?? []);
  const old: Shares = new Map(
    eligible.flatMap(({ hotkey }) => (Object.hasOwn(previous, hotkey) ? [[hotkey, previous[hotkey]!]] : [])),
  );
  const consensus: Shares = new Map(eligible.map((neuron) => [neuron.hotkey, neuron.consensus]));

  const rates = winRates({ contestants, baselineLossNatsPerToken });
  const rivals = contestants.length - 1 + (baselineLossNatsPerToken === null ? 0 : 1);
  // A single loss cannot be compared: it counts only when nobody has an average yet.
  const comparable = rivals > 0 || sumOf(old) === 0;
  const averages = comparable ? movingAverage(old, stepWeights(rates)) : old;
  // The consensus only moderates averages of our own; without any, copying it would not be validating.
  const weights = sumOf(averages) > 0 ? moderated(averages, consensus) : new Map<string, number>();

  const refused = neurons.flatMap(({ hotkey }) => (worthless.has(hotkey) ? [[hotkey, 0] as const] : []));
  return {
    weights: eligible.flatMap(({ uid, hotkey }) => {
      const weight = weights.get(hotkey);
      return weight === undefined ? [] : { uid, hotkey, weight };
    }),
    action: weights.size > 0 ? 'set' : mustTakeBack() ? 'take-back' : 'keep',
    averages: Object.fromEntries([...averages, ...refused]),
    winRates: rates,
    belowBaseline,
  };

  /**
   * With nobody to give any weight to. What was set before rests on averages, so it must not stand once all who had earned
   * one are found worthless. Without averages (a first epoch, a lost state) it is not known on whom it rests: it stands until
   * everybody is judged, so that an outage of ours takes nothing from anybody.
   */
  function mustTakeBack(): boolean {
    const judged = neurons.filter(({ hotkey }) => worthless.has(hotkey));
    const isLeft = eligible.some(({ hotkey }) => unjudged.has(hotkey));
    return judged.some(({ hotkey }) => previous[hotkey]! > 0) || (judged.length > 0 && !isLeft);
  }
}

function losersTo(baselineLoss: number | null, scored: Contestant[]): Set<string> {
  if (baselineLoss === null) return new Set();
  const below = scored.filter(
    ({ lossNatsPerToken }) => !beatsBaseline({ lossNatsPerToken, baselineLossNatsPerToken: baselineLoss }),
  );
  return new Set(below.map(({ hotkey }) => hotkey));
}

/** Averages as weights: blended with the consensus where there is one, and as trusted as can be. Sum 1. */
function moderated(averages: Shares, consensus: Shares): Shares {
  const own = normalised(averages);
  const blended = sumOf(consensus) > 0 ? blend(own, normalised(consensus), CONSENSUS_SHARE) : own;
  const trusted = restoreValidatorTrust(blended, consensus);
  return normalised(new Map([...trusted].filter(([, weight]) => weight >= LEAST_WEIGHT)));
}
