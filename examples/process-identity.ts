import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * A process as a file name can tell it, "<machine>-<number>-<start>": its number alone is given out again, and means
 * another process in a container that shares the folder.
 */
export function ownIdentity(): string {
  return `${machine()}-${process.pid}-${startOf(process.pid) ?? 0}`;
}

/** Whether the process of an identity is over for sure; one of another machine or container never is. */
export function isOver(identity: string): boolean {
  const [where, pid, start] = identity.split('-');
  if (where !== machine()) return false;
  const running = startOf(Number(pid));
  return running === null || String(running) !== start;
}

/** Who started this process, and who started tsx where it was tsx; the latter only where the system says it. */
export function parents(): string {
  const parent = process.ppid;
  try {
    const isTsx = readFileSync(`/proc/${parent}/cmdline`, 'utf8').includes('tsx');
    return isTsx ? `${parent} ${fieldsInProc(parent)[1]}` : `${parent}`;
  } catch {
    return `${parent}`;
  }
}

function machine(): string {
  return createHash('sha256').update(`${hostname()} ${pidNamespace()}`).digest('hex').slice(0, 8);
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** When a process was started, in whatever unit this system counts; 0 where it does not say, `null` when there is none. */
function startOf(pid: number): number | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return null;
  }
  try {
    return process.platform === 'linux' ? startInProc(pid) : startInPs(pid);
  } catch {
    return 0;
  }
}

function startInProc(pid: number): number | null {
  const fields = fieldsInProc(pid);
  return fields[0] === 'Z' ? null : Number(fields[19]);
}

/** What stands behind the name, which may hold anything: the state, the parent, and 18 fields on the start in clock ticks. */
function fieldsInProc(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function startInPs(pid: number): number {
  const env = { ...process.env, LC_ALL: 'C' };
  return Date.parse(execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env })) || 0;
}
