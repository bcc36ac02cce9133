import { createHash } from 'node:crypto';
import type { DatasetRow } from '../schema/dataset-row.ts';

/**
 * What a row says, as 32 hex digits: equal for rows that differ only in white space, letter case, invisible characters,
 * Unicode presentation (NFKC), key order, or a missing against an empty or null `system`.
 */
export function rowHash({ system, conversations }: DatasetRow): string {
  const said = [system ?? '', ...conversations.map((turn) => turn.content)].map(normalise);
  return createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 32);
}

function normalise(text: string): string {
  const visible = /^[\x20-\x7e]*$/.test(text) ? text : text.normalize('NFKC').replace(/[\p{Cf}]/gu, '');
  return visible
    .toLowerCase()
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}
