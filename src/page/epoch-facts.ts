import { Competition } from '../schema/competition.ts';
import type { EpochEntry } from '../validator/epoch-report.ts';
import { unpackRows } from '../validator/ledger/packed.ts';
import type { Receipt } from '../validator/receipts/receipt.ts';
import { metricsFile, scoreKeys } from '../validator/score-dataset.ts';

/** What the page keeps of each epoch's report; of the last it has all. */
export interface EpochFacts {
  startBlock: number;
  /** When it began, by the chain's clock. */
  timeMs: number;
  durationMs: number;
  /** The epoch of the report before; `null` for the first. */
  previousBlock: number | null;
  baselineLossNatsPerToken: number | null;
  drawn: number;
  entries: Pick<EpochEntry, 'uid' | 'hotkey' | 'outcome' | 'weight'>[];
  sent: { mode: string; block: number } | null;
  notSent: string | null;
  /** Above 0, by hotkey. */
  weights: Map<string, number>;
  /** Who was trained on, by the name of the file with the steps of it. */
  runs: Map<string, { uid: number; hotkey: string }>;
}

export function epochFactsOf(receipt: Receipt): EpochFacts {
  const { inputs, entries } = receipt;
  return {
    ...{ startBlock: receipt.startBlock, timeMs: inputs.epoch.timeMs, durationMs: inputs.durationMs },
    previousBlock: receipt.previous?.startBlock ?? null,
    baselineLossNatsPerToken: receipt.baselineLossNatsPerToken,
    drawn: inputs.epoch.hotkeys.length,
    entries: entries.map(({ uid, hotkey, outcome, weight }) => ({ uid, hotkey, outcome, weight })),
    sent: receipt.receipt && { mode: receipt.receipt.mode, block: receipt.receipt.block },
    notSent: receipt.notSent,
    weights: new Map(inputs.weighed.weights.flatMap(({ hotkey, weight }) => (weight > 0 ? [[hotkey, weight]] : []))),
    runs: new Map(entries.flatMap(({ uid, hotkey }) => runOf(receipt, uid, hotkey))),
  };
}

/** The file of a miner's training run: named by all that the loss rests on, as the validator names it. */
function runOf(receipt: Receipt, uid: number, hotkey: string): [string, { uid: number; hotkey: string }][] {
  const { inputs, trainer, epochSeed: seed } = receipt;
  const dataset = inputs.datasets[hotkey];
  if (!dataset?.kept) return [];
  try {
    const keep = unpackRows(dataset.kept, dataset.rows);
    // Parsed, so that names stand in the order that the key was made of: a report has them sorted.
    const competition = Competition.parse(inputs.competition);
    const { evaluation } = inputs;
    const { key } = scoreKeys({ sha256: dataset.sha256, keep, seed, trainer, competition, evaluation });
    return [[metricsFile(uid, key), { uid, hotkey }]];
  } catch {
    // A report that somebody made up: what it says of rows names no file.
    return [];
  }
}
