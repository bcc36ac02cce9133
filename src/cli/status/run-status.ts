import { join } from 'node:path';
import { FlockOffError, isCode } from '../../errors/flock-off-error.ts';
import { judgeHealth } from '../../operator/health.ts';
import type { ValidatorSnapshot } from '../../operator/snapshot.ts';
import { snapshotText } from '../../operator/snapshot-text.ts';
import { livenessOf, readStatusFile } from '../../operator/status-file.ts';
import { durationText } from '../../operator/words.ts';
import { printable } from '../check/words.ts';
import { runCommandLine } from '../run-command-line.ts';

/** Prints what the validator of a data folder does. */
export function runStatus({ folder, json }: { folder: string; json: boolean }): Promise<void> {
  return runCommandLine(async () => {
    const path = join(folder, 'status.json');
    const snapshot = await readStatusFile({ path }).catch((error: unknown) => {
      // It is the file that is not understood, not the command.
      if (!isCode(error, 'bad-argument')) throw error;
      throw new FlockOffError({ ...error.toParameters(), code: 'disk', facts: { path } });
    });
    if (snapshot === null)
      throw new FlockOffError({
        code: 'disk',
        what: `there is no ${path}: no validator has run with that folder`,
        fix: 'check --data_dir',
        facts: { path },
      });
    const nowMs = Date.now();
    const liveness = livenessOf(snapshot, nowMs);
    const { healthy, problems } = judgeHealth(snapshot, nowMs);
    const good = liveness === 'running' && healthy;
    if (json) return { text: JSON.stringify({ ...snapshot, liveness, healthy: good, problems }, null, 2), good };
    const text = snapshotText(snapshot, nowMs).split('\n').map(printable).join('\n');
    return { text: `${text}${REMARKS[liveness](snapshot, nowMs)}`, good };
  });
}

const REMARKS: Record<ReturnType<typeof livenessOf>, (snapshot: ValidatorSnapshot, nowMs: number) => string> = {
  running: () => '',
  ended: () => '',
  killed: ({ atMs, pid }, nowMs) =>
    `\n\nProcess ${pid} is gone: this is what it did ${durationText(nowMs - atMs)} ago. Start it again; it goes on from there.`,
  silent: ({ atMs }, nowMs) =>
    `\n\nIt last said so ${durationText(nowMs - atMs)} ago: its process hangs, has no room on its disk, or was on another machine.`,
};
