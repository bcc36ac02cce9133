import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ending } from './ending.ts';
import { Status } from './status.ts';

/**
 * Runs `main` when this module is the script that was started. Its signal aborts on Ctrl-C and the like, an error is
 * printed as one sentence, and the process ends once `main` has: with which exit code, {@link EXIT_CODES} says.
 */
export async function runAsMain(
  moduleUrl: string,
  main: (argv: string[], signal: AbortSignal, status: Status) => Promise<unknown>,
): Promise<void> {
  const script = process.argv[1];
  if (script === undefined || realpathSync(script) !== fileURLToPath(moduleUrl)) return;
  const ending = new Ending({ logsEndings: process.argv.some((flag) => /^--logging\.(debug|trace)$/.test(flag)) });
  const status = new Status();
  try {
    await main(process.argv.slice(2), ending.signal, status);
    status.close();
    ending.done();
  } catch (error) {
    status.close();
    ending.failed(error);
  }
}
