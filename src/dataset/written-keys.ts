const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];

/**
 * Whether a key occurs twice in one object of a JSON text, of which `JSON.parse` keeps only the last.
 * @param json The bytes of valid JSON.
 * @param value What JSON.parse made of them.
 */
export function hasRepeatedKey(json: Uint8Array, value: unknown): boolean {
  return keysWritten(json) !== keysKept(value);
}

/** Strings that a colon follows. */
function keysWritten(json: Uint8Array): number {
  let keys = 0;
  for (let at = 0; at < json.length; at++) {
    if (json[at] !== QUOTE) continue;
    at = endOfString(json, at + 1);
    let next = at + 1;
    while (isSpace(json[next])) next++;
    if (json[next] === COLON) keys++;
  }
  return keys;
}

/** Where the quote is that ends a string. */
function endOfString(json: Uint8Array, start: number): number {
  let at = start;
  while (json[at] !== QUOTE && at < json.length) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}

const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;

/** Keys of a parsed JSON value at every depth; no recursion, since depth is the sender's choice. */
function keysKept(value: unknown): number {
  let keys = 0;
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    const isList = Array.isArray(next);
    const values: unknown[] = isList ? next : Object.values(next);
    if (!isList) keys += values.length;
    for (const inner of values) if (typeof inner === 'object' && inner !== null) open.push(inner);
  }
  return keys;
}
