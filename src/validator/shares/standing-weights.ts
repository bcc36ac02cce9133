import type { BlendPart } from './blend.ts';

/** What stands for a competition until its next epoch has ended. */
export interface StandingWeights extends Pick<BlendPart, 'startBlock' | 'missed' | 'weights'> {
  /** The end of the subnet's epoch, a block, for which it was missed last; `null` where it was not. */
  missedIn: number | null;
}

/** Keeps what stands for each of several competitions, by id: {@link ValidatorState}, or something of one's own in its place. */
export interface StandingWeightsStore {
  read(): Promise<Record<string, StandingWeights>>;
  /** All of it: what is not named is forgotten. */
  write(standing: Record<string, StandingWeights>): Promise<void>;
}
