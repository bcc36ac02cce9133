import { join, resolve } from 'node:path';
import {
  type Dataset,
  type DatasetStore,
  FlockOffError,
  type FoundedCompetition,
  fetchEvaluation,
  loadEvaluationSet,
  type OutageWait,
  waitUntilAvailable,
} from 'flock-off';
import { TINY_BASE, TINY_EVAL_DATA } from 'flock-off/local';

export interface OpenEvaluationSetParameters {
  /** Whose set it is; `null`: that of `folder`. */
  founded: FoundedCompetition | null;
  /** Where the set of a founded competition comes from, and lies from then on. */
  datasets: DatasetStore;
  cacheDir: string;
  onWait?: (wait: OutageWait) => void;
  /** Folder with a `data.jsonl`. Default: the bundled one. */
  folder?: string;
  /** What the losses will be measured of. */
  baseModel: string;
  signal?: AbortSignal;
}

/**
 * The rows on which every dataset's loss is measured.
 * @throws FlockOffError `bad-argument` for the bundled ones with any but the tiny base model: such losses would rank
 *   datasets by a toy, and real weights would follow from them. `disk` when the file cannot be read. `bad-competition` for a founded
 *   competition whose set is not the one that was signed.
 */
export async function openEvaluationSet(parameters: OpenEvaluationSetParameters): Promise<Dataset> {
  const { founded, datasets, cacheDir, folder, baseModel, onWait, signal } = parameters;
  if (founded !== null) {
    const fetching = () => fetchEvaluation({ founded, datasets, cacheDir, signal });
    return waitUntilAvailable({ attempt: fetching, onWait, signal });
  }
  const load = (from: string) => loadEvaluationSet({ path: join(from, 'data.jsonl'), signal });
  const bundled = await load(TINY_EVAL_DATA);
  const evaluation = folder === undefined ? bundled : await load(folder);
  if (evaluation.sha256 !== bundled.sha256 || resolve(baseModel) === resolve(TINY_BASE)) return evaluation;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the bundled evaluation set was made for the tiny base model and says nothing about ${baseModel}`,
    fix: "pass the folder of your competition's data.jsonl with --eval_data_dir; to try things out, --local uses the tiny base model",
    facts: { name: 'baseModel', value: baseModel },
  });
}
