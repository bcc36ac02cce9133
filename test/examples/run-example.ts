import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface ExampleRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs an example as a user does, with nothing of this machine's wallets or tokens in its environment. */
export async function runExample(
  script: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<ExampleRun> {
  const { PATH = '', HOME = '', TF_CPP_MIN_LOG_LEVEL = '3' } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${script}`, ...args], {
    cwd: ROOT,
    env: { PATH, HOME, TF_CPP_MIN_LOG_LEVEL, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const run: ExampleRun = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    run.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    run.stderr += chunk;
  });
  [run.code] = await once(child, 'close');
  return run;
}
