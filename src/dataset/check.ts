import type { Competition } from '../schema/competition.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import { checkFile } from './check-file.ts';
import type { Dataset } from './check-rows.ts';

export type { Dataset, LineProblem } from './check-rows.ts';

export interface CheckDatasetParameters {
  /** A `data.jsonl`. */
  path: string;
  competition: Competition;
  signal?: AbortSignal;
}

/**
 * Reads a dataset file line by line and checks it against the competition's rules, in this thread: a line of a megabyte
 * can hold it up for a tenth of a second. Who checks strangers' files beside other work takes a {@link DatasetChecker}.
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
  const rows: DatasetRow[] = [];
  const onRow = (row: DatasetRow) => {
    rows.push(row);
  };
  const onRefused = () => {
    rows.length = 0;
  };
  const facts = await checkFile({ path, competition, onRow, onRefused, signal });
  return facts.ok ? accept({ ...facts.value, rows }) : facts;
}
