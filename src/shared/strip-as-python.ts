/** Python's `str.strip()`, as in the reference implementation. JavaScript's `trim` removes other characters. */
export function stripAsPython(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Whether {@link stripAsPython} leaves nothing. */
export function isBlankAsPython(text: string): boolean {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start++;
  return start === text.length;
}

/** What Python's str.isspace() holds true: other than JS `\s` it has U+001C..1F and U+0085, and lacks U+FEFF. */
function isSpace(unit: number): boolean {
  if (unit < 0x80) return (unit >= 0x09 && unit <= 0x0d) || (unit >= 0x1c && unit <= 0x20);
  return (unit >= 0x2000 && unit <= 0x200a) || OTHER_SPACES.has(unit);
}

const OTHER_SPACES = new Set([0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000]);
