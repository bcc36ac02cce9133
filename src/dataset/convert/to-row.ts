import type { DatasetRow } from '../../schema/dataset-row.ts';
import { isBlankAsPython } from '../../shared/strip-as-python.ts';
import { quotable } from '../quotable.ts';
import { readRow } from '../read-row.ts';
import { CHATS, PAIRS, rowFormat } from '../row-format.ts';

export type ConvertedRow = { row: DatasetRow; problem?: undefined } | { row?: undefined; problem: string };

type Json = Record<string, unknown>;

const LISTS = ['conversations', 'messages', 'contents', ...CHATS, 'chosen'];
/** With what stands beside the question. */
const ASKED: [asked: string, answered: string, beside?: string][] = [
  ['instruction', 'output', 'input'],
  ['instruction', 'response', 'context'],
  ...PAIRS,
  ['prompt', 'chosen'],
];
const ROLES = new Map([
  ...['human', 'user'].map((name) => [name, 'user'] as const),
  ...['gpt', 'assistant', 'bot', 'chatbot', 'model', 'ai'].map((name) => [name, 'assistant'] as const),
  ...['system', 'developer'].map((name) => [name, 'system'] as const),
]);

/**
 * A record of another tool as a row, or why it is none. Nothing is made up or dropped to make one fit: a chat that begins
 * with the assistant, ends with the user or calls tools is a problem. What a row has no place for (ids, scores, the rejected
 * answer of a pair) is left out.
 */
export function toRow(record: unknown): ConvertedRow {
  const value = parsed(record);
  const chat = Array.isArray(value) ? value : isObject(value) ? chatOf(value) : null;
  if (chat === null) return { problem: withoutChat(value) };
  const turns = chat.map(toTurn);
  const isSystem = (turn: unknown) => isObject(turn) && turn.role === 'system';
  const [first, ...others] = turns;
  if (others.some(isSystem)) return { problem: 'a system turn within the chat; a row has one, before all others' };
  const written = isSystem(first) ? (first as Json).content : isObject(value) ? value.system : undefined;
  const system = typeof written === 'string' && isBlankAsPython(written) ? undefined : written;
  const conversations = isSystem(first) ? others : turns;
  const read = readRow(system === undefined || system === null ? { conversations } : { system, conversations });
  if (read.row) return { row: read.row };
  return { problem: [...(read.path.length > 0 ? [read.path.join('.')] : []), read.message].join(': ') };
}

function chatOf(record: Json): unknown[] | null {
  for (const key of LISTS) {
    const chat = parsed(record[key]);
    if (Array.isArray(chat)) return chat;
  }
  for (const [asked, answered, beside] of ASKED) {
    if (!Object.hasOwn(record, asked) || !Object.hasOwn(record, answered)) continue;
    const question = [textOf(record[asked]), beside && textOf(record[beside])].filter((text) => !isEmpty(text));
    return [...earlierTurns(record.history), ...pair(question.join('\n\n'), textOf(record[answered]))];
  }
  return null;
}

/** Alpaca's chats: pairs of question and answer. */
function earlierTurns(history: unknown): unknown[] {
  const pairs = parsed(history);
  if (!Array.isArray(pairs)) return [];
  return pairs.flatMap((turns) => (Array.isArray(turns) ? pair(turns[0], turns[1]) : [turns]));
}

const pair = (asked: unknown, answered: unknown) => [
  { role: 'user', content: asked },
  { role: 'assistant', content: answered },
];

function toTurn(turn: unknown): unknown {
  if (!isObject(turn)) return turn;
  const name = turn.role ?? turn.from;
  const role = typeof name === 'string' ? (ROLES.get(name.toLowerCase()) ?? name) : name;
  return { role, content: textOf(turn.content ?? turn.value ?? turn.parts) };
}

/** Of OpenAI's and Gemini's parts, where all are text; numbers as they are written. Anything else stays what it is. */
function textOf(content: unknown): unknown {
  if (typeof content === 'number' || typeof content === 'boolean') return String(content);
  if (!Array.isArray(content) || content.length === 0) return content;
  const texts = content.map((part) => (isObject(part) ? part.text : part));
  return texts.every((text) => typeof text === 'string') ? texts.join('') : content;
}

/** Chats in tables, and rows encoded twice, are JSON within a string. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function withoutChat(value: unknown): string {
  const format = rowFormat(value);
  if (format) return `${format.name}; ${format.fix}`;
  if (!isObject(value)) return `expected an object, saw ${value === null ? 'null' : typeof value}`;
  const keys = Object.keys(value).slice(0, 5);
  const named = keys.map((key) => `"${quotable(key.slice(0, 40))}"`).join(', ');
  return `no chat, and no question and answer, among its keys (${named || 'none'})`;
}

const isEmpty = (text: unknown) => text === undefined || text === null || text === '';
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
