import type { Competition } from '../schema/competition.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import { parseRow } from './parse-row.ts';
import { readLines } from './read-lines.ts';
import { rowHash } from './row-hash.ts';

/** A dataset file that keeps the rules. */
export interface Dataset {
  rows: DatasetRow[];
  /** Of the file, 64 hex digits. */
  sha256: string;
  bytes: number;
  /** Per row: {@link rowHash}, for finding copies. */
  rowHashes: string[];
}

export interface CheckDatasetParameters {
  /** A `data.jsonl`. */
  path: string;
  competition: Competition;
  signal?: AbortSignal;
}

/** A line that is no row. */
export interface LineProblem {
  line: number;
  problem: string;
}

const PROBLEMS_NAMED = 20;

/**
 * Reads a dataset file line by line and checks it against the competition's rules.
 *
 * @returns the dataset, or a verdict: `dataset-too-large`, `invalid-rows` (its `facts.problems` name the first 20 bad
 *   lines with the exact reason, `facts.problemCount` counts all) or `row-count`.
 * @throws FlockOffError `disk` when the file cannot be read.
 * @example
 * const dataset = await checkDataset({ path: 'data.jsonl', competition: Competition.parse({}) });
 * if (!dataset.ok) console.error(dataset.verdict.message);
 */
export async function checkDataset({ path, competition, signal }: CheckDatasetParameters): Promise<Checked<Dataset>> {
  const { minRows, maxRows, maxBytes, maxLineBytes } = competition;
  const rows: DatasetRow[] = [];
  const problems: LineProblem[] = [];
  let lineCount = 0;
  let problemCount = 0;

  const lines = readLines({ path, maxLineBytes, signal });
  let next = await lines.next();
  for (; !next.done; next = await lines.next()) {
    lineCount++;
    if (lineCount > maxRows) continue;
    const { number, bytes } = next.value;
    const { row, problem } = bytes === null ? { problem: `longer than ${maxLineBytes} bytes` } : parseRow(bytes);
    if (row) rows.push(row);
    else if (problemCount++ < PROBLEMS_NAMED) problems.push({ line: number, problem });
  }
  const { sha256, bytes } = next.value;

  if (bytes > maxBytes)
    return reject('dataset-too-large', `the file has ${bytes} bytes, at most ${maxBytes} are allowed`, {
      bytes,
      maxBytes,
    });
  if (lineCount > maxRows)
    return reject('row-count', `the file has ${lineCount} rows, at most ${maxRows} are allowed`, {
      rows: lineCount,
      maxRows,
    });
  if (problemCount > 0) {
    const named = problems
      .slice(0, 3)
      .map(({ line, problem }) => `line ${line}: ${problem}`)
      .join('; ');
    return reject(
      'invalid-rows',
      `${problemCount} of ${lineCount} lines are no rows: ${named}${problemCount > 3 ? '; ...' : ''}`,
      {
        problems,
        problemCount,
      },
    );
  }
  if (lineCount < minRows)
    return reject('row-count', `the file has ${lineCount} rows, at least ${minRows} are needed`, {
      rows: lineCount,
      minRows,
    });
  return accept({ rows, sha256, bytes, rowHashes: rows.map(rowHash) });
}
