/** Whatever moves the cursor, hides or reverses text, or ends a line: controls, formats, surrogates, separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** One line of text as a terminal may show it: miners and hubs write texts, and must not write on the operator's screen. */
export function printable(line: string): string {
  return line.replace(UNPRINTABLE, '\uFFFD');
}
