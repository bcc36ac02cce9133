import type { WeightsReceipt } from '../chain/weights/weight-setter.ts';
import type { ComputeWeightsReturnType } from '../scoring/compute-weights.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import type { DrawnEpoch } from './draw.ts';
import type { FetchedDataset } from './fetch-dataset.ts';
import type { Outcome } from './outcome.ts';
import type { ReadPointer } from './pointers.ts';

/** One line of the report. */
export interface EpochEntry {
  uid: number;
  hotkey: string;
  /** Pointer text as committed, `null` when it is not text. */
  pointer: string | null;
  /** Rows of the dataset, `null` when none was read. */
  rows: number | null;
  /** Rows of the evaluation set found in the dataset. */
  evaluationRowsSeen: number;
  outcome: Outcome;
  /** Wins / comparisons, `null` when there was no loss to compare. */
  winRate: number | null;
  /** Weight after this epoch; all weights sum to 1. */
  weight: number;
  /** The score in one sentence, for its miner. */
  why: string;
}

/** Everything a validator did in one epoch: plain JSON. */
export interface EpochReport {
  netuid: number;
  competition: string;
  epochSeed: number;
  startBlock: number;
  /** What trained: losses are comparable where these agree. */
  trainer: TrainerFacts;
  /** Best first. */
  entries: EpochEntry[];
  /** How the weights went to the chain; `null` when none were sent. */
  receipt: WeightsReceipt | null;
  /** Why no weights were sent, in one sentence; `null` when they were. */
  notSent: string | null;
}

export interface WriteReportParameters {
  netuid: number;
  competition: string;
  trainer: TrainerFacts;
  epoch: DrawnEpoch;
  pointers: Map<string, ReadPointer>;
  datasets: FetchedDataset[];
  outcomes: Map<string, Outcome>;
  weighed: ComputeWeightsReturnType;
  /** Everybody registered when the weights were computed. */
  neurons: { hotkey: string }[];
  receipt: WeightsReceipt | null;
}

export function writeReport(parameters: WriteReportParameters): EpochReport {
  const { netuid, competition, trainer, epoch, pointers, datasets, outcomes, weighed, neurons, receipt } = parameters;
  const registered = new Set(neurons.map(({ hotkey }) => hotkey));
  const fetched = new Map(datasets.map((dataset) => [dataset.submission.hotkey, dataset]));
  const weights = new Map(weighed.weights.map(({ hotkey, weight }) => [hotkey, weight]));
  const entries = [...outcomes].map(([hotkey, outcome]): EpochEntry => {
    const { uid, text } = pointers.get(hotkey)!;
    const dataset = fetched.get(hotkey);
    const entry = {
      uid,
      hotkey,
      pointer: text,
      rows: dataset?.rowHashes.length ?? null,
      evaluationRowsSeen: dataset?.evaluationRowsSeen ?? 0,
      outcome,
      winRate: weighed.winRates.get(hotkey) ?? null,
      weight: weights.get(hotkey) ?? 0,
    };
    const why = registered.has(hotkey)
      ? explain(entry, weighed.winRates.size, receipt !== null)
      : 'left the subnet before the weights were sent';
    return { ...entry, why };
  });
  entries.sort((a, b) => b.weight - a.weight || (b.winRate ?? -1) - (a.winRate ?? -1) || a.uid - b.uid);
  const { epochSeed, startBlock } = epoch;
  const { backend, precision, weightStorage, baseSha256 } = trainer;
  const facts = { backend, precision, weightStorage, baseSha256 };
  return {
    netuid,
    competition,
    epochSeed,
    startBlock,
    trainer: facts,
    entries,
    receipt,
    notSent: receipt ? null : whyNotSent(entries),
  };
}

/** Nobody has an average by then, or there would be weights. */
function whyNotSent(entries: EpochEntry[]): string {
  const counts = { scored: 0, rejected: 0, postponed: 0 };
  for (const { outcome } of entries) counts[outcome.kind]++;
  const why =
    counts.postponed > 0
      ? `not one dataset has been scored yet, and ${counts.postponed} could not be evaluated in this epoch`
      : counts.rejected > 0
        ? 'every dataset evaluated so far is refused, and others have not been evaluated yet'
        : 'no dataset has been evaluated yet';
  return `no weights were sent, those set before stand: ${why}`;
}

function explain(
  { outcome, winRate, evaluationRowsSeen }: Omit<EpochEntry, 'why'>,
  contestants: number,
  isSent: boolean,
): string {
  if (outcome.kind === 'rejected') return outcome.verdict.message;
  if (outcome.kind === 'postponed')
    return `keeps its weight${isSent ? '' : ' (none were sent)'} and is evaluated again: ${outcome.message}`;
  if (winRate === null || contestants < 2) return 'nobody to compare with in this epoch';
  const rivals = contestants - 1;
  const seen = evaluationRowsSeen > 0 ? `; holds ${evaluationRowsSeen} rows of the evaluation set` : '';
  return `won ${Math.round(winRate * rivals)} of ${rivals} comparisons${seen}`;
}
