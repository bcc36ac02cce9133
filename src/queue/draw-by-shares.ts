import { requireNumber } from '../shared/require-number.ts';

/** A miner that may be drawn. */
export interface DrawCandidate {
  hotkey: string;
  /** Current weight, 0 where it has none. */
  weight: number;
  /** The epoch of the queue in which it was evaluated last; `null` before its first evaluation. */
  lastEvaluated: number | null;
}

/** What a draw rests on. */
export interface DrawParameters {
  /** In an order of chance, the same for the same seed. */
  candidates: DrawCandidate[];
  /** Most that can be drawn. */
  places: number;
  /** True until an epoch had a place for everybody not evaluated before. */
  firstPass: boolean;
  /** The next number of chance in 0..1, 1 excluded; the same ones for the same seed. */
  random: () => number;
}

/** Decides who is evaluated in an epoch, in which order: hotkeys of candidates, each once. */
export type Draw = (parameters: DrawParameters) => string[];

export interface DrawShares {
  /** Share of the places for the highest weights. Default 1/4. */
  topShare?: number;
  /** Share of the places that chance gives to the others. Default 1/2; what is left goes to those who have waited longest. */
  randomShare?: number;
  /** Their chance at `rank` by weight is proportional to exp(-rank / rankScale). Default 32. */
  rankScale?: number;
}

/**
 * The draw of era A. In the first pass who was never evaluated comes first, then who has waited longest. Afterwards a share
 * of the places goes to the highest weights, a share is drawn by chance from the rest (better ranks more likely, without
 * replacement), and what is left goes to those who have waited longest.
 * @throws FlockOffError `bad-argument` for shares that are not in 0..1, or more than 1 together, and a scale that is not positive.
 * @example
 * const queue = new EvalQueue({ seed: 1 });
 * queue.next({ hotkeys: ['a', 'b', 'c'], weights: {}, places: 2, draw: drawByShares({ topShare: 0.5 }) });
 */
export function drawByShares({ topShare = 1 / 4, randomShare = 1 / 2, rankScale = 32 }: DrawShares = {}): Draw {
  requireNumber('topShare', topShare, { most: 1 });
  requireNumber('randomShare', randomShare, { most: 1 });
  requireNumber('topShare + randomShare', topShare + randomShare, { most: 1 + 1e-9 });
  requireNumber('rankScale', rankScale, { least: Number.MIN_VALUE });
  return ({ candidates, places, firstPass, random }) => {
    if (firstPass) return hotkeysOf(byWaiting(candidates).slice(0, places));
    const ranked = candidates.toSorted((a, b) => b.weight - a.weight);
    const topCount = Math.floor(places * topShare);
    // Exponential races: the smallest -ln(u) / p win, which is a draw without replacement in proportion to p.
    const drawn = ranked
      .slice(topCount)
      .map((candidate, i) => ({ candidate, arrival: -Math.log(1 - random()) / Math.exp(-(topCount + i) / rankScale) }))
      .sort((a, b) => a.arrival - b.arrival)
      .slice(0, Math.floor(places * randomShare))
      .map(({ candidate }) => candidate);
    const taken = new Set([...ranked.slice(0, topCount), ...drawn]);
    const waiting = byWaiting(candidates.filter((candidate) => !taken.has(candidate)));
    return hotkeysOf([...taken, ...waiting.slice(0, places - taken.size)]);
  };
}

/** Who was never evaluated comes first, then who has waited longest; in the order given where that is the same. */
export function byWaiting<T extends DrawCandidate>(candidates: T[]): T[] {
  return candidates.toSorted((a, b) => (a.lastEvaluated ?? -1) - (b.lastEvaluated ?? -1));
}

function hotkeysOf(candidates: DrawCandidate[]): string[] {
  return candidates.map(({ hotkey }) => hotkey);
}
