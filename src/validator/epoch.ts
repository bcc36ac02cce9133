import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Metagraph } from '../schema/metagraph.ts';
import type { Verdict } from '../schema/verdict.ts';
import { computeWeights } from '../scoring/compute-weights.ts';
import { safeLogger } from '../shared/logger.ts';
import { timed } from '../shared/timed.ts';
import { drawMiners, finishEpoch } from './draw.ts';
import { type FetchedDataset, fetchDataset, rememberOthers } from './fetch-dataset.ts';
import { findCopies } from './find-copies.ts';
import { hubServes } from './hub-serves.ts';
import { type Outcome, outcomeText } from './outcome.ts';
import { type ReadPointer, readPointers } from './pointers.ts';
import { postponeOnFault } from './postpone.ts';
import { prune } from './prune.ts';
import { type EpochReport, writeReport } from './report.ts';
import { scoreDataset } from './score-dataset.ts';
import { averagesOf, nextStandings, standingVerdicts } from './standing.ts';
import type { Validator } from './validator.ts';

export interface RunEpochParameters {
  validator: Validator;
  signal?: AbortSignal;
}

/**
 * One epoch by the rules of the competition: read the pointers, draw miners, download, reject copies, train and
 * evaluate, compare, weigh, and set the weights near the end of the subnet's epoch. What is finished is stored at once,
 * so calling it again after any failure goes on with the same draw and never trains twice.
 *
 * @throws FlockOffError for faults of the chain, the disk, or a device that trains nothing. A fault of the hub, or of
 *   training on one dataset among others, postpones the one miner.
 */
export async function runEpoch({ validator, signal }: RunEpochParameters): Promise<EpochReport> {
  const { netuid, competition, metadata, weightSetter, state, onEvent } = validator;
  const logger = safeLogger(validator.logger);
  const outcomes = new Map<string, Outcome>();
  const settle = (hotkey: string, outcome: Outcome) => {
    outcomes.set(hotkey, outcome);
    logger.debug(`uid ${pointers.get(hotkey)!.uid}: ${outcomeText(outcome)}`);
    onEvent?.({ kind: 'settled', uid: pointers.get(hotkey)!.uid, outcome });
  };
  const refuse = (hotkey: string, verdict: Verdict) => settle(hotkey, { kind: 'rejected', verdict });

  const { metagraph: start, commitments } = await metadata.readSubnet({ signal });
  const pointers = readPointers(start, commitments, competition);
  logger.debug(`subnet ${netuid} in block ${start.block}: ${start.neurons.length} neurons, ${pointers.size} pointers`);
  for (const { hotkey, submission } of pointers.values()) if (!submission.ok) refuse(hotkey, submission.verdict);

  const standings = await state.standings();
  const epoch = await drawMiners(validator, start, pointers, standings);
  const datasets: FetchedDataset[] = [];
  for (const submission of epoch.drawn) {
    const dataset = await postponeOnFault(() => fetchDataset(validator, submission, signal));
    if (dataset.kind === 'ready') datasets.push(dataset.value);
    else settle(submission.hotkey, dataset);
  }

  const shown = await rememberOthers(validator, epoch, pointers, signal);
  const copies = await timed(logger, 'looking for copies', async () => findCopies(validator, pointers, shown));
  for (const [hotkey, verdict] of copies) refuse(hotkey, verdict);

  for (const dataset of datasets.filter(({ submission }) => !copies.has(submission.hotkey))) {
    const loss = await postponeOnFault(() => scoreDataset(validator, dataset, epoch.epochSeed, signal));
    settle(dataset.submission.hotkey, loss.kind === 'ready' ? { kind: 'scored', lossNatsPerToken: loss.value } : loss);
  }
  const served = { hub: await hubServes(validator, datasets, outcomes, signal), trainer: trainerWorks(outcomes) };
  for (const [hotkey, verdict] of standingVerdicts({ pointers, outcomes, standings, served })) refuse(hotkey, verdict);

  const rejected = new Set([...outcomes].flatMap(([hotkey, { kind }]) => (kind === 'rejected' ? hotkey : [])));
  const end = await waitForEndOfEpoch(validator, signal);
  const weighed = computeWeights({
    scored: epoch.drawn.flatMap((submission) => {
      const outcome = outcomes.get(submission.hotkey);
      return outcome?.kind === 'scored' ? { ...submission, lossNatsPerToken: outcome.lossNatsPerToken } : [];
    }),
    rejected,
    previous: averagesOf(standings),
    unjudged: unjudged(pointers, outcomes),
    neurons: end.neurons,
  });
  logger.debug(`weights in block ${end.block}: ${weightsText(weighed.weights)}`);
  const receipt = weighed.action === 'keep' ? null : await weightSetter.set({ weights: weighed.weights, signal });

  const postponed = [...outcomes].flatMap(([hotkey, { kind }]) => (kind === 'postponed' ? hotkey : []));
  const { averages } = weighed;
  const next = nextStandings({ pointers, outcomes, standings, served, averages, neurons: end.neurons });
  await finishEpoch(validator, next, postponed);
  await timed(logger, 'removing what is not needed any more', () => prune(validator, end, pointers));
  const { neurons } = end;
  const report = writeReport({
    netuid,
    competition: competition.id,
    trainer: validator.trainer,
    epoch,
    pointers,
    datasets,
    outcomes,
    weighed,
    neurons,
    receipt,
  });
  if (report.notSent !== null) logger.warn(report.notSent);
  return report;
}

/** Who has a dataset that was neither scored nor refused. */
function unjudged(pointers: Map<string, ReadPointer>, outcomes: Map<string, Outcome>): Set<string> {
  const open = [...pointers.values()].filter(({ hotkey, submission }) => {
    const kind = outcomes.get(hotkey)?.kind;
    return submission.ok && kind !== 'scored' && kind !== 'rejected';
  });
  return new Set(open.map(({ hotkey }) => hotkey));
}

/**
 * True when a dataset was scored. A trainer that fails on some datasets only may be overtaxed by them; one that fails on
 * all is broken, and the epoch waits for it.
 */
function trainerWorks(outcomes: Map<string, Outcome>): boolean {
  const all = [...outcomes.values()];
  if (all.some(({ kind }) => kind === 'scored')) return true;
  const failed = all.find((outcome) => outcome.kind === 'postponed' && outcome.by === 'trainer');
  if (failed?.kind !== 'postponed') return false;
  throw new FlockOffError({
    code: 'trainer-failed',
    what: `not one dataset of this epoch could be trained on: ${failed.message.replace(/\.$/, '')}`,
    fix: 'the epoch goes on from here as soon as training works again',
    transient: true,
  });
}

/**
 * Weights are sent late in the subnet's epoch: they rest on the freshest state, and can be copied least. Returns the
 * metagraph of then: who registered or left meanwhile, and the consensus, count as they are when the weights are sent.
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
