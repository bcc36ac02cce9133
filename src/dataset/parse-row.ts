import { messageOf } from '../errors/flock-off-error.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { isBlankAsPython } from '../shared/strip-as-python.ts';
import { type JsonOutline, keysKept, outlineOf } from './json-outline.ts';
import { quotable } from './quotable.ts';
import { readRow } from './read-row.ts';
import { type OtherFormat, rowFormat } from './row-format.ts';

/** Why a line is no row. */
export interface RowProblem {
  row?: undefined;
  /** The exact reason. */
  problem: string;
  /** The same for every line with this kind of problem: without places and quotes. */
  kind: string;
  /** Whether the line is JSON by itself. */
  isJson: boolean;
}

export type ParsedRow = { row: DatasetRow; problem?: undefined } | RowProblem;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface ParseRowParameters {
  /** Default: any. */
  maxTurns?: number;
  /** Of these bytes. Default: it is made. */
  outline?: JsonOutline;
}

/** One line of a dataset file as a row, or the exact reason why it is none. Never throws. */
export function parseRow(
  bytes: Uint8Array,
  { maxTurns = Number.POSITIVE_INFINITY, outline = outlineOf(bytes) }: ParseRowParameters = {},
): ParsedRow {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return notJson('not valid UTF-8');
  }
  if (text.startsWith('\ufeff')) return notJson('starts with a byte-order mark; save the file as UTF-8 without BOM');
  if (isBlankAsPython(text)) return notJson('empty line');

  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return notJson(...syntaxProblem(text, messageOf(error)));
  }
  if (outline.keys !== keysKept(value)) return isJson('a key occurs twice in one object');

  const read = readRow(value);
  if (read.row) {
    const turns = read.row.conversations.length;
    if (turns <= maxTurns) return read;
    const seen = `${turns} turns, at most ${maxTurns} are allowed; split the chat into several rows`;
    return isJson(seen, 'too many turns');
  }
  const format = rowFormat(value);
  if (format) return isJson(formatProblem(format));
  if (isObject(value) && !Object.hasOwn(value, 'conversations')) return isJson(...withoutChat(value));
  const at = (path: PropertyKey[]) => (path.length > 0 ? `${path.join('.')}: ` : '');
  const anywhere = read.path.map((key) => (typeof key === 'number' ? '*' : key));
  return isJson(at(read.path) + read.message, at(anywhere) + read.message);
}

/** A line with more bytes than are read. */
export function lineTooLong(maxLineBytes: number): RowProblem {
  return notJson(`longer than ${maxLineBytes} bytes`);
}

const notJson = (problem: string, kind = problem): RowProblem => ({ problem, kind, isJson: false });
const isJson = (problem: string, kind = problem): RowProblem => ({ problem, kind, isJson: true });
const formatProblem = ({ name, fix }: OtherFormat) => `${name}; ${fix}`;

/** The problem and its kind. */
function withoutChat(row: object): [problem: string, kind: string] {
  const keys = Object.keys(row);
  const named = keys.slice(0, 5).map((key) => `"${quotable(key.slice(0, 40))}"`);
  const seen = named.join(', ') + (keys.length > 5 ? ', ...' : '');
  return [`no "conversations" among its keys (${seen || 'none'})`, 'no "conversations"'];
}

/** The problem and its kind. V8 says where the first JSON value of a line ends when more follows. */
function syntaxProblem(text: string, message: string): [problem: string, kind?: string] {
  const after = /after JSON at position (\d+)/.exec(message)?.[1];
  if (after !== undefined) {
    const rest = text.slice(Number(after)).trimStart();
    const behindComma = rest.startsWith(',') ? rest.slice(1).trimStart() : rest;
    if (rest !== '' && behindComma === '') return ['a comma after the object; one object a line, nothing between'];
    if (behindComma.startsWith('{')) return ['several objects; each needs a line of its own'];
  }
  if (/^\s*\{\s*'/.test(text)) return ["Python's notation, not JSON; write it with json.dumps"];
  // Later versions of V8 name a line and column besides, of what is always one line.
  const said = message.replace(/ \(line \d+ column \d+\)$/, '');
  return [`not JSON (${quotable(said)})`, 'not JSON'];
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
