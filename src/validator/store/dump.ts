import { spawn } from 'node:child_process';
import { copyFile, constants as files, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { childEnvironment } from '../../shared/child-environment.ts';
import { startIncomplete } from '../../shared/incomplete-file.ts';

/** What LevelDB makes of a folder. */
export type Dump = { entries: Map<string, string> } & (
  | { kind: 'whole' }
  /** Another process, or this one, has it open. */
  | { kind: 'locked' }
  /** LevelDB says why it does not open it, or does not read on. */
  | { kind: 'refused'; message: string }
  /** It ended the process that used it, or would have. */
  | { kind: 'crashed'; how: string }
);

/** Silence after which LevelDB is taken to be caught in a loop. */
const STALL_MS = 120_000;
/** How native code ends a process. */
const CRASHES: NodeJS.Signals[] = ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP'];
const CRASH_CODES = CRASHES.map((signal) => 128 + constants.signals[signal]);
/** What LevelDB reads. */
const DATABASE_FILE = /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb|sst))$/;

/**
 * Plain JavaScript, so that it starts in 80 ms also where the sources are TypeScript. Prints a line for every entry, with
 * what is found under its key: a damaged index hides entries that are there.
 */
const PROGRAM = `
const [, library, folder, repair] = process.argv;
const { ClassicLevel } = require(library);
(async () => {
  if (repair === 'repair') await ClassicLevel.repair(folder);
  const db = new ClassicLevel(folder, { valueEncoding: 'utf8', createIfMissing: false });
  await db.open();
  for await (const [key, value] of db.iterator()) {
    const found = repair === 'repair' ? value : await db.get(key);
    if (!process.stdout.write(JSON.stringify([key, found ?? '']) + '\\n'))
      await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
  await db.close();
  process.stdout.write('{"kind":"end"}\\n');
})().catch(({ message, code, cause }) => {
  process.stdout.write(JSON.stringify({ kind: 'refused', code: cause?.code ?? code ?? '', message: cause?.message ?? message }) + '\\n');
});`;

/**
 * Reads all entries of a LevelDB, or repairs it and reads what that gives, on a copy and in a process of its own: opening
 * changes a folder, also a damaged one, and some damage makes the library end its process. The lock file is
 * hard-linked, so that a folder in use is noticed; tables are copied, since beside an older manifest LevelDB overwrites
 * newer ones.
 *
 * `live`: also while another process writes. What was copied may then not fit together, which only the heads tell.
 * @throws the errors of the system, such as for want of room; an Error when the process was ended from outside.
 */
export async function dump(path: string, how: 'as it is' | 'repaired' | 'live'): Promise<Dump> {
  const copy = await startIncomplete(join(path, 'look'));
  try {
    if (!(await copyDatabase(path, copy, how === 'live'))) return { kind: 'locked', entries: new Map() };
    const seen = await runProgram(copy, how === 'repaired' ? 'repair' : 'look');
    return seen.kind === 'refused' ? { ...seen, message: seen.message.replaceAll(copy, path) } : seen;
  } finally {
    await rm(copy, { recursive: true, force: true }).catch(() => {});
  }
}

/** False where a file went away meanwhile: somebody works there. */
async function copyDatabase(path: string, copy: string, live: boolean): Promise<boolean> {
  await mkdir(copy, { mode: 0o700 });
  for (const name of await readdir(path)) {
    const [from, to] = [resolve(path, name), join(copy, name)];
    try {
      if (name === 'LOCK') {
        if (!live) await symlink(from, to).catch(() => {});
      } else if (DATABASE_FILE.test(name)) await copyFile(from, to, files.COPYFILE_FICLONE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }
  return true;
}

async function runProgram(folder: string, how: 'look' | 'repair'): Promise<Dump> {
  const library = createRequire(import.meta.url).resolve('classic-level');
  // Options of Node are this program's own affair.
  const { NODE_OPTIONS: _, ...env } = childEnvironment({ env: process.env });
  const child = spawn(process.execPath, ['-e', PROGRAM, library, folder, how], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    // Ctrl-C is for who waits for it.
    detached: true,
    windowsHide: true,
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  ended.catch(() => {});
  let stalled = false;
  const stop = () => {
    stalled = true;
    child.kill('SIGKILL');
  };
  let timer = setTimeout(stop, STALL_MS);
  const entries = new Map<string, string>();
  let last: Line | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    clearTimeout(timer);
    timer = setTimeout(stop, STALL_MS);
    last = parseLine(line);
    if (Array.isArray(last)) entries.set(...last);
  }
  const { code, signal } = await ended.finally(() => clearTimeout(timer));
  if (stalled) return { kind: 'crashed', entries, how: `reads it for more than ${STALL_MS / 1000} s without an end` };
  if (signal && CRASHES.includes(signal)) return { kind: 'crashed', entries, how: `ends its process with ${signal}` };
  // The same where a shell stands between.
  if (code !== null && CRASH_CODES.includes(code))
    return { kind: 'crashed', entries, how: `ends its process with code ${code}` };
  if (last && 'kind' in last) {
    if (last.kind === 'end') return { kind: 'whole', entries };
    return last.code === 'LEVEL_LOCKED' ? { kind: 'locked', entries } : { ...last, entries };
  }
  throw new Error(`the process that looks at it ${signal ? `was ended by ${signal}` : `ended with code ${code}`}`);
}

type Line = [key: string, value: string] | { kind: 'end' } | { kind: 'refused'; code: string; message: string };

/** `undefined` for one that a crash has cut. */
function parseLine(line: string): Line | undefined {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return undefined;
  }
}
