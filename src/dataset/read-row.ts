import { type DatasetRow, DatasetSchema, type Turn, TurnSchema } from '../schema/dataset-row.ts';
import { isBlankAsPython } from '../shared/strip-as-python.ts';

/** The first thing that is wrong with a value, in the words of `DatasetSchema`. */
export interface RowIssue {
  row?: undefined;
  path: PropertyKey[];
  message: string;
}

/**
 * What `DatasetSchema` makes of a JSON value, or its first issue. The schema itself collects an issue for every element: a
 * megabyte of wrong turns costs it seconds and a gigabyte. Here it only puts the first one into words.
 */
export function readRow(value: unknown): { row: DatasetRow } | RowIssue {
  if (!isObject(value)) return issueOf(value);
  // Its issue comes first, whatever the turns are.
  if (!isSystem(value.system)) return issueOf({ system: value.system, conversations: [] });
  if (!Array.isArray(value.conversations)) return issueOf(value);
  const turns: unknown[] = value.conversations;
  const wrong = turns.findIndex((turn) => !isTurn(turn));
  if (wrong >= 0) {
    const { path, message } = TurnSchema.safeParse(turns[wrong]).error?.issues[0] ?? NO_ISSUE;
    return { path: ['conversations', wrong, ...path], message };
  }
  const conversations = (turns as Turn[]).map(({ role, content }) => ({ role, content }));
  // What is left is about the turns together: one issue.
  if (!isAlternating(conversations)) return issueOf(value);
  return { row: Object.hasOwn(value, 'system') ? { system: value.system, conversations } : { conversations } };
}

const NO_ISSUE = { path: [], message: 'is no row' };

/** Of a value without a list of turns, or with turns that are right each by itself. */
function issueOf(value: unknown): RowIssue {
  const { path, message } = DatasetSchema.safeParse(value).error?.issues[0] ?? NO_ISSUE;
  return { path, message };
}

function isAlternating(turns: Turn[]): boolean {
  return (
    turns.length >= 2 &&
    turns.length % 2 === 0 &&
    turns.every(({ role }, i) => role === (i % 2 === 0 ? 'user' : 'assistant'))
  );
}

function isTurn(value: unknown): value is Turn {
  return (
    isObject(value) &&
    (value.role === 'user' || value.role === 'assistant') &&
    typeof value.content === 'string' &&
    !isBlankAsPython(value.content)
  );
}

const isSystem = (system: unknown): system is string | null | undefined =>
  system === undefined || system === null || typeof system === 'string';

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
