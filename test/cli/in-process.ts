import type { Command } from 'commander';
import { vi } from 'vitest';

export interface InProcessResult {
  code: unknown;
  stdout: string;
  stderr: string;
}

class Exited extends Error {
  readonly code: unknown;

  constructor(code: unknown) {
    super(`exited with ${code}`);
    this.code = code;
  }
}

/**
 * Runs a command of `flock-off` in this process, where what it prints and ends with is tested and not how it starts: a
 * process of its own takes two seconds to load. One at a time.
 * @param env besides this process's; `undefined` takes a variable away.
 */
export async function inProcess(
  command: Command,
  args: string[],
  { cwd, env = {} }: { cwd: string; env?: Record<string, string | undefined> },
): Promise<InProcessResult> {
  const [before, envBefore] = [process.cwd(), { ...process.env }];
  const said = { stdout: '', stderr: '' };
  const line = (stream: keyof typeof said) => (text: unknown) => {
    said[stream] += `${text}\n`;
  };
  const piece = (stream: keyof typeof said) => (text: unknown) => {
    said[stream] += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(line('stdout')),
    vi.spyOn(console, 'warn').mockImplementation(line('stderr')),
    vi.spyOn(console, 'error').mockImplementation(line('stderr')),
    vi.spyOn(process.stdout, 'write').mockImplementation(piece('stdout')),
    vi.spyOn(process.stderr, 'write').mockImplementation(piece('stderr')),
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Exited(code);
    }),
  ];
  const listening = process.stdout.listeners('error');
  process.chdir(cwd);
  for (const [name, value] of Object.entries(env))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  try {
    await command.parseAsync(args, { from: 'user' });
    return { code: process.exitCode ?? 0, ...said };
  } catch (error) {
    if (error instanceof Exited) return { code: error.code, ...said };
    throw error;
  } finally {
    process.exitCode = undefined;
    for (const listener of process.stdout.listeners('error'))
      if (!listening.includes(listener)) process.stdout.off('error', listener as () => void);
    process.chdir(before);
    for (const name of Object.keys(process.env)) if (!(name in envBefore)) delete process.env[name];
    Object.assign(process.env, envBefore);
    for (const spy of spies) spy.mockRestore();
  }
}
