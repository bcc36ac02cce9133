import { createHash } from 'node:crypto';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { stripAsPython } from '../shared/strip-as-python.ts';

/** What is trained on of a row, as 32 hex digits: equal for rows that differ only in key order and space around texts. */
export function rowDigest({ system, conversations }: DatasetRow): string {
  const texts = [system ?? '', ...conversations.map(({ content }) => content)].map(stripAsPython);
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 32);
}
