import { join } from 'node:path';
import type { Dataset } from '../dataset/check.ts';
import { loadEvaluationSet } from '../dataset/load-rows.ts';
import { isCode } from '../errors/flock-off-error.ts';
import type { DatasetStore } from '../hub/dataset-store.ts';
import { sha256OfFile } from '../shared/sha256-of-file.ts';
import { badCompetition } from './bad-competition.ts';
import type { FoundedCompetition } from './read-document.ts';
import { referenceText } from './reference.ts';

export interface FetchEvaluationParameters {
  founded: FoundedCompetition;
  datasets: Pick<DatasetStore, 'download'>;
  /** Folder for downloads; the set of each competition has its own in it. */
  cacheDir: string;
  signal?: AbortSignal;
}

/**
 * The evaluation set of a competition, from the folder where it lies already or from the Hub.
 * @throws FlockOffError `bad-competition` (`evaluation`) when it is missing or not the one that was signed; `disk`;
 *   `hub-unreachable` (transient), `hub-denied`.
 * @example
 * const evaluation = await fetchEvaluation({ founded, datasets, cacheDir: '.flock-off/cache' });
 * console.log(evaluation.rows.length);
 */
export async function fetchEvaluation(parameters: FetchEvaluationParameters): Promise<Dataset> {
  const { founded, datasets, cacheDir, signal } = parameters;
  const { evaluation } = founded.document;
  const bad = (why: string) =>
    badCompetition({ competition: referenceText(founded.reference), problem: 'evaluation', why });
  const path = join(cacheDir, 'competitions', founded.hash, 'data.jsonl');
  if ((await sha256OfFile(path).catch(() => null)) !== evaluation.sha256) {
    const download = { ...founded.reference, to: path, maxBytes: evaluation.bytes, signal };
    const downloaded = await datasets.download(download);
    if (!downloaded.ok) throw bad(`does not have the evaluation set that was signed: ${downloaded.verdict.message}`);
    const { sha256 } = downloaded.value;
    if (sha256 !== evaluation.sha256)
      throw bad(`has the evaluation set ${sha256}, and what was signed is ${evaluation.sha256}`);
  }
  const dataset = await loadEvaluationSet({ path, signal }).catch((error: unknown) => {
    throw isCode(error, 'disk') && error.facts.problemCount !== undefined
      ? bad(`has an evaluation set with rows that are none: ${error.what}`)
      : error;
  });
  if (dataset.rows.length === evaluation.rows) return dataset;
  throw bad(`has ${dataset.rows.length} rows in its evaluation set, and ${evaluation.rows} were signed`);
}

/**
 * Refuses a base model with another content than was signed, wherever it was read from.
 * @throws FlockOffError `bad-competition` (`base-model`).
 * @example
 * const reference = parseCompetitionReference(`ann/rules@${commit}`);
 * const founded = await readFoundedCompetition({ reference, competitions });
 * requireBaseModel({ founded, baseSha256: trainer.baseSha256 });
 */
export function requireBaseModel({ founded, baseSha256 }: { founded: FoundedCompetition; baseSha256: string }): void {
  const { model, commit, sha256 } = founded.document.baseModel;
  if (baseSha256 === sha256) return;
  throw badCompetition({
    ...{ competition: referenceText(founded.reference), problem: 'base-model' },
    why: `is played with the base model ${sha256} (${model} at ${commit}), and the one read is ${baseSha256}`,
    fix: 'leave --base_model out or name that model; where it was left out, remove the cached copy and start again',
  });
}
