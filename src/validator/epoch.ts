import { computeWeights } from '../scoring/compute-weights.ts';
import { drawMiners, finishEpoch } from './draw.ts';
import { type FetchedDataset, fetchDataset } from './fetch-dataset.ts';
import { findCopies } from './find-copies.ts';
import { readPointers } from './pointers.ts';
import { postponeOnFault } from './postpone.ts';
import { type EpochReport, type Outcome, writeReport } from './report.ts';
import { scoreDataset } from './score-dataset.ts';
import type { Validator } from './validator.ts';

export interface RunEpochParameters {
  signal?: AbortSignal;
}

/**
 * One epoch by the rules of the competition: read the pointers, draw miners, download, reject copies, train and
 * evaluate, compare, weigh, and set the weights near the end of the subnet's epoch. What is finished is stored at once,
 * so calling it again after any failure goes on with the same draw and never trains twice.
 *
 * @throws FlockOffError for faults of the chain, the device or the disk. A fault of the hub postpones the one miner.
 */
export async function runEpoch(validator: Validator, { signal }: RunEpochParameters = {}): Promise<EpochReport> {
  const { netuid, competition, subtensor, metadata, weightSetter, state, onEvent } = validator;
  const outcomes = new Map<string, Outcome>();
  const settle = (uid: number, hotkey: string, outcome: Outcome) => {
    outcomes.set(hotkey, outcome);
    onEvent?.({ kind: 'settled', uid, outcome });
  };

  const metagraph = await subtensor.metagraph(netuid, signal);
  const pointers = readPointers(metagraph, await metadata.readAll(), competition);
  for (const { uid, hotkey, submission } of pointers.values()) {
    if (!submission.ok) settle(uid, hotkey, { kind: 'rejected', verdict: submission.verdict });
  }

  const epoch = await drawMiners(validator, metagraph, pointers);
  const datasets: FetchedDataset[] = [];
  for (const submission of epoch.drawn) {
    const dataset = await postponeOnFault(() => fetchDataset(validator, submission, signal));
    if (dataset.kind === 'ready') datasets.push(dataset.value);
    else settle(submission.uid, submission.hotkey, dataset);
  }

  const copies = await findCopies(validator, datasets, pointers);
  for (const [hotkey, verdict] of copies) settle(pointers.get(hotkey)!.uid, hotkey, { kind: 'rejected', verdict });

  for (const dataset of datasets.filter(({ submission }) => !copies.has(submission.hotkey))) {
    const { uid, hotkey } = dataset.submission;
    settle(uid, hotkey, await scoreDataset(validator, dataset, epoch.epochSeed, signal));
  }

  const weighed = computeWeights({
    scored: epoch.drawn.flatMap((submission) => {
      const outcome = outcomes.get(submission.hotkey);
      return outcome?.kind === 'scored' ? { ...submission, lossNatsPerToken: outcome.lossNatsPerToken } : [];
    }),
    rejected: new Set([...outcomes].flatMap(([hotkey, { kind }]) => (kind === 'rejected' ? hotkey : []))),
    previous: await state.weights(),
    neurons: metagraph.neurons,
  });

  await waitForEndOfEpoch(validator, signal);
  const receipt = weighed.weights.length > 0 ? await weightSetter.set(weighed.weights, { signal }) : null;
  const postponed = [...outcomes].flatMap(([hotkey, { kind }]) => (kind === 'postponed' ? hotkey : []));
  await finishEpoch(validator, weighed.averages, postponed);
  return writeReport({ netuid, competition: competition.id, epoch, pointers, datasets, outcomes, weighed, receipt });
}

/** Weights are sent late in the subnet's epoch: they rest on the freshest state, and can be copied least. */
async function waitForEndOfEpoch(
  { subtensor, netuid, blockThreshold, onEvent }: Validator,
  signal?: AbortSignal,
): Promise<void> {
  const { block, nextEpochBlock } = await subtensor.metagraph(netuid, signal);
  const untilBlock = nextEpochBlock - blockThreshold;
  if (block >= untilBlock || !Number.isFinite(untilBlock)) return;
  onEvent?.({ kind: 'waiting', block, untilBlock });
  await subtensor.waitForBlock(untilBlock, { signal });
}
