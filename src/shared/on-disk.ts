import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';

export interface OnDiskParameters {
  /** The file or folder that is read or written. */
  path: string;
  /** What cannot be done, with the path in it. Default: "`path` cannot be read or written". */
  what?: string;
  /** Default: where there is no room, to make some; elsewhere to check the path, its rights and the free space. */
  fix?: string;
  /** Size of the file, where that is known. */
  bytes?: number;
  /** Once it is aborted, what is thrown passes unchanged. */
  signal?: AbortSignal;
}

/**
 * Runs file operations and converts system errors into `disk` errors that name the path, which the system's message for a
 * full disk lacks, and the free space.
 * @throws FlockOffError `disk`; one that the work throws itself passes as it is.
 */
export async function onDisk<T>(where: string | OnDiskParameters, work: () => Promise<T>): Promise<T> {
  const parameters = typeof where === 'string' ? { path: where } : where;
  try {
    return await work();
  } catch (error) {
    throw error instanceof FlockOffError || parameters.signal?.aborted ? error : await diskFault(parameters, error);
  }
}

/** The error of {@link onDisk}, for what was caught already. */
async function diskFault(parameters: OnDiskParameters, cause: unknown): Promise<FlockOffError> {
  const { path, what = `${path} cannot be read or written`, bytes } = parameters;
  const full = isFull(cause);
  const freeBytes = full ? await freeBytesAt(path) : null;
  const free =
    freeBytes === null ? '' : `; ${size(freeBytes)} are free there${bytes ? `, ${size(bytes)} are needed` : ''}`;
  const room = bytes ? `make room for ${size(bytes)}` : 'make room on that disk';
  const fix =
    parameters.fix ??
    (full ? `${room}, or choose a folder on another` : 'check the path, its rights and the free space');
  return new FlockOffError({
    code: 'disk',
    what: `${what} (${messageOf(cause)}${free})`,
    fix,
    facts: { path, ...(bytes ? { bytes } : {}), ...(freeBytes === null ? {} : { freeBytes }) },
    cause,
  });
}

/** Whether the error means that the disk is full. */
export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | null)?.code ?? '');
}

/** Such as "3.1 GB". */
function size(bytes: number): string {
  return bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** On the file system of the nearest folder that is there. */
async function freeBytesAt(path: string): Promise<number | null> {
  const folder = resolve(path);
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return dirname(folder) === folder ? null : freeBytesAt(dirname(folder));
  }
}
