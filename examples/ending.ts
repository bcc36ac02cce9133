import { printError } from './printable.ts';
import { parents } from './process-identity.ts';

/** What the exit code says; part of every `--help`. */
export const EXIT_CODES =
  'Exit code: 0 when the work is done, 1 after an error, 130 after Ctrl-C, 143 after SIGTERM, 129 when the terminal was closed. A second Ctrl-C ends at once.';

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
/** A terminal, npm and tsx each pass on one and the same Ctrl-C. */
const SAME_INTERRUPT_MS = 500;
/** How long whatever was opened may take to close. */
const LAST_RESORT_MS = 5_000;
/** How long the process may live on once all is closed. */
const LINGER_MS = 1_000;
const PARENT_CHECK_MS = 500;

/**
 * How this process ends. A signal, or an error that nobody caught, aborts `signal`, and `main` closes what it has opened;
 * what is not closed some seconds later, or still keeps the process alive, does not do so for ever.
 */
export class Ending {
  readonly #stop = new AbortController();
  readonly #logsEndings: boolean;
  #code = 0;
  #beganAtMs = 0;
  #isSettled = false;
  #printed: unknown;
  #deadline: NodeJS.Timeout | undefined;

  constructor({ logsEndings }: { logsEndings: boolean }) {
    this.#logsEndings = logsEndings;
    for (const [name, code] of Object.entries(SIGNALS)) process.on(name, () => this.#interrupted(code));
    process.on('uncaughtException', (error) => this.#crashed(error));
    // Who reads the output may leave; a file on a full disk takes no more, and that ends nothing.
    process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => code === 'EPIPE' && this.#begin(1, outputClosed()));
    process.stderr.on('error', () => {});
    // Where npm or npx is told to end, it ends the shell between it and this process, and the shell tells nobody.
    const startedBy = parents();
    if (process.env.npm_lifecycle_event)
      setInterval(() => parents() !== startedBy && this.#begin(SIGNALS.SIGTERM, stopped()), PARENT_CHECK_MS).unref();
  }

  /** Aborts when the process is to end. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** `main` has done its work: for a script that runs until Ctrl-C, that is no failure either. */
  done(): void {
    this.#settle(this.#code === 1 ? 1 : 0);
  }

  /** `isPrinted`: whether it stands on stderr already. */
  failed(error: unknown, { isPrinted = false } = {}): void {
    if (error !== this.#printed && !isPrinted) printError(error);
    this.#settle(this.#code || 1);
  }

  #interrupted(code: number): void {
    if (this.#begin(code, stopped()) || performance.now() - this.#beganAtMs < SAME_INTERRUPT_MS) return;
    process.exit(this.#code);
  }

  #crashed(error: unknown): void {
    printError(error);
    this.#printed = error;
    this.#begin(1, error);
  }

  /** False when the end has begun already. */
  #begin(code: number, reason: unknown): boolean {
    if (this.#isSettled) process.exit(code);
    if (this.signal.aborted) return false;
    if (code === SIGNALS.SIGHUP) process.once('exit', dieOfHangup);
    this.#code = code;
    this.#beganAtMs = performance.now();
    this.#deadline = this.#exitAfter(LAST_RESORT_MS);
    this.#stop.abort(reason);
    return true;
  }

  #settle(code: number): void {
    this.#isSettled = true;
    this.#code = code;
    process.exitCode = code;
    clearTimeout(this.#deadline);
    this.#exitAfter(LINGER_MS).unref();
  }

  #exitAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      const left = process.getActiveResourcesInfo().join(', ') || 'a promise';
      if (this.#logsEndings) printError(`ended ${ms} ms after its end began, with work left: ${left}`);
      process.exit(this.#code);
    }, ms);
  }
}

/** Node sets its terminal back before it ends, and aborts with a core dump where there is none any more. */
function dieOfHangup(): void {
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
}

function stopped(): Error {
  return new Error('Stopped.');
}

function outputClosed(): Error {
  return new Error('Stopped: nobody reads the output any more (EPIPE).');
}
