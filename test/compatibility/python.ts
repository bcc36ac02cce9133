import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, test } from 'vitest';
import { defaultCacheFolder } from '../../src/setup/cache.ts';

// Real Python clients in virtual environments of the cache folder, one for each list of requirements beside this file.

const INSTALL_TIMEOUT_MS = 300_000;
/** A lock older than this is of an installation that was killed. */
const ABANDONED_AFTER_MS = INSTALL_TIMEOUT_MS + 60_000;

/** Tests that take seconds of a core on both sides, or are rarely of news: with `COMPAT_ALL=1`. */
export const slow = process.env.COMPAT_ALL === undefined ? test.skip : test;

export interface Python {
  /** Runs a program; its exit code, and what it printed. */
  run(args: string[], options?: RunOptions): Promise<Ended>;
  /** Runs a script that must end well; the last line that it prints. */
  lastLine(args: string[], options?: RunOptions): Promise<string>;
  /** The same, read as JSON. */
  json<T>(args: string[], options?: RunOptions): Promise<T>;
  /** Folder of the environment's programs. */
  bin(): string;
  /** Why it is not there; `null` where it is. For a `beforeAll`: tests themselves are skipped. */
  missing(): string | null;
}

interface Ended {
  code: number | null;
  /** All that it printed, errors and warnings too. */
  output: string;
  stdout: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  /** Another program of the environment than `python`. */
  program?: string;
  timeoutMs?: number;
}

/**
 * The environment of `requirements-<name>.txt`, for the tests of this file: made before them where it is not there yet.
 * Where it cannot be made, every test is skipped with the reason.
 * @param given An interpreter that has what it needs already, to be used instead.
 */
export function usePython(name: string, given?: string): Python {
  let made: { bin: string } | { missing: string } = { missing: 'it is not made yet' };
  beforeAll(async () => {
    made = given ? { bin: dirname(given) } : await makeEnvironment(name);
    if ('missing' in made) console.log(`skipped: ${made.missing}`);
  }, INSTALL_TIMEOUT_MS * 2);
  beforeEach(({ skip }) => {
    if ('missing' in made) skip(made.missing);
  });
  const bin = () => {
    if ('missing' in made) throw new Error(made.missing);
    return made.bin;
  };
  const interpreter = given ? basename(given) : 'python';
  const run = (args: string[], { env, program = interpreter, timeoutMs = 120_000 }: RunOptions = {}) =>
    execute(join(bin(), program), args, env, timeoutMs);
  const lastLineOf = async (args: string[], options?: RunOptions) => {
    const { code, output, stdout } = await run(args, options);
    if (code !== 0) throw new Error(`Python ended with ${code}:\n${output}`);
    return lastLine(stdout);
  };
  return {
    ...{ bin, run, lastLine: lastLineOf },
    json: async (args, options) => JSON.parse(await lastLineOf(args, options)),
    missing: () => ('missing' in made ? made.missing : null),
  };
}

/** What a script answers to a command: `answers.py` serves it. */
export type Ask = <T>(command: string, request?: object) => Promise<T>;

/** A script of an environment that answers requests, for the tests of this block: started with the first, ended after the last. */
export function useAnswers(python: Python, run: () => { args: string[]; env?: Record<string, string> }): Ask {
  let script: { child: ChildProcess; waiting: Waiting[] } | null = null;
  const start = () => {
    const { args, env = {} } = run();
    const child = spawnQuietly(join(python.bin(), 'python'), args, env, 'pipe');
    const waiting: Waiting[] = [];
    let errors = '';
    child.stderr!.on('data', (chunk) => {
      errors += chunk;
    });
    createInterface({ input: child.stdout! }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)));
    child.on('close', (code) => {
      // The next request starts another.
      script = null;
      for (const { reject } of waiting) reject(new Error(`Python ended with ${code}:\n${errors}`));
    });
    return { child, waiting };
  };
  afterAll(() => script?.child.kill());
  return async (command, request = {}) => {
    script ??= start();
    const { child, waiting } = script;
    const answer = new Promise<{ told?: never; error?: string }>((resolve, reject) =>
      waiting.push({ resolve, reject }),
    );
    child.stdin!.write(`${JSON.stringify({ command, ...request })}\n`);
    const { told, error } = await answer;
    if (error) throw new Error(error);
    return told!;
  };
}

interface Waiting {
  resolve: (answer: { told?: never; error?: string }) => void;
  reject: (error: Error) => void;
}

async function makeEnvironment(name: string): Promise<{ bin: string } | { missing: string }> {
  const requirements = join(import.meta.dirname, `requirements-${name}.txt`);
  const version = await execute('python3', ['--version']);
  if (version.code !== 0) return { missing: 'python3 is not there' };
  const hash = createHash('sha256')
    .update(version.output)
    .update(await readFile(requirements))
    .digest('hex');
  const folder = join(defaultCacheFolder(process.env), `python-${name}-${hash.slice(0, 12)}`);
  const [bin, complete] = [join(folder, 'bin'), join(folder, 'complete')];
  const release = await lock(`${folder}.lock`);
  try {
    if (await exists(complete)) return { bin };
    await rm(folder, { recursive: true, force: true });
    const venv = await execute('python3', ['-m', 'venv', folder]);
    if (venv.code !== 0) return { missing: `python3 -m venv failed: ${lastLine(venv.output)}` };
    // Compiled when they are imported: most modules of large packages never are.
    const install = ['-m', 'pip', 'install', '--quiet', '--no-compile', '-r', requirements];
    const pip = await execute(join(bin, 'python'), install);
    if (pip.code !== 0) return { missing: `pip could not install ${name}: ${reason(pip)}` };
    await writeFile(complete, '');
    return { bin };
  } finally {
    await release();
  }
}

/** Test files run beside each other, and share the environments. */
async function lock(path: string): Promise<() => Promise<void>> {
  await mkdir(join(path, '..'), { recursive: true });
  for (;;) {
    const taken = await mkdir(path).catch((error: NodeJS.ErrnoException) => error);
    if (taken === undefined) return () => rm(path, { recursive: true, force: true });
    if (taken.code !== 'EEXIST') throw taken;
    const since = await stat(path).catch(() => null);
    if (since && Date.now() - since.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Warnings stand between what is wrong and the end. */
function reason({ code, output }: Ended): string {
  if (code === null) return `it took more than ${INSTALL_TIMEOUT_MS / 1000} s`;
  return output.split('\n').find((line) => line.startsWith('ERROR')) ?? lastLine(output);
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? '';
}

function execute(command: string, args: string[], env: Record<string, string> = {}, timeoutMs = INSTALL_TIMEOUT_MS) {
  return new Promise<Ended>((resolve) => {
    const child = spawnQuietly(command, args, env, 'ignore', timeoutMs);
    let output = '';
    let stdout = '';
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk) => {
        output += chunk;
      });
    child.stdout!.on('data', (chunk) => {
      stdout += chunk;
    });
    child.on('error', ({ message }) => resolve({ code: -1, output: message, stdout }));
    child.on('close', (code) => resolve({ code, output, stdout }));
  });
}

/** Without tokens and proxies of whoever runs the tests. */
function spawnQuietly(
  command: string,
  args: string[],
  env: Record<string, string>,
  stdin: 'ignore' | 'pipe',
  timeout?: number,
): ChildProcess {
  const { HF_TOKEN: _, ...inherited } = process.env;
  return spawn(command, args, {
    env: { ...inherited, NO_PROXY: '127.0.0.1', PYTHONUNBUFFERED: '1', ...env },
    stdio: [stdin, 'pipe', 'pipe'],
    ...(timeout === undefined ? {} : { timeout }),
  });
}
