import { FlockOffError } from '../errors/flock-off-error.ts';
import { requireNumber, requireNumbers } from '../shared/require-number.ts';

/** Numbers by name: finite and not negative, or whatever is done with them throws `bad-argument`. */
export type Shares = Map<string, number>;

export function sumOf(shares: Shares): number {
  requireNumbers('shares', shares);
  const sum = [...shares.values()].reduce((total, share) => total + share, 0);
  if (sum < Number.POSITIVE_INFINITY) return sum;
  throw new FlockOffError({
    code: 'bad-argument',
    what: 'the shares are too large for a sum',
    fix: 'divide them first',
  });
}

/** The same proportions with sum 1; all zeros stay zeros. */
export function normalised(shares: Shares): Shares {
  const sum = sumOf(shares);
  return sum > 0 ? new Map([...shares].map(([name, share]) => [name, share / sum])) : shares;
}

/** (1 - portion) of `a` and `portion` of `b`, over the names of both. */
export function blend(a: Shares, b: Shares, portion: number): Shares {
  requireNumber('portion', portion, { most: 1 });
  for (const shares of [a, b]) requireNumbers('shares', shares);
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Map([...names].map((name) => [name, (1 - portion) * (a.get(name) ?? 0) + portion * (b.get(name) ?? 0)]));
}
