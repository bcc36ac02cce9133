import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ending } from './ending.ts';
import { closeLogs, recordEnd, recordSaid } from './log.ts';
import { Status } from './status.ts';

type Main = (argv: string[], signal: AbortSignal, status: Status) => Promise<unknown>;

/** Runs `main` to its end when this module is the script that was started. */
export async function runAsMain(moduleUrl: string, main: Main): Promise<void> {
  const script = process.argv[1];
  if (script === undefined || realpathSync(script) !== fileURLToPath(moduleUrl)) return;
  await runToEnd(main, process.argv.slice(2));
}

/**
 * The signal of `main` aborts on Ctrl-C and the like, an error is printed as one sentence, and the process ends once
 * `main` has: with which exit code, {@link EXIT_CODES} says.
 */
export async function runToEnd(main: Main, argv: string[]): Promise<void> {
  const ending = new Ending({ logsEndings: argv.some((flag) => /^--logging\.(debug|trace)$/.test(flag)) });
  const status = new Status({ onSay: recordSaid });
  try {
    await main(argv, ending.signal, status);
    status.close();
    await closeLogs();
    ending.done();
  } catch (error) {
    status.close();
    const isPrinted = recordEnd(error);
    await closeLogs();
    ending.failed(error, { isPrinted });
  }
}
