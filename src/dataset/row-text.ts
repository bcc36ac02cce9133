import type { DatasetRow } from '../schema/dataset-row.ts';

/** Format characters, fillers, variation selectors, and control characters that are no white space. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]|(?!\s)\p{Cc}/gu;

/** What {@link rowHash} is the hash of. */
export function rowText({ conversations }: DatasetRow): string {
  return JSON.stringify(conversations.map((turn) => normalise(turn.content)));
}

function normalise(text: string): string {
  // Invisible characters go first: between a letter and its accent one would keep the two from being composed.
  const visible = /^[\t\n\r\x20-\x7e]*$/.test(text) ? text : text.replace(INVISIBLE, '').normalize('NFKC');
  // White space is dropped, not shortened: a space before each full stop must not make another row. U+2800 is blank Braille.
  return visible.toLowerCase().replace(/[\s\u2800]+/g, '');
}
