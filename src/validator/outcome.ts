import type { Verdict } from '../schema/verdict.ts';

/** How the epoch ended for one miner. */
export type Outcome =
  /** Trained and evaluated: nats per token on the evaluation set, lower is better. */
  | { kind: 'scored'; lossNatsPerToken: number }
  /** The miner's own fault: weight 0. */
  | { kind: 'rejected'; verdict: Verdict }
  /** A fault of the Hub or of this machine: the miner keeps its average weight and is evaluated again. */
  | { kind: 'postponed'; by: 'hub' | 'trainer'; message: string };

/** An outcome in a few words. */
export function outcomeText(outcome: Outcome): string {
  if (outcome.kind === 'scored') return `loss ${outcome.lossNatsPerToken} nats per token`;
  return outcome.kind === 'rejected'
    ? `rejected as ${outcome.verdict.reason}, ${outcome.verdict.message}`
    : `postponed for the ${outcome.by}, ${outcome.message}`;
}
