import { readFile, stat, writeFile } from 'node:fs/promises';
import { readOwnRows } from '../../competition/own-rows.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { lockSet } from '../../evaluation-sets/locked-file.ts';
import {
  beaconOf,
  firstSetFor,
  isFarAhead,
  MOST_DAYS_AHEAD,
  opensText,
  roundOfSet,
} from '../../evaluation-sets/schedule.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { dayRulesOf, nextSubmissionsEndMs } from './day-times.ts';
import { nowOf, readLockedCompetition } from './locked-rule.ts';
import { runCommand, type ServiceFlags, say, withChain } from './services.ts';

export interface LockFlags extends ServiceFlags {
  file: string;
  competition: string;
  set?: number;
  at?: string;
  by?: string;
  out?: string;
}

const HOUR_MS = 3_600_000;

/** Locks an evaluation set; sets the exit code and never throws. */
export async function runLock(flags: LockFlags): Promise<void> {
  await runCommand(async (signal) => {
    const { file, by, out = `${file}.locked` } = flags;
    const { rows, bytes } = await readOwnRows({ path: file, signal });
    const locked = await readLockedCompetition(flags.competition, flags, signal);
    const { rule } = locked;
    if (bytes > rule.maxBytes || rows.length > rule.maxRows)
      throw bad(
        `${file} has ${bytes} bytes and ${rows.length} rows, and a set of this competition may have ${rule.maxBytes} and ${rule.maxRows}`,
        'take fewer rows',
      );
    const data = await onDisk(file, () => readFile(file));
    if (data.at(-1) !== 0x0a) throw bad(`the last line of ${file} has no line break`, 'add one');
    const { next, timeMs } = await withChain(flags, signal, (subtensor) => nowOf(locked, subtensor, signal));
    const day = dayRulesOf(locked.founded.competition);
    // Of a day whose submissions end so soon none is listed any more.
    const usable = day ? firstSetFor(rule, nextSubmissionsEndMs(day, timeMs + HOUR_MS)) : next;
    const index = flags.set ?? (flags.at === undefined ? usable : firstSetAt(rule, flags.at));
    if (index < next)
      throw bad(
        `set ${index} opens ${opensText(rule, index)}, too soon for an epoch that begins from now on`,
        `lock it as set ${next} or a later one`,
      );
    if (isFarAhead(rule, index, timeMs))
      throw bad(
        `set ${index} opens ${opensText(rule, index)}, and the rows would be locked until then`,
        `lock sets of the next ${MOST_DAYS_AHEAD} days; set ${next} is the next`,
      );
    const round = roundOfSet(rule, index);
    const { file: bytesOfFile } = await lockSet({ data, rows: rows.length, round, beacon: beaconOf(rule), by });
    // What is there may be listed by now, and nobody could make that very file again.
    if ((await stat(out).catch(() => null)) !== null)
      throw bad(
        `${out} is there already, and may be listed`,
        'remove it if it is not, or name another file with --out',
      );
    await onDisk(out, () => writeWhole(out, (incomplete) => writeFile(incomplete, bytesOfFile)));
    say(
      `${out}: ${rows.length} rows, locked until drand round ${round}, ${opensText(rule, index)}, as set ${index}`,
      'nobody can open it before, and everybody can afterwards; keep the rows to yourself until then',
      `it is listed with: flock-off competition append ${flags.competition} ${out}`,
    );
  });
}

/** The margin is for epochs; here the first that opens then or later is meant. */
function firstSetAt(rule: Parameters<typeof firstSetFor>[0], at: string): number {
  const timeMs = Date.parse(at);
  if (!Number.isFinite(timeMs)) throw bad(`--at ${at} is no time`, 'pass one such as 2026-12-01T12:00Z');
  return firstSetFor({ ...rule, marginSeconds: 0 }, timeMs);
}

function bad(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix });
}
