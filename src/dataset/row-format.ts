/** How other tools write what is no row here, and what to do about it. */
export interface OtherFormat {
  /** In the field's own word. */
  name: string;
  /** What makes it a dataset: one clause. */
  fix: string;
}

type Json = Record<string, unknown>;

/** Keys of what was asked and answered. */
export const PAIRS: [asked: string, answered: string][] = [
  ['prompt', 'completion'],
  ['prompt', 'response'],
  ['question', 'answer'],
  ['question', 'response'],
  ['query', 'response'],
  ['input', 'output'],
  ['user', 'assistant'],
];
/** Keys of a list of turns, besides those that are a format's own. */
export const CHATS = ['conversation', 'dialogue', 'dialog', 'chat', 'turns'];
const WRAPPERS = ['data', 'rows', 'train', 'examples', 'items', 'records', 'dataset', 'features'];
/** In a message, more would confuse. */
const MOST_WRAPPERS = 2;
const OTHER_ROLES = ['human', 'gpt', 'system', 'developer', 'tool', 'function', 'model', 'bot', 'ai', 'chatbot'];

/** By the keys that tell a format; the first that fits is named. */
const KEYS: [keys: string[], format: OtherFormat][] = [
  [
    ['messages'],
    {
      name: 'OpenAI messages',
      fix: 'rename "messages" to "conversations", and move a system message to the key "system"',
    },
  ],
  [
    ['contents'],
    {
      name: 'Gemini contents',
      fix: 'rename "contents" to "conversations", the role "model" to "assistant", and join "parts" to one "content"',
    },
  ],
  [
    ['chosen', 'rejected'],
    { name: 'a preference pair (DPO)', fix: 'make "prompt" the user\'s turn and "chosen" the assistant\'s' },
  ],
  [
    ['instruction', 'output'],
    {
      name: 'Alpaca',
      fix: 'make "instruction" with "input" the user\'s turn and "output" the assistant\'s',
    },
  ],
  [
    ['instruction', 'response'],
    {
      name: 'Dolly',
      fix: 'make "instruction" with "context" the user\'s turn and "response" the assistant\'s',
    },
  ],
  ...PAIRS.map(([asked, answered]): [string[], OtherFormat] => [
    [asked, answered],
    { name: `"${asked}" and "${answered}"`, fix: `make "${asked}" the user's turn and "${answered}" the assistant's` },
  ]),
  ...CHATS.map((key): [string[], OtherFormat] => [[key], chatsUnder(key)]),
  [['text'], { name: 'plain text under "text"', fix: 'make chats of it: this competition trains on answers' }],
];

/**
 * The format of a JSON value that is no row, `null` when it is none that is known. Looks at keys and first elements only,
 * so its time does not depend on the size of the value.
 */
export function rowFormat(value: unknown, depth = 0): OtherFormat | null {
  // Wrappers within wrappers go as deep as the sender likes.
  if (depth > MOST_WRAPPERS) return null;
  if (Array.isArray(value)) return listFormat(value, depth);
  if (typeof value === 'string' && value.trimStart().startsWith('{'))
    return { name: 'a row encoded twice', fix: 'write the object itself, not its JSON as a string' };
  if (!isObject(value)) return null;
  if (typeof value.conversations === 'string')
    return { name: '"conversations" as a string', fix: 'write it as a JSON array, not as text' };
  if (Array.isArray(value.conversations)) return chatFormat(value.conversations);
  const known = KEYS.find(([keys]) => keys.every((key) => Object.hasOwn(value, key)));
  if (known) return known[1];
  const wrapper = WRAPPERS.find((key) => Array.isArray(value[key]) && isObject((value[key] as unknown[])[0]));
  if (!wrapper) return null;
  const [first] = value[wrapper] as Json[];
  return isTurn(first!) ? chatsUnder(wrapper) : wrapped(rowFormat(first, depth + 1));
}

/** One JSON object around all rows. */
export function wrapped(inside: OtherFormat | null): OtherFormat {
  return { name: `one JSON object around all ${inner(inside)}`, fix: aLineEach(inside) };
}

/** All rows in one JSON array. */
export function array(inside: OtherFormat | null): OtherFormat {
  return { name: `a JSON array of ${inner(inside)}`, fix: aLineEach(inside) };
}

/** JSON written for people to read. */
export function indented(inside: OtherFormat | null): OtherFormat {
  return { name: `indented JSON of ${inner(inside)}`, fix: aLineEach(inside) };
}

const inner = (inside: OtherFormat | null) => (inside ? `rows (${inside.name})` : 'rows');
const aLineEach = (inside: OtherFormat | null) =>
  `write each row as one line without the brackets and commas around it${inside ? `, and ${inside.fix}` : ''}`;

function listFormat(list: unknown[], depth: number): OtherFormat | null {
  const [first] = list;
  if (!isObject(first)) return null;
  return isTurn(first)
    ? { name: 'a list of turns', fix: 'put it under the key "conversations" of an object' }
    : array(rowFormat(first, depth + 1));
}

function chatFormat(turns: unknown[]): OtherFormat | null {
  const first = turns.find(isObject);
  if (!first) return null;
  if ('from' in first && 'value' in first)
    return {
      name: 'ShareGPT',
      fix: 'rename "from" and "value" to "role" and "content", "human" to "user" and "gpt" to "assistant", and move a system turn to the key "system"',
    };
  const roles = turns.slice(0, 2).map((turn) => (isObject(turn) ? turn.role : null));
  const role = roles.find((seen): seen is string => OTHER_ROLES.some((other) => other === seen));
  if (role === undefined) return null;
  const name = `the role "${role}"`;
  if (role === 'system' || role === 'developer')
    return { name, fix: 'move the content of that turn to the key "system" of the row' };
  return { name, fix: 'name the roles "user" and "assistant"' };
}

function chatsUnder(key: string): OtherFormat {
  return { name: `chats under "${key}"`, fix: `rename "${key}" to "conversations"` };
}

const isTurn = (value: Json) => 'content' in value || 'value' in value;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
