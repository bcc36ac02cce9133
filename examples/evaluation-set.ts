import { join, resolve } from 'node:path';
import { type Dataset, FlockOffError, loadEvaluationSet } from 'flock-off';
import { TINY_BASE, TINY_EVAL_DATA } from 'flock-off/local';

export interface OpenEvaluationSetParameters {
  /** Folder with a `data.jsonl`. Default: the bundled one. */
  folder?: string;
  /** What the losses will be measured of. */
  baseModel: string;
  signal?: AbortSignal;
}

/**
 * The rows on which every dataset's loss is measured.
 * @throws FlockOffError `bad-argument` for the bundled ones with any but the tiny base model: such losses would rank
 *   datasets by a toy, and real weights would follow from them. `disk` when the file cannot be read.
 */
export async function openEvaluationSet({ folder, baseModel, signal }: OpenEvaluationSetParameters): Promise<Dataset> {
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
