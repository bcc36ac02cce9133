/** The first `{...}` of a JSON text, also of one that is cut off behind it; `undefined` when it has no whole one. Linear. */
function firstObject(text: string): string | undefined {
  const start = text.indexOf('{');
  let depth = 0;
  let inString = false;
  const marks = /\\.|["{}]/gs;
  marks.lastIndex = start;
  for (let mark = marks.exec(text); mark; mark = marks.exec(text)) {
    if (mark[0] === '"') inString = !inString;
    else if (inString) continue;
    else if (mark[0] === '{') depth++;
    else if (--depth === 0) return text.slice(start, mark.index + 1);
  }
  return undefined;
}

/** The first object of a JSON text, parsed; `undefined` when there is none. */
export function parseFirstObject(text: string): unknown {
  const found = firstObject(text);
  try {
    return found && JSON.parse(found);
  } catch {
    // Braces that pair up are not always JSON.
  }
}
