import type { Competition } from '../schema/competition.ts';
import type { Checked } from '../schema/verdict.ts';
import { type Dataset, RowsCheck } from './check-rows.ts';
import { HEAD_BYTES } from './file-format.ts';
import { readLines } from './read-lines.ts';
import { rowHash } from './row-hash.ts';

export type { Dataset, LineProblem } from './check-rows.ts';

export interface CheckDatasetParameters {
  /** A `data.jsonl`. */
  path: string;
  competition: Competition;
  signal?: AbortSignal;
}

/**
 * Reads a dataset file line by line and checks it against the competition's rules.
 *
 * @returns the dataset, or a verdict: `dataset-too-large`, `invalid-rows` (`facts.format` names another format that the
 *   file as a whole is in, `facts.kinds` count the bad lines by their problem, `facts.problems` give the first 20 with
 *   the exact reason, `facts.problemCount` counts all) or `row-count`.
 * @throws FlockOffError `disk` when the file cannot be read.
 * @example
 * const dataset = await checkDataset({ path: 'data.jsonl', competition: Competition.parse({}) });
 * if (!dataset.ok) console.error(dataset.verdict.message);
 */
export async function checkDataset({ path, competition, signal }: CheckDatasetParameters): Promise<Checked<Dataset>> {
  const check = new RowsCheck(competition);
  const lines = readLines({ path, maxLineBytes: competition.maxLineBytes, headBytes: HEAD_BYTES, signal });
  let next = await lines.next();
  for (; !next.done; next = await lines.next()) check.add(next.value);
  return check.finish({ ...next.value, rowHash });
}
