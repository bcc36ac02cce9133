import { FlockOffError } from '../errors/flock-off-error.ts';
import { Competition } from '../schema/competition.ts';
import { type CheckDatasetParameters, checkDataset, type Dataset } from './check.ts';

/**
 * Reads a dataset that is known to be good, such as one checked before. What would be a verdict on a miner's file is
 * our fault here.
 * @throws FlockOffError `disk` when the file cannot be read or is not what it was.
 */
export async function loadRows({ path, competition, signal }: CheckDatasetParameters): Promise<Dataset> {
  const dataset = await checkDataset({ path, competition, signal });
  if (dataset.ok) return dataset.value;
  const { verdict } = dataset;
  throw new FlockOffError({
    code: 'disk',
    what: `${path} is not a usable dataset: ${verdict.message}`,
    fix: 'restore the file, or remove it so that it is fetched again',
    facts: { path, problemCount: verdict.reason === 'invalid-rows' ? verdict.facts?.problemCount : undefined },
  });
}

/**
 * The fixed evaluation set: the same format as every dataset.
 * @example
 * const { rows, sha256 } = await loadEvaluationSet({ path: 'eval/data.jsonl' });
 */
export async function loadEvaluationSet({ path, signal }: { path: string; signal?: AbortSignal }): Promise<Dataset> {
  return loadRows({ path, competition: Competition.parse({ minRows: 1 }), signal });
}
