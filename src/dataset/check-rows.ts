import type { Competition } from '../schema/competition.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { accept, type Checked, reject, type Verdict } from '../schema/verdict.ts';
import { fileFormat, HEAD_BYTES } from './file-format.ts';
import { outlineOf } from './json-outline.ts';
import { type Line, LineSplitter } from './line-splitter.ts';
import { lineTooLong, type ParsedRow, parseRow } from './parse-row.ts';
import { ProblemKinds } from './problem-kinds.ts';
import { TextCount } from './text-count.ts';

/** Facts of a dataset file that keeps the rules. */
export interface RowsFacts {
  /** Of the file, 64 hex digits. */
  sha256: string;
  bytes: number;
  /** Code points of all texts. */
  codePoints: number;
  /** What a validator will probably count, each row cut to the recipe's `contextTokens`; the real count needs the tokenizer. */
  likelyTokens: number;
  /** What does not break a rule and may surprise its miner: whole sentences. */
  warnings: string[];
}

/** A dataset file that keeps the rules. */
export interface Dataset extends RowsFacts {
  rows: DatasetRow[];
}

/**
 * A line that is no row.
 * @example
 * const problems: LineProblem[] = verdict.facts?.problems ?? [];
 * for (const { line, problem } of problems) console.log(`${line}: ${problem}`);
 */
export interface LineProblem {
  line: number;
  problem: string;
}

export interface RowsCheckParameters {
  competition: Competition;
  /** Whether a dataset may have a row at all. Default: any. */
  isAllowed?: (row: DatasetRow) => boolean;
  /** Takes each row with its line, from 1, in order, as long as no line was refused. */
  onRow: (row: DatasetRow, line: number) => void;
  /** Whether `onRow` takes the rows of a refused file as well. Default: false. */
  everyRow?: boolean;
  /** Called once, when it is known that the file will be refused: rows taken so far can be dropped. */
  onRefused?: () => void;
  /** Takes each line that is no row, with the kind of its problem: a verdict names the first ones only. */
  onProblem?: (problem: LineProblem & { kind: string }) => void;
}

type Refusal = { ok: false; verdict: Verdict };

const PROBLEMS_NAMED = 20;

/** The competition's rules over the bytes of one file, wherever they come from. Holds one line at a time. */
export class RowsCheck {
  readonly #parameters: RowsCheckParameters;
  readonly #splitter: LineSplitter;
  readonly #problems: LineProblem[] = [];
  readonly #kinds = new ProblemKinds();
  readonly #text: TextCount;
  #head = new Uint8Array(0);
  #rows = 0;
  #refused = false;
  #firstLineIsJson = true;
  #jsonNodes = 0;
  /** Set once a limit on the whole file is exceeded; further lines are not parsed. */
  #excess: Refusal | null = null;

  constructor(parameters: RowsCheckParameters) {
    this.#parameters = parameters;
    const { maxLineBytes, maxRows, recipe } = parameters.competition;
    this.#splitter = new LineSplitter({ maxLineBytes, maxLines: maxRows });
    this.#text = new TextCount(recipe.contextTokens);
  }

  /** Takes the next bytes. */
  push(chunk: Uint8Array): void {
    if (this.#head.length < HEAD_BYTES)
      this.#head = joined(this.#head, chunk.subarray(0, HEAD_BYTES - this.#head.length));
    for (const line of this.#splitter.push(chunk)) this.#take(line);
  }

  /** What was found, once every byte was taken, or more than the competition allows. */
  finish({ sha256, bytes }: { sha256: string; bytes: number }): Checked<RowsFacts> {
    for (const line of this.#splitter.end()) this.#take(line);
    return this.#verdict(bytes) ?? accept({ sha256, bytes, ...this.#text.facts(this.#parameters.competition) });
  }

  #take(line: Line): void {
    const parsed = this.#excess ? null : this.#allowed(this.#parse(line));
    if (parsed === null) return;
    if (parsed.row) {
      this.#rows++;
      this.#text.add(parsed.row);
      const { codePoints } = this.#text;
      const { maxCodePoints } = this.#parameters.competition;
      if (codePoints > maxCodePoints) {
        const message = tooMuch(line.number, `${codePoints} code points in their texts`, maxCodePoints);
        this.#excess = reject('dataset-too-large', message, { codePoints, maxCodePoints, lines: line.number });
        this.#refuse();
      } else if (!this.#refused || this.#parameters.everyRow) this.#parameters.onRow(parsed.row, line.number);
      return;
    }
    this.#refuse();
    if (line.number === 1) this.#firstLineIsJson = parsed.isJson;
    this.#kinds.add(line.number, parsed);
    const problem = { line: line.number, problem: parsed.problem };
    if (this.#problems.length < PROBLEMS_NAMED) this.#problems.push(problem);
    this.#parameters.onProblem?.({ ...problem, kind: parsed.kind });
  }

  /** Counts keys, objects and arrays before `JSON.parse`, where three bytes may become an object of a hundred. */
  #parse({ number, bytes }: Line): ParsedRow | null {
    const { maxLineBytes, maxTurns, maxJsonNodes } = this.#parameters.competition;
    if (bytes === null) return lineTooLong(maxLineBytes);
    const outline = outlineOf(bytes);
    this.#jsonNodes += outline.keys + outline.containers;
    if (this.#jsonNodes <= maxJsonNodes) return parseRow(bytes, { maxTurns, outline });
    const jsonNodes = this.#jsonNodes;
    const message = tooMuch(number, `${jsonNodes} JSON keys, objects and arrays`, maxJsonNodes);
    this.#excess = reject('dataset-too-large', message, { jsonNodes, maxJsonNodes, lines: number });
    this.#refuse();
    return null;
  }

  #allowed(parsed: ParsedRow | null): ParsedRow | null {
    const { isAllowed } = this.#parameters;
    if (!parsed?.row || !isAllowed || isAllowed(parsed.row)) return parsed;
    const problem = 'no row of the evaluation set, from which this competition wants its rows';
    return { problem, kind: problem, isJson: true };
  }

  #refuse(): void {
    if (!this.#refused) this.#parameters.onRefused?.();
    this.#refused = true;
  }

  #verdict(bytes: number): Refusal | null {
    const { minRows, maxRows, maxBytes } = this.#parameters.competition;
    const [kinds, lines] = [this.#kinds, this.#splitter.lines];
    if (bytes > maxBytes)
      return reject('dataset-too-large', `the file has ${bytes} bytes, at most ${maxBytes} are allowed`, {
        bytes,
        maxBytes,
      });
    if (this.#excess) return this.#excess;
    const problemCount = kinds.lines;
    if (problemCount > 0) {
      const facts = { problems: this.#problems, problemCount, kinds: kinds.list() };
      const firstLineIsJson = this.#firstLineIsJson;
      const format = fileFormat({ head: this.#head, lines, rows: this.#rows, firstLineIsJson });
      if (format)
        return reject('invalid-rows', `the file is ${format.name}, expected one JSON object a line; ${format.fix}`, {
          ...facts,
          format: format.name,
        });
      if (lines <= maxRows)
        return reject('invalid-rows', `${problemCount} of ${lines} lines are no rows: ${kinds}`, facts);
    }
    const rows = lines;
    if (rows > maxRows)
      return reject('row-count', `the file has ${rows} rows, at most ${maxRows} are allowed`, { rows, maxRows });
    if (rows < minRows)
      return reject('row-count', `the file has ${rows} rows, at least ${minRows} are needed`, { rows, minRows });
    return null;
  }
}

function tooMuch(lines: number, seen: string, most: number): string {
  return `the first ${lines} lines have ${seen}, at most ${most} are allowed in the whole file; shorten or leave out rows`;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
