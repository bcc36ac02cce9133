import { maskSecrets } from './secrets.ts';
import { wrapped } from './wrapped.ts';

/** Whatever moves the cursor, hides or reverses text, or ends a line: controls, formats, surrogates, separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
/** Goes to the start of the terminal's line and empties it: a status may stand there. */
export const FRESH_LINE = '\r\u001b[K';

/**
 * One line of text as a terminal may show it: without this process's secrets, and as text only, since miners and hubs
 * write some and must not write on the operator's screen.
 */
export function printable(line: string): string {
  return maskSecrets(line).replace(UNPRINTABLE, '\uFFFD');
}

/** One line on stderr. */
export function printError(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  const { isTTY, columns } = process.stderr;
  process.stderr.write(isTTY ? `${FRESH_LINE}${wrapped(printable(text), columns || 80)}\n` : `${printable(text)}\n`);
}
