import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FlockOffErrorFacts } from '../../errors/facts.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import { abortable } from '../../shared/abortable.ts';
import { childEnvironment } from '../../shared/child-environment.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Reply, Request } from './checker-messages.ts';

export interface CheckerProcessParameters {
  memoryBytes: number;
  logger: Logger;
}

export interface AskParameters {
  timeoutMs: number;
  signal?: AbortSignal;
  onRows?: (rows: DatasetRow[]) => void;
}

interface Call {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  onRows?: (rows: DatasetRow[]) => void;
}

/** One run of the checking process. It is asked one thing at a time. */
export class CheckerProcess {
  readonly #child: ChildProcess;
  readonly #logger: Logger;
  #call: Call | null = null;
  #lastLine = '';
  ended = false;

  constructor({ memoryBytes, logger }: CheckerProcessParameters) {
    this.#logger = logger;
    const heapMiB = Math.max(64, Math.floor(memoryBytes / 2 ** 21));
    this.#child = fork(entry(), [String(memoryBytes)], {
      serialization: 'advanced',
      env: childEnvironment({ env: process.env }),
      execArgv: [`--max-old-space-size=${heapMiB}`, ...loader()],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    logger.debug(`checking process ${this.#child.pid}: started`);
    if (this.#child.stderr)
      createInterface({ input: this.#child.stderr }).on('line', (line) => {
        logger.debug(`checking process ${this.#child.pid}: ${line}`);
        if (line.trim() !== '') this.#lastLine = line;
      });
    this.#child.on('message', (reply: Reply) => this.#take(reply));
    this.#child.on('error', (error) => this.#lost(error.message));
    // After its last words.
    this.#child.once('close', (code, signal) =>
      this.#lost(signal ? `was ended by ${signal}` : `ended with code ${code}`),
    );
    this.#idle();
  }

  /** Ends the process when the signal or the deadline comes first: nothing else stops what runs in it. */
  async ask(request: Request, { timeoutMs, signal, onRows }: AskParameters): Promise<unknown> {
    signal?.throwIfAborted();
    const answered = new Promise((resolve, reject) => {
      this.#call = { resolve, reject, onRows };
    });
    answered.catch(() => {});
    this.#child.ref();
    this.#child.channel?.ref();
    const timer = setTimeout(() => this.end(`did not end within ${timeoutMs / 1000} s`, { timeoutMs }), timeoutMs);
    try {
      this.#child.send(request, () => {});
      return await (signal ? abortable(answered, signal) : answered);
    } catch (error) {
      if (this.#call) this.end('was ended by the signal of its call');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  end(how = 'was ended', facts: FlockOffErrorFacts['checker-failed'] = {}): void {
    this.#child.kill('SIGKILL');
    this.#lost(how, facts);
  }

  #take(reply: Reply): void {
    const call = this.#call;
    if (!call) return;
    if (reply.kind === 'rows') {
      call.onRows?.(reply.rows);
      return;
    }
    this.#call = null;
    this.#idle();
    if (reply.kind === 'done') call.resolve(reply.value);
    else call.reject(new FlockOffError(reply.error));
  }

  /** A process that nobody waits for does not keep this one alive. */
  #idle(): void {
    this.#child.unref();
    this.#child.channel?.unref();
    (this.#child.stderr as { unref?(): void } | null)?.unref?.();
  }

  #lost(how: string, facts: FlockOffErrorFacts['checker-failed'] = {}): void {
    if (this.ended) return;
    this.ended = true;
    this.#logger.debug(`checking process ${this.#child.pid}: ${how}`);
    const words = this.#lastLine ? `: ${this.#lastLine}` : '';
    this.#call?.reject(
      new FlockOffError({
        code: 'checker-failed',
        what: `the process that checks datasets ${how}${words}`,
        fix: 'the next call starts it again; free memory or processors of this machine if that goes on',
        facts: this.#lastLine ? { ...facts, line: this.#lastLine } : facts,
        transient: true,
      }),
    );
    this.#call = null;
  }
}

const isSource = import.meta.url.endsWith('.ts');

/** Beside this module, in the source as in the build. */
function entry(): string {
  return fileURLToPath(new URL(`./checker-main.${isSource ? 'ts' : 'js'}`, import.meta.url));
}

/** What runs TypeScript, whatever this process uses for that. */
function loader(): string[] {
  return isSource ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [];
}
