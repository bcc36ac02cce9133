import { createHash } from 'node:crypto';
import type { Checked } from '../schema/verdict.ts';
import { RowsCheck, type RowsCheckParameters, type RowsFacts } from './check-rows.ts';
import { readChunks } from './read-chunks.ts';

export interface CheckFileRowsParameters extends RowsCheckParameters {
  /** A `data.jsonl`. */
  path: string;
  /** After each piece of the file; the next waits for it. */
  onChunk?: () => Promise<void>;
  signal?: AbortSignal;
}

/** Checks a file row by row, holding none. @throws FlockOffError `disk`; the signal's reason when aborted. */
export async function checkFile(parameters: CheckFileRowsParameters): Promise<Checked<RowsFacts>> {
  const { path, competition, onChunk, signal } = parameters;
  const check = new RowsCheck(parameters);
  const hash = createHash('sha256');
  const bytes = await readChunks({
    path,
    maxBytes: competition.maxBytes,
    signal,
    onChunk: (chunk) => {
      hash.update(chunk);
      check.push(chunk);
      return onChunk?.();
    },
  });
  return check.finish({ sha256: hash.digest('hex'), bytes });
}
