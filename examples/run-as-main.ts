import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printable } from './printable.ts';

/**
 * Runs `main` when this module is the script that was started: Ctrl-C aborts its signal, an error is printed as one
 * sentence, and the exit code is 1 after an error.
 */
export async function runAsMain(
  moduleUrl: string,
  main: (argv: string[], signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const script = process.argv[1];
  if (script === undefined || realpathSync(script) !== fileURLToPath(moduleUrl)) return;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('Stopped.')));
  process.once('SIGTERM', () => interrupted.abort(new Error('Stopped.')));
  try {
    await main(process.argv.slice(2), interrupted.signal);
  } catch (error) {
    process.stderr.write(`${printable(error instanceof Error ? error.message : String(error))}\n`);
    process.exitCode = 1;
  }
}
