/** Of a line that begins with the time of day. */
const TIME = /^\d\d:\d\d:\d\d /;
/** Narrower, nothing is indented. */
const LEAST_COLUMNS = 60;

/**
 * Lines broken between words for a terminal of so many columns, under the words and not under the time. A word that is longer, such
 * as an address, stays whole; what has colours, as tables do, is left as it is.
 */
export function wrapped(text: string, columns: number): string {
  return text
    .split('\n')
    .flatMap((line) => (line.length <= columns || line.includes('\u001b') ? line : broken(line, columns)))
    .join('\n');
}

function broken(line: string, columns: number): string[] {
  const indent = columns < LEAST_COLUMNS ? '' : ' '.repeat(TIME.exec(line)?.[0].length ?? 0);
  const lines: string[] = [];
  let current: string | null = null;
  for (const word of line.split(' ')) {
    if (current !== null && current.length + 1 + word.length <= columns) current += ` ${word}`;
    else {
      if (current !== null) lines.push(current);
      current = current === null ? word : indent + word;
    }
  }
  return [...lines, current ?? ''];
}
