import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Competition } from '../../schema/competition.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import type { Checked } from '../../schema/verdict.ts';
import { type Logger, safeLogger } from '../../shared/logger.ts';
import { timed } from '../../shared/timed.ts';
import { Turns } from '../../shared/turns.ts';
import type { RowsFacts } from '../check-rows.ts';
import type { Request } from './checker-messages.ts';
import { type AskParameters, CheckerProcess } from './checker-process.ts';

/** A dataset file that keeps the rules, without its rows. */
export interface CheckedFile extends RowsFacts {
  rows: number;
  /** What its rows say, for comparing them with those of other files. */
  fingerprint: Uint8Array;
}

export interface CheckFileParameters {
  /** A `data.jsonl`. */
  path: string;
  competition: Competition;
  /** `rowDigest` of the only rows that the file may have. Default: it may have any. */
  allowedRows?: ReadonlySet<string>;
  signal?: AbortSignal;
}

export interface ReadRowsParameters extends Omit<CheckFileParameters, 'allowedRows'> {
  /** Indexes of the rows that are wanted, from 0. Default: all. */
  keep?: Uint32Array;
  /** What the file must hash to. Default: not asked. */
  sha256?: string;
}

/** Checks files of strangers without holding anybody up. */
export interface DatasetCheckerPort {
  check(parameters: CheckFileParameters): Promise<Checked<CheckedFile>>;
  readRows(parameters: ReadRowsParameters): Promise<DatasetRow[]>;
}

export interface DatasetCheckerParameters {
  /** Most memory of the checking process, all in all. Default 512 MiB; files of 256 MiB take less than 300. */
  memoryBytes?: number;
  /** Most time for one file. Default 5 minutes; files of 256 MiB take less than one. */
  timeoutMs?: number;
  logger?: Logger;
}

/**
 * Checks dataset files in a process of its own, which is started when it is needed and used for every call, one at a time.
 * It has no wallet and no token, and a call that is aborted ends at once, whatever the file holds.
 *
 * @example
 * const checker = new DatasetChecker();
 * const file = await checker.check({ path, competition, signal });
 * if (file.ok) console.log(file.value.rows, file.value.sha256);
 * checker.close();
 */
export class DatasetChecker implements DatasetCheckerPort {
  readonly #memoryBytes: number;
  readonly #timeoutMs: number;
  readonly #logger: Logger;
  #process: CheckerProcess | null = null;
  #closed = false;
  /** Resolves when the last call so far is done. */
  readonly #turns = new Turns();

  constructor({ memoryBytes = 512 * 2 ** 20, timeoutMs = 300_000, logger }: DatasetCheckerParameters = {}) {
    this.#memoryBytes = memoryBytes;
    this.#timeoutMs = timeoutMs;
    this.#logger = safeLogger(logger);
  }

  /**
   * As {@link checkDataset}, with the same verdicts.
   * @throws FlockOffError `disk` when the file cannot be read; `checker-failed` when the process ended or took longer than
   *   `timeoutMs`, which is no finding about the file; `bad-argument` after `close`; the signal's reason when it aborts.
   */
  async check({ path, competition, allowedRows, signal }: CheckFileParameters): Promise<Checked<CheckedFile>> {
    return (await this.#ask({ kind: 'check', path, competition, allowedRows }, { signal })) as Checked<CheckedFile>;
  }

  /**
   * The rows of a file that was checked before, in its order.
   * @throws FlockOffError as `check` does; `disk` also when the file is not what it was.
   */
  async readRows({ path, competition, keep, sha256, signal }: ReadRowsParameters): Promise<DatasetRow[]> {
    const rows: DatasetRow[] = [];
    const onRows = (next: DatasetRow[]) => {
      for (const row of next) rows.push(row);
    };
    const file = (await this.#ask({ kind: 'read', path, competition, keep }, { signal, onRows })) as Checked<{
      sha256: string;
    }>;
    if (file.ok && (sha256 === undefined || file.value.sha256 === sha256)) return rows;
    throw new FlockOffError({
      code: 'disk',
      what: `${path} is not the dataset that was checked${file.ok ? '' : `: ${file.verdict.message}`}`,
      fix: 'restore the file, or remove it so that it is fetched again',
      facts: { path },
    });
  }

  /** Ends the process; calls under way fail. */
  close(): void {
    this.#closed = true;
    this.#process?.end();
    this.#process = null;
  }

  async #ask(request: Request, parameters: Omit<AskParameters, 'timeoutMs'>): Promise<unknown> {
    const { signal } = parameters;
    this.#requireOpen();
    const end = await this.#turns.take(signal);
    try {
      this.#requireOpen();
      if (this.#process === null || this.#process.ended)
        this.#process = new CheckerProcess({ memoryBytes: this.#memoryBytes, logger: this.#logger });
      const process = this.#process;
      return await timed(this.#logger, `checking process: ${request.kind} ${request.path}`, () =>
        process.ask(request, { ...parameters, timeoutMs: this.#timeoutMs }),
      );
    } finally {
      end();
    }
  }

  #requireOpen(): void {
    if (!this.#closed) return;
    throw new FlockOffError({
      code: 'bad-argument',
      what: 'this DatasetChecker has been closed',
      fix: 'make another',
    });
  }
}
