import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../shared/clock.ts';

/** What one folder takes. */
export interface FolderUse {
  /** Such as `reports`. */
  name: string;
  path: string;
  /** All files in it. */
  bytes: number;
  files: number;
  /** That this user may still write on its disk; `null` where the system does not say. */
  freeBytes: number | null;
}

/**
 * What folders take, links not followed. One that is not there takes nothing, and what goes away meanwhile is not counted.
 * @example
 * await diskUse({ reports: '.flock-off/validator/reports' });
 */
export function diskUse(folders: Readonly<Record<string, string>>): Promise<FolderUse[]> {
  return Promise.all(
    Object.entries(folders).map(async ([name, path]) => {
      const total = { bytes: 0, files: 0 };
      await addUp(path, total);
      const disk = await statfs(path).catch(() => null);
      return { name, path, ...total, freeBytes: disk && disk.bavail * disk.bsize };
    }),
  );
}

/** One after the other: nothing waits for it, and a disk that is busy has better to do. */
async function addUp(path: string, total: { bytes: number; files: number }): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) await addUp(inner, total);
    else if (entry.isFile()) {
      const found = await lstat(inner).catch(() => null);
      total.bytes += found?.size ?? 0;
      total.files += found ? 1 : 0;
    }
  }
}

export interface DiskWatchParameters {
  folders: Readonly<Record<string, string>>;
  /** Between two looks. Default 5 minutes. */
  everyMs?: number;
  clock?: Clock;
}

const EVERY_MS = 300_000;

/**
 * Looks at folders from time to time, so that who asks does not wait for the disk.
 * @example
 * const disk = new DiskWatch({ folders: { state: '.flock-off/validator/state' } });
 * void disk.run({ signal });
 * const metrics = await ValidatorMetrics.open({ watch, disk });
 */
export class DiskWatch {
  readonly #parameters: DiskWatchParameters;
  #seen: FolderUse[] = [];

  constructor(parameters: DiskWatchParameters) {
    this.#parameters = parameters;
  }

  /** As of the last look; empty before the first. */
  get folders(): readonly FolderUse[] {
    return this.#seen;
  }

  /** Looks now and again until the signal aborts. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { folders, everyMs = EVERY_MS, clock = systemClock } = this.#parameters;
    while (!signal.aborted) {
      this.#seen = await diskUse(folders);
      await clock.sleep({ durationMs: everyMs, signal }).catch(() => {});
    }
  }
}
