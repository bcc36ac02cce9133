import type { Competition } from '../schema/competition.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import { fileFormat } from './file-format.ts';
import type { Line } from './line-splitter.ts';
import { lineTooLong, parseRow } from './parse-row.ts';
import { ProblemKinds } from './problem-kinds.ts';

/** A dataset file that keeps the rules. */
export interface Dataset {
  rows: DatasetRow[];
  /** Of the file, 64 hex digits. */
  sha256: string;
  bytes: number;
  /** Per row: {@link rowHash}, for finding copies. */
  rowHashes: string[];
}

/** A line that is no row. */
export interface LineProblem {
  line: number;
  problem: string;
}

/** What is known of a file when all of it was read. */
export interface FileFacts {
  /** 64 hex digits. */
  sha256: string;
  bytes: number;
  /** Its first `HEAD_BYTES`. */
  head: Uint8Array;
  rowHash: (row: DatasetRow) => string;
}

const PROBLEMS_NAMED = 20;

/** The competition's rules over the lines of one file, wherever they come from. */
export class RowsCheck {
  readonly #competition: Competition;
  readonly #rows: DatasetRow[] = [];
  readonly #problems: LineProblem[] = [];
  readonly #kinds = new ProblemKinds();
  #lineCount = 0;
  #firstLineIsJson = true;

  constructor(competition: Competition) {
    this.#competition = competition;
  }

  /** Takes the next line. */
  add({ number, bytes }: Line): void {
    const { maxRows, maxLineBytes } = this.#competition;
    this.#lineCount++;
    if (this.#lineCount > maxRows) return;
    const parsed = bytes === null ? lineTooLong(maxLineBytes) : parseRow(bytes);
    if (parsed.row) {
      this.#rows.push(parsed.row);
      return;
    }
    if (number === 1) this.#firstLineIsJson = parsed.isJson;
    this.#kinds.add(number, parsed);
    if (this.#problems.length < PROBLEMS_NAMED) this.#problems.push({ line: number, problem: parsed.problem });
  }

  /** The dataset, or the verdict on it, once every line was taken. */
  finish({ sha256, bytes, head, rowHash }: FileFacts): Checked<Dataset> {
    const { minRows, maxRows, maxBytes } = this.#competition;
    const [rows, kinds, lineCount] = [this.#rows, this.#kinds, this.#lineCount];
    if (bytes > maxBytes)
      return reject('dataset-too-large', `the file has ${bytes} bytes, at most ${maxBytes} are allowed`, {
        bytes,
        maxBytes,
      });
    const problemCount = kinds.lines;
    if (problemCount > 0) {
      const facts = { problems: this.#problems, problemCount, kinds: kinds.list() };
      const firstLineIsJson = this.#firstLineIsJson;
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
}
