import { movingAverage } from './moving-average.ts';
import { blend, normalised, type Shares, sumOf } from './shares.ts';
import { restoreValidatorTrust } from './validator-trust.ts';

/** Constants of the way from an epoch's shares to the weights that are sent; all in 0..1. */
export interface AveragingConstants {
  /** Portion of this epoch in the moving average of those evaluated. */
  stepPortion: number;
  /** Portion of the chain's consensus in what is sent. */
  consensusShare: number;
  /** The weights move toward the consensus until the validator's expected trust is that. */
  leastTrust: number;
  /** Smaller weights are 0. */
  leastWeight: number;
}

export interface AverageWeightsParameters extends AveragingConstants {
  /** What this epoch alone would give, sum 1; `null` where it says nothing about anybody. */
  step: Shares | null;
  /** Moving average by hotkey before this epoch. */
  previous: Record<string, number>;
  /** Everybody registered by uid, with the chain's consensus (0..1). Others are forgotten. */
  neurons: { uid: number; hotkey: string; consensus: number }[];
  /** Hotkeys whose weight and average are exactly 0. */
  worthless: ReadonlySet<string>;
  /** Hotkeys with a submission that this epoch neither scored nor rejected. */
  unjudged: ReadonlySet<string>;
}

export interface AverageWeightsReturnType {
  /** Sum 1, or empty where nobody has an average. */
  weights: { uid: number; weight: number }[];
  action: 'set' | 'take-back' | 'keep';
  /** Moving average by hotkey after this epoch, before consensus and trust. */
  averages: Record<string, number>;
}

/**
 * From what one epoch gives to weights (era A): a moving average over the epochs, blended with the chain's consensus, and as
 * trusted as can be.
 */
export function averageWeights(parameters: AverageWeightsParameters): AverageWeightsReturnType {
  const { step, previous, neurons, worthless, unjudged, stepPortion } = parameters;
  const eligible = neurons.filter(({ hotkey }) => !worthless.has(hotkey));
  const old: Shares = new Map(
    eligible.flatMap(({ hotkey }) => (Object.hasOwn(previous, hotkey) ? [[hotkey, previous[hotkey]!]] : [])),
  );
  const consensus: Shares = new Map(eligible.map((neuron) => [neuron.hotkey, neuron.consensus]));
  const averages = step === null ? old : movingAverage(old, step, stepPortion);
  // The consensus only moderates averages of our own; without any, copying it would not be validating.
  const weights = sumOf(averages) > 0 ? moderated(averages, consensus, parameters) : new Map<string, number>();

  const refused = neurons.flatMap(({ hotkey }) => (worthless.has(hotkey) ? [[hotkey, 0] as const] : []));
  return {
    weights: eligible.flatMap(({ uid, hotkey }) => {
      const weight = weights.get(hotkey);
      return weight === undefined ? [] : { uid, weight };
    }),
    action: weights.size > 0 ? 'set' : mustTakeBack() ? 'take-back' : 'keep',
    averages: Object.fromEntries([...averages, ...refused]),
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

/** Averages as weights: blended with the consensus where there is one, and as trusted as can be. Sum 1. */
function moderated(
  averages: Shares,
  consensus: Shares,
  { consensusShare, leastTrust, leastWeight }: AveragingConstants,
): Shares {
  const own = normalised(averages);
  const blended = sumOf(consensus) > 0 ? blend(own, normalised(consensus), consensusShare) : own;
  const trusted = restoreValidatorTrust(blended, consensus, leastTrust);
  return normalised(new Map([...trusted].filter(([, weight]) => weight >= leastWeight)));
}
