// What Python's str.isspace() holds true: other than JS `\s` it has U+001C..1F and U+0085, and lacks U+FEFF.
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING = new RegExp(`^${SPACE}+`);
const ONE = new RegExp(SPACE);

/** Python's `str.strip()`: what the original trains on of a text. JavaScript's `trim` takes other characters away. */
export function stripAsPython(text: string): string {
  const start = LEADING.exec(text)?.[0].length ?? 0;
  let end = text.length;
  while (end > start && ONE.test(text[end - 1]!)) end--;
  return text.slice(start, end);
}
