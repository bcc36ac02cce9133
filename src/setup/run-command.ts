import { spawn } from 'node:child_process';

export interface RunCommandParameters {
  command: string;
  args: string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** The command is killed when it runs longer. */
  timeoutMs: number;
}

/** The outcome of a command. `code` is `null` when a signal ended it or it could not be started. */
export interface CommandResult {
  code: number | null;
  /** The signal that ended it, `ENOENT` and the like when it could not be started, else `null`. */
  stoppedBy: string | null;
  stdout: string;
  stderr: string;
}

/** Runs a command without a shell and without input, and returns its output. Never throws. */
export function runCommand({ command, args, cwd, env, timeoutMs }: RunCommandParameters): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    // spawn's own timeout keeps the process alive after a command that could not be started.
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const end = (code: number | null, stoppedBy: string | null) => {
      clearTimeout(timer);
      resolve({ code, stoppedBy, stdout, stderr });
    };
    child.on('error', (error: NodeJS.ErrnoException) => end(null, error.code ?? error.message));
    child.on('close', end);
  });
}

/** The most telling line of a failed command's output: the last one with "error" in it, else the last one. */
export function reasonOf({ code, stoppedBy, stdout, stderr }: CommandResult): string {
  const lines = `${stdout}\n${stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const line = lines.findLast((candidate) => /error/i.test(candidate)) ?? lines.at(-1);
  // pip quotes the address of a proxy, with its password, and not always as it was given.
  const shown = line?.replace(/(?<=\/\/)\S*@|[^\s/:@]+:[^\s/]+@/g, '');
  return shown?.slice(0, 300) ?? (stoppedBy ? `stopped by ${stoppedBy}` : `exit code ${code}`);
}
