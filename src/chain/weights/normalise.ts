import { FlockOffError } from '../../errors/flock-off-error.ts';

export interface WeightEntry {
  uid: number;
  /** Whom the weight is for: it is dropped where the uid has another hotkey by the time it is sent. */
  hotkey?: string;
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
 * @throws FlockOffError `bad-argument` for a weight that is negative or no number, or a uid out of range or given twice.
 */
export function normaliseWeights(entries: WeightEntry[]): NormalisedWeights {
  checkEntries(entries);
  const weights = entries.map(({ uid, weight }) => ({ uid, weight: Math.fround(weight) }));
  const largest = weights.reduce((most, { weight }) => Math.max(most, weight), 0);
  const normalised: NormalisedWeights = { uids: [], values: [] };
  for (const { uid, weight } of weights) {
    const value = largest > 0 ? roundHalfToEven((weight / largest) * U16_MAX) : 0;
    if (value === 0) continue;
    normalised.uids.push(uid);
    normalised.values.push(value);
  }
  return normalised;
}

function checkEntries(entries: WeightEntry[]): void {
  const seen = new Set<number>();
  for (const { uid, weight } of entries) {
    const problem =
      !Number.isFinite(Math.fround(weight)) || weight < 0
        ? `weights must be finite and not negative, saw ${weight} for uid ${uid}`
        : !Number.isInteger(uid) || uid < 0 || uid > U16_MAX
          ? `uids must be whole numbers of 0..65535, saw ${uid}`
          : seen.has(uid)
            ? `each uid must have one weight, saw uid ${uid} twice`
            : null;
    if (problem)
      throw new FlockOffError({
        code: 'bad-argument',
        what: problem,
        facts: { name: `weights[${uid}]`, value: weight },
      });
    seen.add(uid);
  }
}

function roundHalfToEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}
