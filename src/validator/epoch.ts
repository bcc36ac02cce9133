import type { WeightsReceipt } from '../chain/weights/weight-setter.ts';
import type { UsedSets } from '../evaluation-sets/used-sets.ts';
import type { ComputeWeightsReturnType } from '../policy/compute-weights.ts';
import type { Metagraph } from '../schema/metagraph.ts';
import type { Verdict } from '../schema/verdict.ts';
import { safeLogger } from '../shared/logger.ts';
import { timed } from '../shared/timed.ts';
import { forgetClaims, noteEvaluations } from './claims.ts';
import { commonRowsVerdicts } from './common-rows.ts';
import { type DrawnEpoch, drawMiners, finishEpoch } from './draw.ts';
import { openEpochEvaluation } from './epoch-evaluation.ts';
import type { EpochReport } from './epoch-report.ts';
import type { FetchedDataset } from './fetch-dataset.ts';
import { Ledger } from './ledger/ledger.ts';
import { leftOutVerdicts, ownRowsOf } from './left-out.ts';
import { type Outcome, outcomeText } from './outcome.ts';
import { intakeOf } from './policy.ts';
import { readPositions } from './positions.ts';
import { prune } from './prune.ts';
import { countsFrom, readDatasets } from './read-datasets.ts';
import { updateReadability } from './readability.ts';
import { datasetsOf, hintsOf, leaveReceipt } from './receipts/leave-receipt.ts';
import type { ReceiptDataset } from './receipts/receipt.ts';
import { writeReport } from './report.ts';
import { type ScoreContestantsReturnType, scoreContestants } from './score-contestants.ts';
import { servedBy } from './served-by.ts';
import type { SentBlend } from './shares/blend.ts';
import { type Served, type Standings, storedAverages } from './standing.ts';
import type { Validator } from './validator.ts';
import type { IsLate } from './watch-late.ts';
import { weighEpoch } from './weigh-epoch.ts';
import { judgeRows } from './whose-rows.ts';

export interface RunEpochParameters {
  validator: Validator;
  /** Whether it was seen that a dataset came too late for the date of its pointer. Default: as far as epochs saw it. */
  isLate?: IsLate;
  signal?: AbortSignal;
}

/**
 * One epoch by the rules of the competition: read the pointers as of the block it begins with, draw miners, download, find
 * out whose the rows are, train on each miner's own and evaluate, compare with each other and with the base model, weigh,
 * and set the weights near the end of the subnet's epoch. What is finished is stored at once, so calling it again after
 * any failure goes on with the same draw and never trains twice.
 *
 * @throws FlockOffError for faults of the chain, the disk, or a device that trains nothing. A fault of the hub, or of
 *   training on one dataset among others, postpones the one miner.
 * @example
 * const { entries, notSent } = await runEpoch({ validator });
 * for (const { uid, why } of entries) console.log(uid, why);
 */
export async function runEpoch(parameters: RunEpochParameters): Promise<EpochReport> {
  const { validator, signal } = parameters;
  const scored = await scoreEpoch(parameters);
  const end = await waitForEndOfEpoch(validator, signal);
  const weighed = weighScored(scored, end);
  const { weights, action } = weighed.weighed;
  const receipt = action === 'keep' ? null : await validator.weightSetter.set({ weights, signal });
  return closeEpoch(weighed, receipt);
}

/** An epoch whose miners are scored, refused or postponed, before anything follows from it. */
export interface ScoredEpoch extends ScoreContestantsReturnType {
  /** With the evaluation set of the epoch. */
  validator: Validator;
  epoch: DrawnEpoch;
  ledger: Ledger;
  /** What everybody had reached before it. */
  standings: Standings;
  /** By hotkey. */
  outcomes: Map<string, Outcome>;
  settle: (hotkey: string, outcome: Outcome) => void;
  served: Served;
  hidden: ReadonlySet<string>;
  sets: UsedSets | null;
  /** When it, or its last part, began: `performance.now()`. */
  begunMs: number;
}

interface ScoreEpochParameters extends RunEpochParameters {
  /** Whether the next epoch is waited for where none can be begun now; else `NotDue` is thrown. Default true. */
  waits?: boolean;
  /** Called, and waited for, once the evaluation set is there, before datasets are compared. */
  onOpened?: () => Promise<void>;
}

/** The first part of an epoch, up to the losses. */
export async function scoreEpoch(parameters: ScoreEpochParameters): Promise<ScoredEpoch> {
  const { validator: given, isLate, signal, waits, onOpened } = parameters;
  let validator = given;
  const { competition, state, onEvent } = validator;
  const logger = safeLogger(validator.logger);
  const begunMs = performance.now();
  const outcomes = new Map<string, Outcome>();
  const settle = (hotkey: string, outcome: Outcome) => {
    outcomes.set(hotkey, outcome);
    logger.debug(`uid ${pointers.get(hotkey)!.uid}: ${outcomeText(outcome)}`);
    onEvent?.({ kind: 'settled', uid: pointers.get(hotkey)!.uid, outcome });
  };
  const refuse = (hotkey: string, verdict: Verdict) => settle(hotkey, { kind: 'rejected', verdict });

  const standings = await state.standings();
  const epoch = await drawMiners(validator, standings, signal, { waits });
  const { pointers, neurons, commitments } = epoch;
  for (const { hotkey, submission } of pointers.values()) if (!submission.ok) refuse(hotkey, submission.verdict);

  const ledger = new Ledger(await state.ledger());
  const now = { ledger, pointers, block: epoch.startBlock };
  const withShare = Object.entries(storedAverages(standings)).flatMap(([hotkey, share]) => (share > 0 ? hotkey : []));
  const earlierOf = new Set(intakeOf(validator).watchEarlier ? withShare : []);
  const positions = await readPositions(validator, { ...now, commitments, signal });
  const read = await readDatasets(validator, { ...now, positions, drawn: epoch.hotkeys, isLate, signal });
  for (const [hotkey, outcome] of read.outcomes) settle(hotkey, outcome);

  const { seenReadable } = read;
  const { verdicts: closed, hidden } = await updateReadability(validator, { ...now, seenReadable, earlierOf, signal });
  for (const [hotkey, verdict] of closed) refuse(hotkey, verdict);
  // Its set may open a day later: what nobody could read now must not count as read in time when the epoch is taken up then.
  await state.putLedger(ledger.takeChanges());
  const measuring = await openEpochEvaluation(validator, epoch, signal);
  validator = { ...validator, evaluation: measuring.evaluation };
  await onOpened?.();
  await timed(logger, 'finding out whose the rows are', () => judgeRows(validator, { ...now, neurons, signal }));
  await state.putLedger(ledger.takeChanges());
  const rules = { ...competition, ...intakeOf(validator) };
  const copies = await commonRowsVerdicts(rules, validator, { ...now, signal });
  for (const [hotkey, verdict] of [...leftOutVerdicts(rules, ledger, pointers), ...copies])
    if (outcomes.get(hotkey)?.kind !== 'rejected') refuse(hotkey, verdict);
  // Too few rows without those of this epoch's set: the fault of whoever made the set, so it costs nothing.
  const tooFew = leftOutVerdicts({ ...rules, evaluationSets: undefined }, ledger, pointers);
  for (const { hotkey } of read.datasets.map(({ submission }) => submission))
    if (tooFew.has(hotkey) && !outcomes.has(hotkey))
      settle(hotkey, { kind: 'postponed', by: 'validator', message: tooFew.get(hotkey)!.message });

  const contestants = read.datasets.filter(({ submission }) => !outcomes.has(submission.hotkey));
  onEvent?.({ kind: 'scoring', uids: contestants.map(({ submission }) => submission.uid) });
  const work = { ...now, contestants, settle, seed: epoch.epochSeed, closed: measuring.closed, signal };
  const scored = await scoreContestants(validator, work);
  inOrder(outcomes, contestants);
  const served = await servedBy(validator, read.datasets, outcomes, signal);
  const { sets } = measuring;
  return { ...scored, validator, epoch, ledger, standings, outcomes, settle, served, hidden, sets, begunMs };
}

/** A scored epoch with the weights that follow from it, not sent yet. */
export interface WeighedEpoch {
  scored: ScoredEpoch;
  weighed: ComputeWeightsReturnType;
  /** What everybody has reached after it. */
  standings: Standings;
  /** The subnet as the weights were computed with it. */
  end: Metagraph;
  /** What the epoch itself found: the outcomes have verdicts of earlier ones, too. */
  found: ReadonlyMap<string, Outcome>;
  /** Datasets as they were then: what the epoch found changes claims afterwards. */
  shown: Map<string, ReceiptDataset>;
}

/**
 * The second part: what the losses come to.
 * @param portion that its weights were of all on the chain when the epoch began, above 0..1. Default 1.
 */
export function weighScored(scored: ScoredEpoch, end: Metagraph, portion?: number): WeighedEpoch {
  const { validator, epoch, ledger, outcomes, settle, standings, served, hidden } = scored;
  const { context, pointers, drawn, neurons } = epoch;
  const found = new Map(outcomes);
  const { weighed, standing, ...next } = weighEpoch({
    ...{ context, pointers, drawn, neurons, endNeurons: end.neurons, portion },
    ...{ outcomes: found, standings, served, hidden },
    ownRowsOf: (hotkey) => ownRowsOf(ledger, pointers.get(hotkey)),
    countsFrom: (submission) => countsFrom(ledger, submission),
    baselineLossNatsPerToken: scored.baseline?.lossNatsPerToken ?? null,
    evaluationSha256: validator.evaluation.sha256,
  });
  for (const [hotkey, verdict] of standing) settle(hotkey, { kind: 'rejected', verdict });
  const shown = datasetsOf({ epoch, ledger, found });
  safeLogger(validator.logger).debug(`weights in block ${end.block}: ${weightsText(weighed.weights)}`);
  return { scored, weighed, ...next, end, found, shown };
}

/** A weighed epoch as it was before: verdicts of earlier epochs that stand are no outcomes of this one. */
export function unweighed({ scored, found }: WeighedEpoch): ScoredEpoch {
  scored.outcomes.clear();
  for (const [hotkey, outcome] of found) scored.outcomes.set(hotkey, outcome);
  return scored;
}

/**
 * The last part, once the weights are sent, or are not to be: leaves the report and stores what the epoch came to.
 * @param blend of the weights of several competitions, where these are part of one.
 */
export async function closeEpoch(
  { scored, weighed, standings, end, found, shown }: WeighedEpoch,
  receipt: WeightsReceipt | null,
  blend?: SentBlend,
): Promise<EpochReport> {
  const { validator, epoch, ledger, outcomes, measured, baseline, begunMs } = scored;
  const { netuid, competition, trainer, evaluation, onEvent } = validator;
  const { pointers, context } = epoch;
  const logger = safeLogger(validator.logger);
  const now = { ledger, pointers, block: epoch.startBlock };
  noteEvaluations(validator, now, { outcomes, worthless: weighed.worthless });
  forgetClaims(validator, now);
  const postponed = [...outcomes].flatMap(([hotkey, { kind }]) => (kind === 'postponed' ? hotkey : []));
  const report = writeReport({
    ...{ netuid, competition: competition.id, policy: context.policy, trainer, epoch, outcomes, weighed, receipt },
    datasetOf: (hotkey) => shown.get(hotkey),
    baselineLossNatsPerToken: baseline?.lossNatsPerToken ?? null,
    neurons: end.neurons,
    hints: hintsOf({
      ...{ measured, pointers, evaluationRows: evaluation.rows.length },
      baselineRowLosses: baseline?.rowLosses ?? null,
    }),
    blend,
  });
  const { served, hidden, sets } = scored;
  const inputs = { epoch, datasets: shown, standings: scored.standings, served, hidden, found, measured, baseline };
  await leaveReceipt(validator, { report, ...inputs, end, weighed, begunMs, sets, blend });
  await finishEpoch(validator, epoch, {
    ...{ standings, ledger: ledger.takeChanges(), postponed },
    memory: { policy: context.policy.name, value: weighed.memory },
  });
  await timed(logger, 'removing what is not needed any more', () => prune(validator, end, pointers, ledger));
  if (report.notSent !== null) logger.warn(report.notSent);
  onEvent?.({ kind: 'finished', report, subnet: end, durationMs: performance.now() - begunMs });
  return report;
}

/** In the order of the draw, in whichever they were done. */
function inOrder(outcomes: Map<string, Outcome>, contestants: FetchedDataset[]): void {
  for (const { submission } of contestants) {
    const outcome = outcomes.get(submission.hotkey);
    outcomes.delete(submission.hotkey);
    if (outcome) outcomes.set(submission.hotkey, outcome);
  }
}

/**
 * Weights are sent late in the subnet's epoch: they rest on the freshest state, and can be copied least. Returns the
 * metagraph of then: who registered or left meanwhile counts as it is when the weights are sent.
 */
export async function waitForEndOfEpoch(
  { subtensor, netuid, blockThreshold, onEvent }: Validator,
  signal?: AbortSignal,
): Promise<Metagraph> {
  const { block, nextEpochBlock } = await subtensor.epoch({ netuid, signal });
  const untilBlock = nextEpochBlock - blockThreshold;
  if (block < untilBlock && Number.isFinite(untilBlock)) {
    onEvent?.({ kind: 'waiting', block, untilBlock });
    await subtensor.waitForBlock({ block: untilBlock, signal });
  }
  return subtensor.metagraph({ netuid, signal });
}

function weightsText(weights: { uid: number; weight: number }[]): string {
  return weights.map(({ uid, weight }) => `uid ${uid} ${weight.toPrecision(4)}`).join(', ') || 'none';
}
