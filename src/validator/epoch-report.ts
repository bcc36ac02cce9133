import type { WeightsReceipt } from '../chain/weights/weight-setter.ts';
import type { LeftOutEvidence } from '../schema/left-out-evidence.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import type { RowLossHint } from './hints.ts';
import type { Outcome } from './outcome.ts';
import type { StateHistory } from './state-store.ts';

/** One line of the report. */
export interface EpochEntry {
  uid: number;
  hotkey: string;
  /** Pointer text as committed, `null` when it is not text. */
  pointer: string | null;
  /** Rows of the dataset, `null` when none was read. */
  rows: number | null;
  /** What of them is not trained on, and whose it is; `null` when that was not looked at. */
  leftOut: LeftOutEvidence | null;
  outcome: Outcome;
  /**
   * What its loss is worth under the policy: by `win-rates`, wins / comparisons. `null` when there was no loss, or one that is
   * worth nothing, such as one that does not beat the base model's.
   */
  score: number | null;
  /** Weight after this epoch; all weights sum to 1. */
  weight: number;
  /** The score in one sentence, for its miner. */
  why: string;
}

/** Everything a validator did in one epoch: plain JSON. */
export interface EpochReport {
  netuid: number;
  competition: string;
  /** What scores and weights were made by, with all its parameters. */
  policy: { name: string; parameters: Record<string, unknown> };
  epochSeed: number;
  /** The block it began with: pointers are those of then. */
  startBlock: number;
  /** The block whose hash seeded the draw and the training. */
  seedBlock: number;
  /** Since when it is known who showed which rows first. */
  ledger: Pick<StateHistory, 'sinceBlock' | 'ledgerFrom'>;
  /** What trained: losses are comparable where these agree. */
  trainer: TrainerFacts;
  /** Loss of the base model alone, which a dataset must beat; `null` where nothing was compared with it. */
  baselineLossNatsPerToken: number | null;
  /** Best first. */
  entries: EpochEntry[];
  /** Datasets that do the same for the base model, row by row of the evaluation set: worth a look, and no verdict. */
  hints: RowLossHint[];
  /** How the weights went to the chain; `null` when none were sent. */
  receipt: WeightsReceipt | null;
  /** Why no weights were sent, in one sentence; `null` when they were. */
  notSent: string | null;
  /** Of all weights, what this competition has, 0..1; only where several are played, and weights of entries are within it. */
  share?: number;
}
