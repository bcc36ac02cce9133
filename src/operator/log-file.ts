import type { RotatingFileStream } from 'rotating-file-stream';
import { BestEffort } from '../shared/best-effort.ts';
import { makeFolder } from '../shared/make-folder.ts';

export interface LogFileParameters {
  folder: string;
  /** `NAME.log` is written; `NAME-<time>-<number>.log` is what was full or of another day. */
  name: string;
  /** Default 20 MB. */
  maxBytes?: number;
  /** Told once that the folder takes no more, and again only after it did. */
  warn: (line: string) => void;
}

/**
 * The names of files of the {@link LogFile} of that name that are over.
 * @example
 * await keepFiles({ folder: 'logs', names: logFiles('validator'), maxBytes: 1e8, nowMs: Date.now() });
 */
export function logFiles(name: string): RegExp {
  return new RegExp(`^${name.replace(/\W/g, '\\$&')}-\\d{8}-\\d{6}-\\d+\\.log$`);
}

const MAX_BYTES = 20_000_000;
const RETRY_MS = 60_000;
/** What a disk that stands still may cost in memory. */
const MOST_WAITING_BYTES = 8_000_000;

/**
 * Lines in a file that is begun anew each day and when it is full. A folder that cannot be written costs the lines and nothing
 * else: it is tried again after a minute.
 * @example
 * const file = new LogFile({ folder: 'logs', name: 'validator', warn: console.warn });
 * file.write('a line\n');
 * await file.close();
 */
export class LogFile {
  readonly #parameters: LogFileParameters;
  readonly #bestEffort: BestEffort;
  #stream: RotatingFileStream | null = null;
  #opening: Promise<void> | null = null;
  #retryMs = 0;
  #waiting: string[] = [];
  #waitingBytes = 0;

  constructor(parameters: LogFileParameters) {
    this.#parameters = parameters;
    this.#bestEffort = new BestEffort(parameters.warn);
  }

  /** Takes a line with its end. Never throws. */
  write(line: string): void {
    if (this.#stream) {
      if (this.#stream.writableLength < MOST_WAITING_BYTES) this.#stream.write(line);
      return;
    }
    if (this.#waitingBytes < MOST_WAITING_BYTES) {
      this.#waiting.push(line);
      this.#waitingBytes += line.length;
    }
    if (this.#opening === null && performance.now() >= this.#retryMs) this.#opening = this.#open();
  }

  /** Resolves when what was taken is on the disk, or cannot be. */
  async close(): Promise<void> {
    await this.#opening;
    const stream = this.#stream;
    this.#stream = null;
    if (stream)
      await new Promise<void>((resolve) =>
        stream
          .once('close', resolve)
          .once('error', () => resolve())
          .end(),
      );
  }

  async #open(): Promise<void> {
    const { folder, name, maxBytes = MAX_BYTES } = this.#parameters;
    const opened = await this.#bestEffort
      .attempt('the log', folder, async () => {
        const { createStream } = await import('rotating-file-stream');
        await makeFolder(folder);
        const fileName = (time: number | Date | null, index?: number) =>
          time ? `${name}-${stamp(new Date(time))}-${index}.log` : `${name}.log`;
        const options = { path: folder, size: `${Math.ceil(maxBytes / 1000)}K`, interval: '1d', mode: 0o600 } as const;
        const stream = createStream(fileName as never, options);
        await new Promise<void>((resolve, reject) => stream.once('open', () => resolve()).once('error', reject));
        stream.on('error', (error) => this.#lost(stream, error));
        // What is wrong with a rotation does not lose a line.
        stream.on('warning', () => {});
        this.#stream = stream;
        for (const line of this.#waiting) stream.write(line);
      })
      .catch(() => false);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (!opened) this.#retryMs = performance.now() + RETRY_MS;
    this.#opening = null;
  }

  #lost(stream: RotatingFileStream, error: Error): void {
    if (this.#stream !== stream) return;
    this.#stream = null;
    this.#retryMs = performance.now() + RETRY_MS;
    stream.destroy();
    void this.#bestEffort.attempt('the log', this.#parameters.folder, () => Promise.reject(error)).catch(() => {});
  }
}

/** In UTC, as the lines have it. */
function stamp(time: Date): string {
  const [date = '', clock = ''] = time.toISOString().split('T');
  return `${date.replaceAll('-', '')}-${clock.slice(0, 8).replaceAll(':', '')}`;
}
