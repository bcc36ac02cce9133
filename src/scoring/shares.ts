/** Numbers by name. */
export type Shares = Map<string, number>;

export function sumOf(shares: Shares): number {
  return [...shares.values()].reduce((total, share) => total + share, 0);
}

/** The same proportions with sum 1; all zeros stay zeros. */
export function normalised(shares: Shares): Shares {
  const sum = sumOf(shares);
  return sum > 0 ? new Map([...shares].map(([name, share]) => [name, share / sum])) : shares;
}

/** (1 - portion) of `a` and `portion` of `b`, over the names of both. */
export function blend(a: Shares, b: Shares, portion: number): Shares {
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Map([...names].map((name) => [name, (1 - portion) * (a.get(name) ?? 0) + portion * (b.get(name) ?? 0)]));
}
