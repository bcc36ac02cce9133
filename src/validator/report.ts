import type { WeightsReceipt } from '../chain/weights/weight-setter.ts';
import { isCode } from '../errors/flock-off-error.ts';
import type { ComputeWeightsReturnType } from '../policy/compute-weights.ts';
import { decide } from '../policy/decide.ts';
import type { Policy } from '../policy/policy.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import type { DrawnEpoch } from './draw.ts';
import type { EpochEntry, EpochReport } from './epoch-report.ts';
import type { RowLossHint } from './hints.ts';
import type { LeftOut } from './ledger/showing.ts';
import { evidenceOf, leftOutText } from './left-out.ts';
import type { Outcome } from './outcome.ts';
import type { Blend } from './shares/blend.ts';
import type { StateHistory } from './state-store.ts';

export interface WriteReportParameters {
  netuid: number;
  competition: string;
  policy: Policy;
  trainer: TrainerFacts;
  epoch: Pick<DrawnEpoch, 'pointers' | 'epochSeed' | 'startBlock' | 'seedBlock'> & {
    history: Pick<StateHistory, 'sinceBlock' | 'ledgerFrom'>;
  };
  /** What was read of a hotkey's dataset, and what of that is left out. */
  datasetOf: (hotkey: string) => { rows: number; leftOut: LeftOut | null } | undefined;
  outcomes: ReadonlyMap<string, Outcome>;
  weighed: Pick<ComputeWeightsReturnType, 'weights' | 'scores'>;
  baselineLossNatsPerToken: number | null;
  /** Everybody registered when the weights were computed. */
  neurons: { hotkey: string }[];
  hints: RowLossHint[];
  receipt: WeightsReceipt | null;
  /** What was sent of several competitions; `undefined` where only this one is played. */
  blend?: Blend;
}

export function writeReport(parameters: WriteReportParameters): EpochReport {
  const { netuid, competition, policy, trainer, epoch, datasetOf, outcomes, weighed, neurons, receipt } = parameters;
  const { baselineLossNatsPerToken, hints, blend } = parameters;
  const { pointers } = epoch;
  const registered = new Set(neurons.map(({ hotkey }) => hotkey));
  const weights = new Map(weighed.weights.map(({ hotkey, weight }) => [hotkey, weight]));
  const uidOf = (hotkey: string) => pointers.get(hotkey)?.uid ?? null;
  const entries = [...outcomes].map(([hotkey, outcome]): EpochEntry => {
    const { uid, text } = pointers.get(hotkey)!;
    const { rows = null, leftOut = null } = datasetOf(hotkey) ?? {};
    const entry = {
      uid,
      hotkey,
      pointer: text,
      rows,
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
    hints,
    receipt,
    notSent: receipt ? null : (waitsForOthers(blend) ?? whyNotSent(entries)),
    ...(blend && { share: blend.parts.find((part) => part.competition === competition)?.share ?? 0 }),
  };
}

/** A competition that has never come to any weights has a share that is nobody else's. */
function waitsForOthers(blend: Blend | undefined): string | null {
  const unknown = blend?.parts.filter(({ from }) => from === 'unknown') ?? [];
  if (unknown.length === 0) return null;
  const ids = unknown.map(({ competition }) => competition).join(', ');
  return `no weights were sent, those set before stand: competition ${ids} could not be evaluated yet`;
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
