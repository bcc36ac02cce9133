import { FlockOffError } from '../errors/flock-off-error.ts';
import { computeWeights } from '../policy/compute-weights.ts';
import type { Metagraph } from '../schema/metagraph.ts';
import type { Verdict } from '../schema/verdict.ts';
import { safeLogger } from '../shared/logger.ts';
import { timed } from '../shared/timed.ts';
import { forgetClaims, noteEvaluations, updateReadability } from './claims.ts';
import { commonRowsVerdicts } from './common-rows.ts';
import { checkerWorks, trainerWorks } from './device-works.ts';
import { drawMiners, finishEpoch } from './draw.ts';
import type { FetchedDataset } from './fetch-dataset.ts';
import { hubServes } from './hub-serves.ts';
import { Ledger } from './ledger/ledger.ts';
import { keptRows, leftOutVerdicts, ownRowsOf } from './left-out.ts';
import { type Outcome, outcomeText, type Postponed } from './outcome.ts';
import type { ReadPointer } from './pointers.ts';
import { intakeOf } from './policy.ts';
import { readPositions } from './positions.ts';
import { postponeOnFault, type Step } from './postpone.ts';
import { prune } from './prune.ts';
import { countsFrom, readDatasets } from './read-datasets.ts';
import { noteRenewedRows } from './renewed-rows.ts';
import { type EpochReport, writeReport } from './report.ts';
import { scoreBaseline } from './score-baseline.ts';
import { scoreDataset } from './score-dataset.ts';
import { averagesOf, nextStandings, type Served, standingVerdicts } from './standing.ts';
import type { EpochStart } from './state-store.ts';
import type { Validator } from './validator.ts';
import type { IsLate } from './watch-late.ts';
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
 */
export async function runEpoch({ validator, isLate, signal }: RunEpochParameters): Promise<EpochReport> {
  const { netuid, competition, weightSetter, state, onEvent } = validator;
  const logger = safeLogger(validator.logger);
  const outcomes = new Map<string, Outcome>();
  const settle = (hotkey: string, outcome: Outcome) => {
    outcomes.set(hotkey, outcome);
    logger.debug(`uid ${pointers.get(hotkey)!.uid}: ${outcomeText(outcome)}`);
    onEvent?.({ kind: 'settled', uid: pointers.get(hotkey)!.uid, outcome });
  };
  const refuse = (hotkey: string, verdict: Verdict) => settle(hotkey, { kind: 'rejected', verdict });

  const standings = await state.standings();
  const epoch = await drawMiners(validator, standings, signal);
  const { pointers, neurons, commitments, context } = epoch;
  for (const { hotkey, submission } of pointers.values()) if (!submission.ok) refuse(hotkey, submission.verdict);

  const ledger = new Ledger(await state.ledger());
  const now = { ledger, pointers, block: epoch.startBlock };
  const positions = await readPositions(validator, { ...now, commitments, signal });
  const read = await readDatasets(validator, { ...now, positions, drawn: epoch.hotkeys, isLate, signal });
  for (const [hotkey, outcome] of read.outcomes) settle(hotkey, outcome);

  for (const [hotkey, verdict] of await updateReadability(validator, { ...now, signal })) refuse(hotkey, verdict);
  await noteRenewedRows(validator, { ...now, neurons, signal });
  await timed(logger, 'finding out whose the rows are', () => judgeRows(validator, { ...now, neurons, signal }));
  await state.putLedger(ledger.takeChanges());
  const rules = { ...competition, ...intakeOf(validator) };
  const copies = await commonRowsVerdicts(rules, validator.state, now);
  for (const [hotkey, verdict] of [...leftOutVerdicts(rules, ledger, pointers), ...copies])
    if (outcomes.get(hotkey)?.kind !== 'rejected') refuse(hotkey, verdict);

  const work = { ...now, ...read, outcomes, settle, seed: epoch.epochSeed, signal };
  const { baselineLossNatsPerToken, served, end } = await scoreUntilEnd(validator, work);
  const rows = { ownRowsOf: (hotkey: string) => ownRowsOf(ledger, pointers.get(hotkey)) };
  for (const [hotkey, verdict] of standingVerdicts({ pointers, outcomes, standings, ...rows })) refuse(hotkey, verdict);

  const rejected = new Set([...outcomes].flatMap(([hotkey, { kind }]) => (kind === 'rejected' ? hotkey : [])));
  const weighed = computeWeights({
    ...context,
    scored: epoch.drawn.flatMap((submission) => {
      const outcome = outcomes.get(submission.hotkey);
      if (outcome?.kind !== 'scored') return [];
      const commitBlock = countsFrom(ledger, submission);
      return { ...submission, commitBlock, lossNatsPerToken: outcome.lossNatsPerToken };
    }),
    baselineLossNatsPerToken,
    rejected,
    previous: averagesOf({ outcomes, standings, served }),
    unjudged: unjudged(pointers, outcomes),
    neurons: withConsensusOf(neurons, end),
  });
  logger.debug(`weights in block ${end.block}: ${weightsText(weighed.weights)}`);
  const receipt = weighed.action === 'keep' ? null : await weightSetter.set({ weights: weighed.weights, signal });

  noteEvaluations(validator, now, { outcomes, worthless: weighed.worthless });
  forgetClaims(validator, now);
  await state.putLedger(ledger.takeChanges());
  const postponed = [...outcomes].flatMap(([hotkey, { kind }]) => (kind === 'postponed' ? hotkey : []));
  const { averages, memory } = weighed;
  const next = nextStandings({ pointers, outcomes, standings, served, averages, neurons: end.neurons, ...rows });
  await finishEpoch(validator, epoch, {
    standings: next,
    postponed,
    memory: { policy: context.policy.name, value: memory },
  });
  await timed(logger, 'removing what is not needed any more', () => prune(validator, end, pointers, ledger));
  const report = writeReport({
    netuid,
    competition: competition.id,
    policy: context.policy,
    trainer: validator.trainer,
    epoch,
    ledger,
    outcomes,
    weighed,
    baselineLossNatsPerToken,
    neurons: end.neurons,
    receipt,
  });
  if (report.notSent !== null) logger.warn(report.notSent);
  return report;
}

interface ScoreParameters {
  ledger: Ledger;
  /** Of the drawn miners. */
  datasets: FetchedDataset[];
  /** So far: those that are refused are not trained on. */
  outcomes: Map<string, Outcome>;
  settle: (hotkey: string, outcome: Outcome) => void;
  seed: number;
  block: number;
  signal?: AbortSignal;
}

interface ScoredEpoch {
  baselineLossNatsPerToken: number | null;
  served: Served;
  /** The subnet when it is time for the weights. */
  end: Metagraph;
}

/** Trains on each drawn miner's own rows, and waits until it is time for the weights. */
async function scoreUntilEnd(validator: Validator, parameters: ScoreParameters): Promise<ScoredEpoch> {
  const { ledger, datasets, outcomes, settle, seed, block, signal } = parameters;
  const contestants = datasets.filter(({ submission }) => !outcomes.has(submission.hotkey));
  const baselineLossNatsPerToken = contestants.length > 0 ? await scoreBaseline(validator, signal) : null;
  for (const { submission, sha256 } of contestants) {
    const keep = keptRows(ledger.showing(submission.hotkey, submission.pointer));
    const loss: Step<number> =
      keep === null
        ? { kind: 'postponed', by: 'trainer', message: 'its rows could not be compared with those of others' }
        : await postponeOnFault(() => scoreDataset(validator, { submission, sha256, keep }, { seed, block, signal }));
    settle(submission.hotkey, loss.kind === 'ready' ? { kind: 'scored', lossNatsPerToken: loss.value } : loss);
  }
  const served = await servedBy(validator, datasets, outcomes, signal);
  return { baselineLossNatsPerToken, served, end: await waitForEndOfEpoch(validator, signal) };
}

/** Whose evaluation worked: tells one miner's broken dataset from an outage of ours, which the epoch waits for. */
async function servedBy(
  validator: Validator,
  datasets: FetchedDataset[],
  outcomes: Map<string, Outcome>,
  signal?: AbortSignal,
): Promise<Served> {
  const all = [...outcomes.values()];
  const isScored = all.some(({ kind }) => kind === 'scored');
  const failed = (by: 'checker' | 'trainer') =>
    all.find((outcome): outcome is Postponed => outcome.kind === 'postponed' && outcome.by === by);
  const trainer = isScored || (failed('trainer') !== undefined && (await trainerWorks(validator, signal)));
  const checker = failed('checker') !== undefined && (await checkerWorks(validator, signal));
  const broken = (trainer ? undefined : failed('trainer')) ?? (checker || isScored ? undefined : failed('checker'));
  if (broken) throw nothingWorks(broken);
  return { hub: await hubServes(validator, datasets, outcomes, signal), checker, trainer, miner: isScored };
}

/**
 * Who is registered when the weights are sent, with the consensus that every validator saw when the epoch began: by then
 * one of the others may have changed it, or not yet.
 */
function withConsensusOf(
  neurons: EpochStart['neurons'],
  end: Metagraph,
): { uid: number; hotkey: string; coldkey: string; consensus: number }[] {
  const consensus = new Map(neurons.map((neuron) => [neuron.hotkey, neuron.consensus]));
  return end.neurons.map(({ uid, hotkey, coldkey }) => ({
    ...{ uid, hotkey, coldkey },
    consensus: consensus.get(hotkey) ?? 0,
  }));
}

/** Who has a dataset that was neither scored nor refused. */
function unjudged(pointers: Map<string, ReadPointer>, outcomes: Map<string, Outcome>): Set<string> {
  const open = [...pointers.values()].filter(({ hotkey, submission }) => {
    const kind = outcomes.get(hotkey)?.kind;
    return submission.ok && kind !== 'scored' && kind !== 'rejected';
  });
  return new Set(open.map(({ hotkey }) => hotkey));
}

function nothingWorks({ by, message }: Postponed): FlockOffError {
  return new FlockOffError({
    code: by === 'checker' ? 'checker-failed' : 'trainer-failed',
    what: `not one dataset of this epoch could be ${by === 'checker' ? 'checked' : 'trained on'}: ${message.replace(/\.$/, '')}`,
    fix: 'the epoch goes on from here as soon as that works again',
    transient: true,
  });
}

/**
 * Weights are sent late in the subnet's epoch: they rest on the freshest state, and can be copied least. Returns the
 * metagraph of then: who registered or left meanwhile counts as it is when the weights are sent.
 */
async function waitForEndOfEpoch(
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
