const [QUOTE, BACKSLASH, COLON, BRACE, BRACKET] = [0x22, 0x5c, 0x3a, 0x7b, 0x5b];

/** What a JSON text is made of. */
export interface JsonOutline {
  /** Strings that a colon follows. */
  keys: number;
  /** Objects and arrays that are opened. */
  containers: number;
}

/** Reads the bytes of a JSON text once; of what is no JSON it says what lies before the first mistake, and perhaps more. */
export function outlineOf(json: Uint8Array): JsonOutline {
  let [keys, containers] = [0, 0];
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === BRACE || byte === BRACKET) containers++;
    if (byte !== QUOTE) continue;
    at = endOfString(json, at + 1);
    let next = at + 1;
    while (isSpace(json[next])) next++;
    if (json[next] === COLON) keys++;
  }
  return { keys, containers };
}

/** Where the quote is that ends a string. */
function endOfString(json: Uint8Array, start: number): number {
  let at = start;
  while (json[at] !== QUOTE && at < json.length) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}

const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;

/**
 * Keys of a parsed JSON value at every depth: fewer than were written where one object has a key twice, since JSON.parse
 * keeps the last. No recursion: depth is the sender's choice.
 */
export function keysKept(value: unknown): number {
  let keys = 0;
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    const isList = Array.isArray(next);
    const values: unknown[] = isList ? next : Object.values(next);
    if (!isList) keys += values.length;
    for (const inner of values) open.push(inner);
  }
  return keys;
}
