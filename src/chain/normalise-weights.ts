import { FlockOffError } from '../errors/flock-off-error.ts';

export interface WeightEntry {
  uid: number;
  /** Not negative; only proportions count. */
  weight: number;
}

export interface NormalisedWeights {
  uids: number[];
  /** u16, the largest is 65535. */
  values: number[];
}

const U16_MAX = 65_535;

/**
 * Weights as the chain takes them: float32, divided by the largest, times 65535, rounded half to even; entries that
 * become 0 are dropped. Bit-equal to `convert_weights_and_uids_for_emit` of the Python SDK.
 * @throws FlockOffError `bad-argument` for a weight that is negative or no number.
 */
export function normaliseWeights(entries: WeightEntry[]): NormalisedWeights {
  for (const { uid, weight } of entries) {
    if (Number.isFinite(weight) && weight >= 0 && Number.isInteger(uid) && uid >= 0 && uid <= U16_MAX) continue;
    throw new FlockOffError({
      code: 'bad-argument',
      what: `weights must be finite and not negative for uids of 0..65535, saw ${weight} for uid ${uid}`,
      facts: { uid, weight },
    });
  }
  const largest = Math.fround(Math.max(0, ...entries.map(({ weight }) => Math.fround(weight))));
  const normalised: NormalisedWeights = { uids: [], values: [] };
  if (largest === 0) return normalised;
  for (const { uid, weight } of entries) {
    const value = roundHalfToEven((Math.fround(weight) / largest) * U16_MAX);
    if (value === 0) continue;
    normalised.uids.push(uid);
    normalised.values.push(value);
  }
  return normalised;
}

function roundHalfToEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}
