import type { WeightsReceipt } from '../chain/weight-setter.ts';
import type { Verdict } from '../schema/verdict.ts';

/** How the epoch ended for one miner. */
export type Outcome =
  /** Trained and evaluated: nats per token on the evaluation set, lower is better. */
  | { kind: 'scored'; lossNatsPerToken: number }
  /** The miner's own fault: weight 0. */
  | { kind: 'rejected'; verdict: Verdict }
  /** A fault on the validator's side: the miner keeps its average weight and is evaluated again. */
  | { kind: 'postponed'; message: string };

/** One line of the report. */
export interface EpochEntry {
  uid: number;
  hotkey: string;
  /** Pointer text as committed, `null` when it is not text. */
  pointer: string | null;
  commitBlock: number | null;
  /** Rows of the dataset, `null` when it was never read. */
  rows: number | null;
  /** Rows of the evaluation set found in the dataset. */
  evaluationRowsSeen: number;
  outcome: Outcome;
  /** Wins / comparisons, `null` when there was no loss to compare. */
  winRate: number | null;
  /** Weight after this epoch (all weights sum to 1). */
  weight: number;
  /** The score in one sentence, for its miner. */
  why: string;
}

/** Everything a validator did in one epoch. */
export interface EpochReport {
  netuid: number;
  competition: string;
  epochSeed: number;
  startBlock: number;
  endBlock: number;
  /** Loss of the base model without training would be meaningless to compare; entries hold the trained losses. */
  entries: EpochEntry[];
  receipt: WeightsReceipt;
}

/** One sentence on how an entry came to its weight. */
export function explain(entry: Omit<EpochEntry, 'why'>, scored: number): string {
  const { outcome } = entry;
  if (outcome.kind === 'rejected') return `${outcome.verdict.reason}: ${outcome.verdict.message}`;
  if (outcome.kind === 'postponed') return `kept its weight, will be evaluated again: ${outcome.message}`;
  if (entry.winRate === null) return 'the only loss of this epoch: nobody to compare with';
  const rivals = scored - 1;
  const wins = Math.round(entry.winRate * rivals);
  const seen = entry.evaluationRowsSeen > 0 ? `; holds ${entry.evaluationRowsSeen} rows of the evaluation set` : '';
  return `won ${wins} of ${rivals} comparisons${seen}`;
}
