import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('./on-terminal.py', import.meta.url));
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Interrupt {
  /** A key, the end of the terminal, or a signal for the command alone. */
  how: 'ctrl-c' | 'close' | 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGKILL';
  /** After the text, or the interrupt before. */
  afterMs: number;
}

export interface OnTerminalParameters {
  command: string[];
  interrupts: Interrupt[];
  /** What is printed before the first interrupt counts. Default: nothing. */
  afterText?: string;
  /** For everything to end after the first interrupt. */
  withinMs: number;
  /** Of the terminal. Default: it has no size. */
  columns?: number;
  env?: Record<string, string>;
}

export interface TerminalRun {
  /** What a shell would say: 128 and the signal's number where one ended it. `null` when it did not end. */
  exitCode: number | null;
  interrupted: boolean;
  /** From the first interrupt on. */
  tookMs: number;
  /** Command lines of the processes that still ran then, whosever children. */
  left: string[];
  output: string;
}

/** Runs a command on a pseudo-terminal of its own and interrupts it, as a person at the keyboard does. */
export async function onTerminal({ env = {}, ...run }: OnTerminalParameters): Promise<TerminalRun> {
  const { PATH = '', HOME = '', TF_CPP_MIN_LOG_LEVEL = '3' } = process.env;
  const { stdout } = await promisify(execFile)('python3', [PROGRAM, JSON.stringify(run)], {
    cwd: ROOT,
    env: { PATH, HOME, TF_CPP_MIN_LOG_LEVEL, TERM: 'xterm', ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  const { code, ...ended } = JSON.parse(stdout) as Omit<TerminalRun, 'exitCode'> & { code: number | null };
  return { ...ended, exitCode: code !== null && code < 0 ? 128 - code : code };
}
