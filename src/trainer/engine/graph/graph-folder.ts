import { readdirSync, rmSync, statSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from '../../../shared/is-running.ts';

const NAME = /^flock-off-graph-(\d+)-/;
/** A graph lies there for a second or so: an older one is left, also where its process's number was given out again. */
const ABANDONED_AFTER_MS = 3_600_000;

/** Temporary folder for a graph that TensorFlow loads. Leftovers of killed processes are removed. */
export async function makeGraphFolder(): Promise<string> {
  removeWhere((pid, ageMs) => !isRunning(pid) || ageMs > ABANDONED_AFTER_MS);
  return mkdtemp(join(tmpdir(), `flock-off-graph-${process.pid}-`));
}

/** Removes the folders of a training process that was killed. */
export function removeGraphFoldersOf(killed: number): void {
  removeWhere((pid) => pid === killed);
}

function removeWhere(isLeft: (pid: number, ageMs: number) => boolean): void {
  for (const name of namesIn(tmpdir())) {
    const pid = NAME.exec(name)?.[1];
    if (!pid) continue;
    const folder = join(tmpdir(), name);
    try {
      if (isLeft(Number(pid), Date.now() - statSync(folder).mtimeMs)) rmSync(folder, { recursive: true });
    } catch {
      // Another user's, or another process was first.
    }
  }
}

/** Where there is no such folder, nothing was left in it. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
