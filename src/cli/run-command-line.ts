import { isCode } from '../errors/flock-off-error.ts';
import { secretsOfProcess } from '../shared/process-secrets.ts';
import { Secrets } from '../shared/secrets.ts';
import { printable } from './check/words.ts';

/** What commands that look at something end with. */
export const EXIT = { good: 0, found: 1, usage: 2, unknown: 3 };

export interface CommandLineResult {
  text: string;
  good: boolean;
  /** Whether it could not be found out if it is good. Default false. */
  isUnknown?: boolean;
}

/** Runs such a command: prints what it gives, sets the exit code, and never throws. */
export async function runCommandLine(work: () => Promise<CommandLineResult>): Promise<void> {
  // Who reads the output may leave.
  process.stdout.on('error', () => {});
  try {
    const { text, good, isUnknown = false } = await work();
    console.log(text);
    process.exitCode = isUnknown ? EXIT.unknown : good ? EXIT.good : EXIT.found;
  } catch (error) {
    process.exitCode = isCode(error, 'bad-argument') ? EXIT.usage : EXIT.unknown;
    printFailure(error);
  }
}

/** One line on stderr, without secrets of this process. */
export function printFailure(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  console.error(printable(new Secrets(secretsOfProcess(process)).mask(message)));
}
