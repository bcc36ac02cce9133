import type { WeightsReceipt } from '../chain/weights/weight-setter.ts';
import { isCode } from '../errors/flock-off-error.ts';
import type { ComputeWeightsReturnType } from '../policy/compute-weights.ts';
import { decide } from '../policy/decide.ts';
import type { Policy } from '../policy/policy.ts';
import type { LeftOutEvidence } from '../schema/left-out-evidence.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import type { DrawnEpoch } from './draw.ts';
import type { Ledger } from './ledger/ledger.ts';
import { evidenceOf, leftOutText } from './left-out.ts';
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
  /** How the weights went to the chain; `null` when none were sent. */
  receipt: WeightsReceipt | null;
  /** Why no weights were sent, in one sentence; `null` when they were. */
  notSent: string | null;
}

export interface WriteReportParameters {
  netuid: number;
  competition: string;
  policy: Policy;
  trainer: TrainerFacts;
  epoch: DrawnEpoch;
  ledger: Ledger;
  outcomes: Map<string, Outcome>;
  weighed: ComputeWeightsReturnType;
  baselineLossNatsPerToken: number | null;
  /** Everybody registered when the weights were computed. */
  neurons: { hotkey: string }[];
  receipt: WeightsReceipt | null;
}

export function writeReport(parameters: WriteReportParameters): EpochReport {
  const { netuid, competition, policy, trainer, epoch, ledger, outcomes, weighed, neurons, receipt } = parameters;
  const { baselineLossNatsPerToken } = parameters;
  const { pointers } = epoch;
  const registered = new Set(neurons.map(({ hotkey }) => hotkey));
  const weights = new Map(weighed.weights.map(({ hotkey, weight }) => [hotkey, weight]));
  const uidOf = (hotkey: string) => pointers.get(hotkey)?.uid ?? null;
  const entries = [...outcomes].map(([hotkey, outcome]): EpochEntry => {
    const { uid, text, submission } = pointers.get(hotkey)!;
    const showing = submission.ok ? ledger.showing(hotkey, submission.value.pointer) : undefined;
    const leftOut = showing?.judgement?.leftOut;
    const entry = {
      uid,
      hotkey,
      pointer: text,
      rows: showing?.rows ?? null,
      leftOut: leftOut ? evidenceOf(leftOut, uidOf) : null,
      outcome,
      score: weighed.scores.get(hotkey) ?? null,
      weight: weights.get(hotkey) ?? 0,
    };
    const others = weighed.scores.size - (weighed.scores.has(hotkey) ? 1 : 0);
    const rivals = others + (baselineLossNatsPerToken === null ? 0 : 1);
    const why = registered.has(hotkey)
      ? explain(entry, policy, { rivals, isSent: receipt !== null, baselineLossNatsPerToken })
      : 'left the subnet before the weights were sent';
    const seen = outcome.kind === 'scored' && leftOut ? leftOutText(leftOut, uidOf) : '';
    return { ...entry, why: seen ? `${why}; ${seen}` : why };
  });
  entries.sort((a, b) => b.weight - a.weight || (b.score ?? -1) - (a.score ?? -1) || a.uid - b.uid);
  const { epochSeed, startBlock, seedBlock, history } = epoch;
  const { backend, precision, weightStorage, baseSha256 } = trainer;
  const facts = { backend, precision, weightStorage, baseSha256 };
  return {
    netuid,
    competition,
    policy: { name: policy.name, parameters: policy.parameters },
    epochSeed,
    startBlock,
    seedBlock,
    ledger: { sinceBlock: history.sinceBlock, ledgerFrom: history.ledgerFrom },
    trainer: facts,
    baselineLossNatsPerToken,
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

interface Comparison {
  /** The base model among them. */
  rivals: number;
  isSent: boolean;
  baselineLossNatsPerToken: number | null;
}

function explain(
  { outcome, score }: Pick<EpochEntry, 'outcome' | 'score'>,
  policy: Policy,
  { rivals, isSent, baselineLossNatsPerToken }: Comparison,
): string {
  if (outcome.kind === 'rejected') return outcome.verdict.message;
  if (outcome.kind === 'postponed')
    return `keeps its weight${isSent ? '' : ' (none were sent)'} and is evaluated again: ${outcome.message}`;
  const { lossNatsPerToken } = outcome;
  try {
    return decide(policy, 'explain', { lossNatsPerToken, score, rivals, baselineLossNatsPerToken });
  } catch (error) {
    // The weights are sent already: what is missing is a sentence.
    if (!isCode(error, 'policy-failed')) throw error;
    return `loss ${lossNatsPerToken.toFixed(4)}; ${error.what}`;
  }
}
