import { stat } from 'node:fs/promises';
import { checkFile } from '../../dataset/check-file.ts';
import type { LineProblem } from '../../dataset/check-rows.ts';
import { DamagedFile, openForeignFile } from '../../dataset/convert/foreign-file.ts';
import { toRow } from '../../dataset/convert/to-row.ts';
import { findOthersRows } from '../../dataset/fingerprint/find-others-rows.ts';
import { FingerprintBuilder } from '../../dataset/fingerprint/fingerprint-rows.ts';
import { textOf } from '../../dataset/text-count.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Competition } from '../../schema/competition.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import type { Verdict } from '../../schema/verdict.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { noLabels, tooManyTokens } from '../../trainer/tokens/token-verdicts.ts';
import { leftOutVerdict } from '../../validator/left-out.ts';
import { type RowSizes, rowSizes } from './row-sizes.ts';
import type { TokenCounter } from './token-counter.ts';

/** What is known of a dataset file without a chain: plain JSON. Lines are counted from 1. */
export interface FileReport {
  file: string;
  bytes: number;
  /** 64 hex digits; `null` of a file that is refused before all of it is read. */
  sha256: string | null;
  /** Why a validator would refuse it; `null` where none would. */
  verdict: Verdict | null;
  /** Of a file without a single row: what it is, from the outside in, and how a dataset is made of it. */
  format: { layers: string[]; convertible: boolean; fix: string | null } | null;
  /** Lines that are no rows. */
  problems: {
    lines: number;
    /** Lines with the same kind of problem, by the first: its exact problem, and the first lines that have one like it. */
    kinds: { problem: string; count: number; lines: number[] }[];
    /** The first twenty, or all where all are asked for. */
    list: LineProblem[];
  };
  rows: number;
  turns: { all: number; most: number };
  /** Of all texts. */
  codePoints: number;
  tokens: {
    /** Whether they are counted as validators do, or estimated. */
    exact: boolean;
    how: string;
    /** Of the rows that are trained on, each cut to the context. */
    all: number;
    sizes: RowSizes | null;
    /** Rows with more tokens than the context has: what lies behind is not trained on. */
    cut: { rows: number; lines: number[] };
    /** Rows without a token of the assistant within the context, which teach nothing. */
    unlearned: { rows: number; lines: number[] };
  };
  /** Rows that say what an earlier one says: each counts once. */
  repeated: { rows: number; examples: { line: number; ofLine: number }[] };
  /** Rows of the evaluation set, or of the one to try things on where sets are time-locked; `null` where none was given. */
  evaluation: { rows: number; examples: { line: number; alike: number }[] } | null;
  warnings: string[];
  competition: Competition;
}

export interface CheckReportParameters {
  path: string;
  competition: Competition;
  counter: TokenCounter;
  /** Fingerprint of the evaluation set. */
  evaluation: Uint8Array | null;
  /** Whether every bad line is listed. */
  all?: boolean;
  signal?: AbortSignal;
}

const MOST_EXAMPLES = 20;
/** Named of a kind of problem. */
const MOST_LINES = 3;

/**
 * Checks a file as a validator does, in this thread and holding no row, and measures what it holds.
 * @throws FlockOffError `disk` when it cannot be read, or changes meanwhile; the signal's reason when aborted.
 */
export async function checkReport(parameters: CheckReportParameters): Promise<FileReport> {
  const { path, competition, counter, evaluation, all = false, signal } = parameters;
  const { contextTokens } = competition.recipe;
  const fingerprint = new FingerprintBuilder();
  const problems: FileReport['problems'] = { lines: 0, kinds: [], list: [] };
  const kinds = new Map<string, FileReport['problems']['kinds'][number]>();
  const lineOf: number[] = [];
  const tokensOf: number[] = [];
  const cut = new Lines();
  const unlearned = new Lines();
  const turns = { all: 0, most: 0 };
  let codePoints = 0;
  const onRow = (row: DatasetRow, line: number) => {
    const { tokens, learned } = counter.count(row, contextTokens);
    lineOf.push(line);
    tokensOf.push(tokens);
    if (tokens > contextTokens) cut.add(line);
    if (!learned) unlearned.add(line);
    turns.all += row.conversations.length;
    turns.most = Math.max(turns.most, row.conversations.length);
    codePoints += textOf(row).codePoints;
    fingerprint.add(row);
  };
  const onProblem = ({ line, problem, kind }: LineProblem & { kind: string }) => {
    const alike = kinds.get(kind) ?? { problem, count: 0, lines: [] };
    kinds.set(kind, alike);
    alike.count++;
    if (alike.lines.length < MOST_LINES) alike.lines.push(line);
    problems.lines++;
    if (all || problems.list.length < MOST_EXAMPLES) problems.list.push({ line, problem });
  };
  const before = await stateOf(path);
  const checked = await checkFile({ path, competition, onRow, everyRow: true, onProblem, signal });
  const after = await stateOf(path);
  if (before.mtimeNs !== after.mtimeNs || before.size !== after.size || before.ino !== after.ino) throw changed(path);

  problems.kinds = [...kinds.values()];

  const rows = lineOf.length;
  const found = await findOthersRows({
    showings: [
      {
        ...{ owner: 'the file', judged: true, claimedUntil: Number.POSITIVE_INFINITY },
        ...{ fingerprint: fingerprint.finish(), shownAt: new Float64Array(rows) },
      },
    ],
    evaluation,
    evaluationRows: competition.evaluationRows,
    signal,
  });
  const repeats = found.repeats.get(0) ?? [];
  const isRepeated = new Set(repeats.map(({ row }) => row));
  const theirs = (found.others.get(0) ?? []).filter(({ row }) => !isRepeated.has(row));
  // A set to try things on is none that anybody is measured on.
  const without = competition.evaluationSets ? [] : theirs;
  const isLeftOut = new Set([...isRepeated, ...without.map(({ row }) => row)]);
  const trained = tokensOf.filter((_, row) => !isLeftOut.has(row)).map((tokens) => Math.min(tokens, contextTokens));
  const leftOut = {
    ...{ others: 0, evaluation: without.length, repeats: repeats.length, sources: [] },
    examples: without.slice(0, MOST_EXAMPLES).map(({ row, alike }) => ({
      ...{ line: lineOf[row]!, alike, hotkey: null, ofLine: null, block: null },
    })),
  };
  const verdict = checked.ok
    ? (leftOutVerdict(competition, { rows, judgement: { leftOut } }, () => null) ??
      tokenVerdict(trained, unlearned.rows === rows, parameters))
    : checked.verdict;
  return {
    file: path,
    bytes: Number(after.size),
    sha256: checked.ok ? checked.value.sha256 : null,
    verdict,
    format: rows === 0 && verdict ? await describe(path, after.isFile(), signal) : null,
    problems,
    rows,
    turns,
    codePoints,
    tokens: {
      ...{ exact: counter.exact, how: counter.how },
      all: trained.reduce((sum, tokens) => sum + tokens, 0),
      sizes: rowSizes(tokensOf, contextTokens),
      cut: cut.toJSON(),
      unlearned: unlearned.toJSON(),
    },
    repeated: {
      rows: repeats.length,
      examples: repeats.slice(0, MOST_EXAMPLES).map(({ row, of }) => ({ line: lineOf[row]!, ofLine: lineOf[of]! })),
    },
    evaluation: evaluation && {
      rows: theirs.length,
      examples: theirs.slice(0, MOST_EXAMPLES).map(({ row, alike }) => ({ line: lineOf[row]!, alike })),
    },
    warnings: checked.ok && !counter.exact ? checked.value.warnings : [],
    competition,
  };
}

/** Verdicts that training would come to. An estimate is none. */
function tokenVerdict(
  trained: number[],
  noneLearned: boolean,
  { competition, counter }: CheckReportParameters,
): Verdict | null {
  if (!counter.exact) return null;
  const { maxTokens, recipe } = competition;
  const facts = { maxTokens, contextTokens: recipe.contextTokens, rows: trained.length };
  let [rowsWithin, tokens] = [0, 0];
  for (const next of trained) {
    tokens += next;
    if (tokens > maxTokens) return tooManyTokens({ ...facts, rowsWithin }).verdict;
    rowsWithin++;
  }
  return noneLearned ? noLabels(facts).verdict : null;
}

/** What a file is that has no rows, and whether its first record becomes one. */
async function describe(path: string, isFile: boolean, signal?: AbortSignal): Promise<FileReport['format']> {
  // A pipe is read once.
  if (!isFile) return null;
  try {
    const { layers, fix, records } = await openForeignFile(path, signal);
    if (layers.length === 0) return null;
    if (fix !== null) return { layers, convertible: false, fix };
    for await (const record of records()) {
      const made = record.problem === undefined ? toRow(record.value) : record;
      return { layers, convertible: made.problem === undefined, fix: made.problem ?? null };
    }
    return { layers, convertible: false, fix: null };
  } catch (error) {
    if (error instanceof DamagedFile) return { layers: [error.message], convertible: false, fix: null };
    throw error;
  }
}

const stateOf = (path: string) =>
  onDisk({ path, what: `the file ${path} cannot be read`, fix: 'check the path and the rights of the file' }, () =>
    stat(path, { bigint: true }),
  );

function changed(path: string): FlockOffError {
  return new FlockOffError({
    code: 'disk',
    what: `the file ${path} changed while it was read`,
    fix: 'run this again when whatever writes it is done',
    facts: { path },
  });
}

/** Lines, of which the first are named. */
class Lines {
  rows = 0;
  readonly #lines: number[] = [];

  add(line: number): void {
    this.rows++;
    if (this.#lines.length < MOST_EXAMPLES) this.#lines.push(line);
  }

  toJSON(): { rows: number; lines: number[] } {
    return { rows: this.rows, lines: this.#lines };
  }
}
