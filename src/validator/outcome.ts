import type { Verdict } from '../schema/verdict.ts';

/** How the epoch ended for one miner. */
export type Outcome =
  /** Trained and evaluated: nats per token on the evaluation set, lower is better. */
  | { kind: 'scored'; lossNatsPerToken: number }
  /** The miner's own fault: weight 0. */
  | { kind: 'rejected'; verdict: Verdict }
  | Postponed;

/** What an evaluation can wait for. */
export const POSTPONED_BY = ['hub', 'checker', 'trainer', 'validator', 'miner'] as const;

/** The miner keeps its average weight and is evaluated again. */
export interface Postponed {
  kind: 'postponed';
  /**
   * For a fault of the Hub or of this machine, or because its dataset is not there yet or more than a day's bytes.
   * `validator`: what it keeps of the dataset was damaged, which has nothing to do with the dataset.
   */
  by: (typeof POSTPONED_BY)[number];
  message: string;
}

/** An outcome in a few words. */
export function outcomeText(outcome: Outcome): string {
  if (outcome.kind === 'scored') return `loss ${outcome.lossNatsPerToken} nats per token`;
  return outcome.kind === 'rejected'
    ? `rejected as ${outcome.verdict.reason}, ${outcome.verdict.message}`
    : `postponed for the ${outcome.by}, ${outcome.message}`;
}
