import { findDuplicates } from '../dataset/duplicates.ts';
import type { Metagraph } from '../schema/metagraph.ts';
import { type Verdict } from '../schema/verdict.ts';
import { computeWeights } from '../scoring/compute-weights.ts';
import { drawMiners } from './draw.ts';
import { type FetchedDataset, fetchDataset } from './fetch-dataset.ts';
import { postponeOnFault } from './postpone.ts';
import { readPointers } from './pointers.ts';
import { type EpochReport, type Outcome, writeReport } from './report.ts';
import { scoreDataset } from './score-dataset.ts';
import type { Validator } from './validator.ts';

/**
 * One epoch by the rules of the competition: read the pointers, draw miners, download, reject copies, train and
 * evaluate, compare, weigh, and set the weights near the end of the subnet's epoch. What is finished is stored at once,
 * so calling it again after any failure goes on with the same draw and never trains twice.
 *
 * @throws FlockOffError for faults of the chain, the device or the disk. A fault of the hub postpones the one miner.
 */
export async function runEpoch(validator: Validator, { signal }: RunEpochParameters = {}): Promise<EpochReport> {
  const { netuid, competition, subtensor, metadata, weightSetter, state } = validator;
  const outcomes = new Map<string, Outcome>();

  const metagraph = await subtensor.metagraph(netuid);
  const pointers = readPointers(metagraph, await metadata.readAll(), competition);
  const epoch = await drawMiners(validator, metagraph, pointers);

  const datasets: FetchedDataset[] = [];
  for (const submission of epoch.drawn) {
    const dataset = await postponeOnFault(() => fetchDataset(validator, submission, signal));
    if (dataset.kind === 'ready') datasets.push(dataset.value);
    else outcomes.set(submission.hotkey, dataset);
  }

  for (const [hotkey, verdict] of await findCopies(validator, datasets, pointers)) outcomes.set(hotkey, { kind: 'rejected', verdict });

  for (const dataset of datasets.filter(({ submission }) => !outcomes.has(submission.hotkey))) {
    outcomes.set(dataset.submission.hotkey, await scoreDataset(validator, dataset, epoch.epochSeed, signal));
  }

  const weighed = computeWeights({ outcomes, previous: await state.weights(), neurons: metagraph.neurons });

  await waitForEndOfEpoch(validator, signal);
  const receipt = await weightSetter.set(weighed.weights, { signal });
  await state.finishEpoch(weighed.averages);
  return writeReport({ validator, epoch, pointers, datasets, outcomes, weighed, receipt });
}

export interface RunEpochParameters {
  signal?: AbortSignal;
}

/** Weights are sent late in the subnet's epoch, so that they rest on the freshest chain state and can be copied least. */
async function waitForEndOfEpoch({ subtensor, netuid, blockThreshold, onEvent }: Validator, signal?: AbortSignal): Promise<void> {
  const { block, nextEpochBlock } = await subtensor.metagraph(netuid);
  const untilBlock = nextEpochBlock - blockThreshold;
  if (block >= untilBlock) return;
  onEvent?.({ kind: 'waiting', block, untilBlock });
  await subtensor.waitForBlock(untilBlock, { signal });
}
