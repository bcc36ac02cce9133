import type { BlendPart } from './blend.ts';

/** What stands for a competition until its next epoch has ended. */
export interface StandingWeights extends Pick<BlendPart, 'startBlock' | 'missed' | 'weights'> {
  /** The end of the subnet's epoch, a block, for which it was missed last; `null` where it was not. */
  missedIn: number | null;
  /** What its weights were of all that were sent, by block; earlier versions did not keep it. */
  portions?: SentPortion[];
}

/** What the weights of a competition are of all that stand on the chain, from a block on. */
export interface SentPortion {
  /** From then on the chain's consensus follows from them. */
  countsFrom: number;
  /** Above 0 and under 1; `null`: all, or none. */
  portion: number | null;
}

/** Keeps what stands for each of several competitions, by id: {@link ValidatorState}, or something of one's own in its place. */
export interface StandingWeightsStore {
  read(): Promise<Record<string, StandingWeights>>;
  /** All of it: what is not named is forgotten. */
  write(standing: Record<string, StandingWeights>): Promise<void>;
}

/** More changes of shares than there are in the longest epoch. */
const MOST_KEPT = 16;

/** With what was sent last, where that is another portion than before. */
export function withPortion(portions: SentPortion[] = [], sent: SentPortion): SentPortion[] {
  const last = portions.at(-1);
  return last && last.portion === sent.portion ? portions : [...portions, sent].slice(-MOST_KEPT);
}

/** That of the weights that stood on the chain in that block; `undefined` where it is not known. */
export function portionIn(portions: SentPortion[] = [], block: number): number | null | undefined {
  return portions.findLast(({ countsFrom }) => countsFrom <= block)?.portion;
}
