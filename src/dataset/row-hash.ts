import { createHash } from 'node:crypto';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { rowText } from './row-text.ts';

/**
 * What the turns of a row say, as 32 hex digits: equal for rows that differ only in white space, letter case, invisible
 * characters, Unicode presentation (NFKC), key order, or the system prompt, which is changed for a whole copied dataset
 * at once.
 * @example
 * const hash = rowHash({ conversations: [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Hello!' }] });
 */
export function rowHash(row: DatasetRow): string {
  return createHash('sha256').update(rowText(row)).digest('hex').slice(0, 32);
}
