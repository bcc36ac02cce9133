import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface KeepFilesParameters {
  folder: string;
  /** Which files of the folder may go, by their names. A group of digits says which are older; else the time of the last write. */
  names: RegExp;
  /** Files go that were written last longer ago than this, as were all that are older. Default: none by age. */
  maxAgeMs?: number;
  /** The oldest go until the rest takes no more. Default: none by size. */
  maxBytes?: number;
  /** So many of the latest stay in any case. Default 1. */
  keepLatest?: number;
  nowMs: number;
}

/** Reports of epochs, as `ReceiptFolder` names them. */
export const REPORT_FILES = /^epoch-(\d+)\.json$/;
/**
 * Metrics of training, as the validator names them.
 * @example
 * await keepFiles({ folder: '.flock-off/validator/metrics', names: METRICS_FILES, maxAgeMs: 7 * 86_400_000, nowMs: Date.now() });
 */
export const METRICS_FILES = /^uid-\d+-[0-9a-f]+\.jsonl$/;

/**
 * Removes the oldest files of a folder, so that it stays within an age and a size. What is left of reports is a chain without
 * gaps, which can be audited. A folder that is not there is empty; a file that cannot be removed stays.
 * @example
 * await keepFiles({ folder: '.flock-off/validator/reports', names: REPORT_FILES, maxBytes: 1e9, nowMs: Date.now() });
 */
export async function keepFiles(parameters: KeepFilesParameters): Promise<{ removed: number; bytes: number }> {
  const { folder, names, nowMs, keepLatest = 1 } = parameters;
  const { maxAgeMs = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = parameters;
  const files: { path: string; order: number; bytes: number; writtenMs: number }[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const match = names.exec(name);
    const found = match && (await lstat(join(folder, name)).catch(() => null));
    if (!found?.isFile()) continue;
    const { size: bytes, mtimeMs: writtenMs } = found;
    files.push({ path: join(folder, name), order: match?.[1] ? Number(match[1]) : writtenMs, bytes, writtenMs });
  }
  files.sort((a, b) => a.order - b.order);
  // Copying gives files other times: none goes before an older one.
  let latestMs = 0;
  for (const file of files) file.writtenMs = latestMs = Math.max(latestMs, file.writtenMs);
  files.reverse();
  let [kept, removed, bytes, isFull] = [0, 0, 0, false];
  for (const [place, file] of files.entries()) {
    isFull ||= kept + file.bytes > maxBytes || nowMs - file.writtenMs > maxAgeMs;
    if (place < keepLatest || !isFull) kept += file.bytes;
    else if (await isRemoved(file.path)) [removed, bytes] = [removed + 1, bytes + file.bytes];
  }
  return { removed, bytes };
}

function isRemoved(path: string): Promise<boolean> {
  return rm(path).then(
    () => true,
    () => false,
  );
}
