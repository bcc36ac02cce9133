import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSX = new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;

export interface ExampleRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface StartExampleParameters {
  /** Beside the little that every process needs. */
  env?: Record<string, string>;
  /** Working folder. Default: the repository. */
  cwd?: string;
}

export interface RunningExample {
  /** What was printed so far. */
  readonly output: ExampleRun;
  /** Resolves once stdout matches; rejects when the script ends without. */
  printed(pattern: RegExp): Promise<void>;
  /** The same for stderr. */
  warned(pattern: RegExp): Promise<void>;
  /** What Ctrl-C does. */
  interrupt(): void;
  ended: Promise<ExampleRun>;
}

/** Starts an example as a user does, with nothing of this machine's wallets or tokens in its environment. */
export function startExample(
  script: string,
  args: string[],
  { env, cwd = ROOT }: StartExampleParameters = {},
): RunningExample {
  const { PATH = '', HOME = '', TF_CPP_MIN_LOG_LEVEL = '3' } = process.env;
  const child = spawn(process.execPath, ['--import', TSX, `${ROOT}examples/${script}`, ...args], {
    cwd,
    env: { PATH, HOME, TF_CPP_MIN_LOG_LEVEL, TSX_TSCONFIG_PATH: `${ROOT}tsconfig.json`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const run: ExampleRun = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    run.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    run.stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]): ExampleRun => ({ ...run, code }));
  const seen = (stream: 'stdout' | 'stderr', pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => pattern.test(run[stream]) && resolve();
      child[stream].on('data', look);
      child.once('close', () => reject(new Error(`${script} ended without printing ${pattern}:\n${run.stderr}`)));
      look();
    });
  return {
    output: run,
    printed: (pattern) => seen('stdout', pattern),
    warned: (pattern) => seen('stderr', pattern),
    interrupt: () => child.kill('SIGINT'),
    ended,
  };
}

export function runExample(
  script: string,
  args: string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<ExampleRun> {
  return startExample(script, args, { env, cwd }).ended;
}

/** The lines of the smallest dataset there is. */
export const ROWS = ['Hi', 'Hey'].map((content) =>
  JSON.stringify({
    conversations: [
      { role: 'user', content },
      { role: 'assistant', content: 'Hello' },
    ],
  }),
);
