import { requireNumber } from '../shared/require-number.ts';

/** A miner with a valid loss this epoch. */
export interface Contestant {
  hotkey: string;
  /** Finite, not negative. */
  lossNatsPerToken: number;
  commitBlock: number;
}

/** @throws FlockOffError `bad-argument` for a loss that is negative or not finite, and what is no block number. */
export function requireContestants(name: string, contestants: Contestant[]): void {
  for (const [i, { lossNatsPerToken, commitBlock }] of contestants.entries()) {
    requireNumber(`${name}[${i}].lossNatsPerToken`, lossNatsPerToken);
    requireNumber(`${name}[${i}].commitBlock`, commitBlock, { whole: true });
  }
}

/** A later dataset must be this much better (relative) to beat an earlier one. */
const EARLIER_ADVANTAGE = 0.04;

export interface WinRatesParameters {
  contestants: Contestant[];
  /** Loss of the base model alone, one more rival to everybody, and earlier than all. Default `null`: it takes no part. */
  baselineLossNatsPerToken?: number | null;
}

/**
 * Wins / comparisons by hotkey, 0..1. Of two, the one committed in the earlier block has its loss multiplied by 0.96;
 * the lower loss then wins, and equal losses win nothing. In the same block nobody has the advantage.
 * A single contestant without a baseline has win rate 0: there is nobody to win against.
 * @throws FlockOffError `bad-argument` for a loss that is negative or not finite, and what is no block number.
 */
export function winRates({ contestants, baselineLossNatsPerToken = null }: WinRatesParameters): Map<string, number> {
  requireContestants('contestants', contestants);
  return new Map(
    contestants.map((one) => {
      const won = contestants.filter((rival) => rival !== one).map((rival) => beats(one, rival));
      if (baselineLossNatsPerToken !== null) won.push(beatsBaseline({ ...one, baselineLossNatsPerToken }));
      return [one.hotkey, won.length === 0 ? 0 : won.filter(Boolean).length / won.length];
    }),
  );
}

export interface BeatsBaselineParameters {
  lossNatsPerToken: number;
  /** Of the base model alone. */
  baselineLossNatsPerToken: number;
}

/**
 * Whether a dataset has taught the base model anything: the base model alone is the earliest contestant, whose loss counts
 * 4 % less.
 * @throws FlockOffError `bad-argument` for a loss that is negative or not finite.
 */
export function beatsBaseline({ lossNatsPerToken, baselineLossNatsPerToken }: BeatsBaselineParameters): boolean {
  requireNumber('lossNatsPerToken', lossNatsPerToken);
  requireNumber('baselineLossNatsPerToken', baselineLossNatsPerToken);
  return lossNatsPerToken < baselineLossNatsPerToken * (1 - EARLIER_ADVANTAGE);
}

function beats(one: Contestant, rival: Contestant): boolean {
  return handicapped(one, rival) < handicapped(rival, one);
}

function handicapped(one: Contestant, rival: Contestant): number {
  return one.commitBlock < rival.commitBlock ? one.lossNatsPerToken * (1 - EARLIER_ADVANTAGE) : one.lossNatsPerToken;
}
