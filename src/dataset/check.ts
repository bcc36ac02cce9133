import type { Competition } from '../schema/competition.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import { fileFormat, HEAD_BYTES } from './file-format.ts';
import { lineTooLong, parseRow } from './parse-row.ts';
import { ProblemKinds } from './problem-kinds.ts';
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
 * @returns the dataset, or a verdict: `dataset-too-large`, `invalid-rows` (`facts.format` names another format that the
 *   file as a whole is in, `facts.kinds` count the bad lines by their problem, `facts.problems` give the first 20 with
 *   the exact reason, `facts.problemCount` counts all) or `row-count`.
 * @throws FlockOffError `disk` when the file cannot be read.
 * @example
 * const dataset = await checkDataset({ path: 'data.jsonl', competition: Competition.parse({}) });
 * if (!dataset.ok) console.error(dataset.verdict.message);
 */
export async function checkDataset({ path, competition, signal }: CheckDatasetParameters): Promise<Checked<Dataset>> {
  const { minRows, maxRows, maxBytes, maxLineBytes } = competition;
  const rows: DatasetRow[] = [];
  const problems: LineProblem[] = [];
  const kinds = new ProblemKinds();
  let lineCount = 0;
  let firstLineIsJson = true;

  const lines = readLines({ path, maxLineBytes, headBytes: HEAD_BYTES, signal });
  let next = await lines.next();
  for (; !next.done; next = await lines.next()) {
    lineCount++;
    if (lineCount > maxRows) continue;
    const { number, bytes } = next.value;
    const parsed = bytes === null ? lineTooLong(maxLineBytes) : parseRow(bytes);
    if (parsed.row) {
      rows.push(parsed.row);
      continue;
    }
    if (number === 1) firstLineIsJson = parsed.isJson;
    kinds.add(number, parsed);
    if (problems.length < PROBLEMS_NAMED) problems.push({ line: number, problem: parsed.problem });
  }
  const { sha256, bytes, head } = next.value;

  if (bytes > maxBytes)
    return reject('dataset-too-large', `the file has ${bytes} bytes, at most ${maxBytes} are allowed`, {
      bytes,
      maxBytes,
    });
  const problemCount = kinds.lines;
  if (problemCount > 0) {
    const facts = { problems, problemCount, kinds: kinds.list() };
    const format = fileFormat({ head, lines: lineCount, rows: rows.length, firstLineIsJson });
    if (format)
      return reject('invalid-rows', `the file is ${format.name}, expected one JSON object a line; ${format.fix}`, {
        ...facts,
        format: format.name,
      });
    if (lineCount <= maxRows)
      return reject('invalid-rows', `${problemCount} of ${lineCount} lines are no rows: ${kinds}`, facts);
  }
  if (lineCount > maxRows)
    return reject('row-count', `the file has ${lineCount} rows, at most ${maxRows} are allowed`, {
      rows: lineCount,
      maxRows,
    });
  if (lineCount < minRows)
    return reject('row-count', `the file has ${lineCount} rows, at least ${minRows} are needed`, {
      rows: lineCount,
      minRows,
    });
  return accept({ rows, sha256, bytes, rowHashes: rows.map(rowHash) });
}
