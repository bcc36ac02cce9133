import { FlockOffError } from '../errors/flock-off-error.ts';
import { normalised, type Shares, sumOf } from '../scoring/shares.ts';
import type { Weighed } from './policy.ts';

export interface FinishingRules {
  /** Most of the weight that the hotkeys of one coldkey have together, 0..1; `null`: any. */
  coldkeyCap: number | null;
  /** A share (0..1) of the weight for one uid. */
  burn: { uid: number; share: number } | null;
}

/**
 * What every shipped policy does last: caps what the hotkeys of one coldkey have together, and gives a share to one uid.
 * Where there is nothing to set, nothing is changed.
 * @throws FlockOffError `bad-argument` when the uid of `burn` is nobody's.
 */
export function finishWeights<T extends Weighed>(
  weighed: T,
  neurons: { uid: number; hotkey: string; coldkey: string }[],
  { coldkeyCap, burn }: FinishingRules,
): T {
  let { weights } = weighed;
  if (weights.length === 0) return weighed;
  if (coldkeyCap !== null) weights = capped(weights, new Map(neurons.map((one) => [one.uid, one.coldkey])), coldkeyCap);
  if (burn !== null) weights = burnt(weights, neurons, burn);
  return { ...weighed, weights };
}

type Weights = Weighed['weights'];

/** What coldkeys have over the cap goes to the others in proportion; where all would be over it, all have the same. */
function capped(weights: Weights, coldkeyOf: Map<number, string>, cap: number): Weights {
  const shares: Shares = new Map();
  for (const { uid, weight } of weights) {
    const coldkey = coldkeyOf.get(uid)!;
    shares.set(coldkey, (shares.get(coldkey) ?? 0) + weight);
  }
  const before = normalised(shares);
  const isPositive = [...before].filter(([, share]) => share > 0);
  const most = Math.max(cap, 1 / isPositive.length);
  const full = new Set<string>();
  let factor = 1;
  for (let grew = true; grew; ) {
    grew = false;
    const free = new Map(isPositive.filter(([coldkey]) => !full.has(coldkey)));
    // Of nobody's shares once all are full.
    factor = (1 - full.size * most) / sumOf(free);
    for (const [coldkey, share] of free) {
      if (share * factor <= most) continue;
      full.add(coldkey);
      grew = true;
    }
  }
  return weights.map(({ uid, weight }) => {
    const coldkey = coldkeyOf.get(uid)!;
    const after = full.has(coldkey) ? most : before.get(coldkey)! * factor;
    return { uid, weight: weight === 0 ? 0 : (weight / shares.get(coldkey)!) * after };
  });
}

function burnt(weights: Weights, neurons: { uid: number }[], { uid, share }: { uid: number; share: number }): Weights {
  if (!neurons.some((neuron) => neuron.uid === uid))
    throw new FlockOffError({
      code: 'bad-argument',
      what: `the policy gives a share to uid ${uid}, which nobody has on this subnet`,
      fix: 'check burn in the parameters of the policy',
      facts: { name: 'burn.uid', value: uid },
    });
  const left = weights.map((one) => ({ ...one, weight: one.weight * (1 - share) }));
  const own = left.find((one) => one.uid === uid);
  if (own) own.weight += share;
  else left.push({ uid, weight: share });
  return left.filter(({ weight }) => weight > 0);
}
