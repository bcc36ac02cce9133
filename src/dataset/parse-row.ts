import { messageOf } from '../errors/flock-off-error.ts';
import { type DatasetRow, DatasetSchema } from '../schema/dataset-row.ts';
import { stripAsPython } from '../shared/strip-as-python.ts';

export type ParsedRow = { row: DatasetRow; problem?: undefined } | { row?: undefined; problem: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One line of a dataset file as a row, or the exact reason why it is none. Never throws. */
export function parseRow(bytes: Uint8Array): ParsedRow {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { problem: 'not valid UTF-8' };
  }
  if (text.startsWith('\ufeff'))
    return { problem: 'starts with a byte-order mark; save the file as UTF-8 without BOM' };
  if (stripAsPython(text) === '') return { problem: 'empty line' };

  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The message quotes the line: no control character of a stranger's file may reach a terminal.
    return { problem: `not JSON (${messageOf(error).replace(/\p{C}/gu, '\ufffd')})` };
  }
  if (keysWritten(text) !== keysKept(value)) return { problem: 'a key occurs twice in one object' };

  const parsed = DatasetSchema.safeParse(value);
  if (parsed.success) return { row: parsed.data };
  const issue = parsed.error.issues[0]!;
  const where = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  return { problem: where + issue.message };
}

/**
 * Keys written in a JSON text: its strings that a colon follows. JSON.parse keeps only the last of equal keys.
 * Looks from quote to quote: one expression for a whole string would exhaust the stack on long ones.
 */
function keysWritten(json: string): number {
  let keys = 0;
  let inString = false;
  for (const [, colon] of json.matchAll(/\\.|"[ \t\r\n]*(:?)/g)) {
    if (colon === undefined) continue; // an escaped character
    if (inString && colon) keys++;
    inString = !inString;
  }
  return keys;
}

/** Keys of a parsed JSON value at every depth; no recursion, since depth is the sender's choice. */
function keysKept(value: unknown): number {
  let keys = 0;
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    const values = Object.values(next);
    if (!Array.isArray(next)) keys += values.length;
    for (const inner of values) open.push(inner);
  }
  return keys;
}
