import { createHash } from 'node:crypto';
import type { DatasetRow } from '../schema/dataset-row.ts';

/** Format characters, fillers, variation selectors, and control characters that are no white space. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]|(?!\s)\p{Cc}/gu;

/**
 * What the turns of a row say, as 32 hex digits: equal for rows that differ only in white space, letter case, invisible
 * characters, Unicode presentation (NFKC), key order, or the system prompt, which is changed for a whole copied dataset
 * at once.
 */
export function rowHash({ conversations }: DatasetRow): string {
  const said = conversations.map((turn) => normalise(turn.content));
  return createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 32);
}

function normalise(text: string): string {
  // Invisible characters go first: between a letter and its accent one would keep the two from being composed.
  const visible = /^[\t\n\r\x20-\x7e]*$/.test(text) ? text : text.replace(INVISIBLE, '').normalize('NFKC');
  // White space is dropped, not shortened: a space before each full stop must not make another row. U+2800 is blank Braille.
  return visible.toLowerCase().replace(/[\s\u2800]+/g, '');
}
