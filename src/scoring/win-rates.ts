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

/** The advantage (relative, 0..1) of a dataset over later ones, by the block it was committed in. */
export type Advantage = (commitBlock: number) => number;

export interface WinRatesParameters {
  contestants: Contestant[];
  /** Loss of the base model alone, one more rival to everybody, and earlier than all. Default `null`: it takes no part. */
  baselineLossNatsPerToken?: number | null;
  /** Default: 0.04, whatever the block. */
  advantage?: Advantage;
  /** Of the base model alone, relative. Default 0.04. */
  baselineAdvantage?: number;
}

/**
 * Wins / comparisons by hotkey, 0..1. Of two, the one committed in the earlier block has its loss multiplied by 0.96;
 * the lower loss then wins, and equal losses win nothing. In the same block nobody has the advantage.
 * A single contestant without a baseline has win rate 0: there is nobody to win against.
 * @throws FlockOffError `bad-argument` for a loss that is negative or not finite, and what is no block number.
 * @example
 * winRates({
 *   contestants: [
 *     { hotkey: 'ann', lossNatsPerToken: 2.0, commitBlock: 10 },
 *     { hotkey: 'ben', lossNatsPerToken: 1.95, commitBlock: 20 },
 *   ],
 * }); // ann 1, ben 0: ben's loss is less than 4 % lower, and ann was earlier
 */
export function winRates({
  contestants,
  baselineLossNatsPerToken = null,
  advantage = () => EARLIER_ADVANTAGE,
  baselineAdvantage,
}: WinRatesParameters): Map<string, number> {
  requireContestants('contestants', contestants);
  return new Map(
    contestants.map((one) => {
      const beaten = contestants.filter((rival) => rival !== one && beats(one, rival)).length;
      const rivals = contestants.length - 1;
      if (baselineLossNatsPerToken === null) return [one.hotkey, rivals === 0 ? 0 : beaten / rivals];
      const beatsBase = beatsBaseline({ ...one, baselineLossNatsPerToken, advantage: baselineAdvantage });
      return [one.hotkey, (beaten + Number(beatsBase)) / (rivals + 1)];
    }),
  );

  function beats(one: Contestant, rival: Contestant): boolean {
    return handicapped(one, rival) < handicapped(rival, one);
  }

  function handicapped({ lossNatsPerToken, commitBlock }: Contestant, rival: Contestant): number {
    return commitBlock < rival.commitBlock ? lossNatsPerToken * (1 - advantage(commitBlock)) : lossNatsPerToken;
  }
}

export interface BeatsBaselineParameters {
  lossNatsPerToken: number;
  /** Of the base model alone; `null` where it takes no part, and nobody has to beat it. */
  baselineLossNatsPerToken: number | null;
  /** Relative. Default 0.04. */
  advantage?: number;
}

/**
 * Whether a dataset has taught the base model anything: the base model alone is the earliest contestant, whose loss counts
 * 4 % less.
 * @throws FlockOffError `bad-argument` for a loss that is negative or not finite.
 * @example
 * beatsBaseline({ lossNatsPerToken: 2.3, baselineLossNatsPerToken: 2.5 }); // true: it is more than 4 % lower
 */
export function beatsBaseline({
  lossNatsPerToken,
  baselineLossNatsPerToken,
  advantage = EARLIER_ADVANTAGE,
}: BeatsBaselineParameters): boolean {
  requireNumber('lossNatsPerToken', lossNatsPerToken);
  if (baselineLossNatsPerToken === null) return true;
  requireNumber('baselineLossNatsPerToken', baselineLossNatsPerToken);
  return lossNatsPerToken < baselineLossNatsPerToken * (1 - advantage);
}
