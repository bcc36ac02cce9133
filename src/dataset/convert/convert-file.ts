import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import { abortable } from '../../shared/abortable.ts';
import { startIncomplete } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { DamagedFile, openForeignFile } from './foreign-file.ts';
import { toRow } from './to-row.ts';

export interface ConvertFileParameters {
  path: string;
  /** Where the dataset goes. */
  to: string;
  /** Whether a file that is there is replaced. */
  overwrite: boolean;
  /** Whether records that are no rows are left out; otherwise nothing is written where there are any. */
  leaveOut: boolean;
  /** Takes each record that is no row. */
  onProblem: (problem: ConversionProblem) => void;
  signal?: AbortSignal;
}

export interface ConversionProblem {
  /** Such as `line 7` or `record 7`. */
  place: string;
  problem: string;
}

export interface Conversion {
  /** What the file is, from the outside in. */
  layers: string[];
  /** Rows that were made. */
  rows: number;
  /** Records that are no rows. */
  problems: number;
  /** Why nothing was written; `null` where the dataset is. */
  refusal: string | null;
}

/** Characters that are written at once. */
const BLOCK = 1024 * 1024;

/**
 * Makes a dataset of a file of another tool, whole or not at all. Holds one record at a time.
 * @throws FlockOffError `disk`, also where a file is there that must not be replaced; the signal's reason when aborted.
 */
export async function convertFile(parameters: ConvertFileParameters): Promise<Conversion> {
  const { to, overwrite, signal } = parameters;
  const what = `${to} cannot be written`;
  const incomplete = await onDisk({ path: to, what }, () => startIncomplete(to));
  try {
    const file = await onDisk({ path: to, what }, () => open(incomplete, 'wx'));
    let conversion: Conversion;
    try {
      const written = writeRows(parameters, file);
      // A read of a pipe may never return.
      conversion = await (signal ? abortable(written, signal) : written);
      await onDisk({ path: to, what }, () => file.sync());
    } finally {
      await file.close();
    }
    signal?.throwIfAborted();
    if (conversion.refusal === null)
      await onDisk({ path: to, what }, () => (overwrite ? rename(incomplete, to) : moveToNew(incomplete, to)));
    return conversion;
  } catch (error) {
    if (!(error instanceof DamagedFile)) throw error;
    return { layers: [], rows: 0, problems: 0, refusal: error.message };
  } finally {
    await rm(incomplete, { force: true }).catch(() => {});
  }
}

async function writeRows({ path, to, leaveOut, onProblem, signal }: ConvertFileParameters, file: FileHandle) {
  const { layers, records } = await openForeignFile(path, signal);
  const result: Conversion = { layers, rows: 0, problems: 0, refusal: null };
  let block = '';
  const flush = async () => {
    await onDisk({ path: to, what: `${to} cannot be written` }, () => file.writeFile(block));
    block = '';
  };
  try {
    for await (const record of records()) {
      const made = record.problem === undefined ? toRow(record.value) : record;
      if (made.problem === undefined) {
        result.rows++;
        block += `${JSON.stringify(made.row)}\n`;
      } else {
        result.problems++;
        onProblem({ place: record.place, problem: made.problem });
      }
      if (block.length > BLOCK) await flush();
      signal?.throwIfAborted();
    }
    await flush();
  } catch (error) {
    if (!(error instanceof DamagedFile)) throw error;
    return { ...result, refusal: error.message };
  }
  if (result.rows === 0) result.refusal = 'none of its records can become a row';
  else if (result.problems > 0 && !leaveOut) result.refusal = `${result.problems} of its records cannot become rows`;
  return result;
}

/** Without replacing what another process may have put there in the meantime. */
async function moveToNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // Some file systems have no links.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || (await isThere(to))) throw error;
    await rename(from, to);
  }
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
