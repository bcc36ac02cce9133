import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { DestinationStream, Logger as Pino } from 'pino';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type { Logger } from '../shared/logger.ts';

export interface RecordedLogParameters {
  /** The least that is recorded. */
  level: 'trace' | 'debug' | 'info';
  /** Where lines of JSON go, each with its end, such as stderr and a {@link LogFile}. */
  sinks: readonly { write(line: string): void }[];
  /** One of pino's transports, such as `pino-loki` or `pino-opentelemetry-transport`: runs in a thread of its own. */
  transport?: { target: string; options?: Record<string, unknown> };
  /** Whose packages a transport is found among. Default: the working folder. */
  from?: string;
  /** Masks secrets in a message and in the facts behind it. Default: nothing is masked. */
  mask?: (text: string) => string;
  /** Told once when the transport does not work. */
  warn?: (line: string) => void;
}

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/**
 * A log of pino's lines: level, time, message, facts, the block with which the epoch began (`epoch`), and the `uid` of a line
 * that is about a miner. Lines are kept until pino is loaded.
 * @example
 * const log = new RecordedLog({ level: 'info', sinks: [process.stderr] });
 * const validator = { ...parameters, logger: log.logger };
 */
export class RecordedLog {
  readonly logger: Logger;
  readonly #parameters: RecordedLogParameters;
  readonly #opening: Promise<void>;
  #pino: Pino | null = null;
  #transport: (DestinationStream & { end(): void; once(event: string, call: () => void): void }) | null = null;
  #waiting: (() => void)[] | null = [];
  #epoch: number | null = null;

  /** @throws FlockOffError `bad-argument` when there is no such transport. */
  constructor(parameters: RecordedLogParameters) {
    this.#parameters = parameters;
    const { transport, from = process.cwd() } = parameters;
    const target = transport && resolved(transport.target, from);
    const write = (level: Level) => (message: string, facts?: Record<string, unknown>) =>
      this.#write(level, message, facts);
    const { level } = parameters;
    const silent = () => {};
    this.logger = {
      trace: level === 'trace' ? write('trace') : silent,
      debug: level === 'info' ? silent : write('debug'),
      ...{ info: write('info'), warn: write('warn'), error: write('error') },
    };
    this.#opening = this.#open(target);
  }

  /** The block with which the epoch began that the next lines are about; `null`: none. */
  set epoch(startBlock: number | null) {
    this.#epoch = startBlock;
  }

  /** Hands on what is left. Sinks are closed by who made them. */
  async close(): Promise<void> {
    await this.#opening;
    const transport = this.#transport;
    if (!transport) return;
    const gone = new Promise<void>((resolve) => transport.once('close', resolve));
    transport.end();
    const timer = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
    await Promise.race([gone, timer]);
  }

  #write(level: Level, message: string, facts?: Record<string, unknown>): void {
    const uid = /^uid (\d+)\b/.exec(message)?.[1];
    const about = { ...(this.#epoch !== null && { epoch: this.#epoch }), ...(uid && { uid: Number(uid) }), ...facts };
    const { mask = (text) => text } = this.#parameters;
    const said = mask(message);
    const known = JSON.parse(JSON.stringify(about), (_, value) => (typeof value === 'string' ? mask(value) : value));
    const atMs = Date.now();
    const line = () => this.#pino?.[level]({ ...known, time: new Date(atMs).toISOString() }, said);
    if (this.#waiting) this.#waiting.push(line);
    else line();
  }

  async #open(target: string | undefined): Promise<void> {
    const { pino } = await import('pino');
    const { sinks, transport, level, warn } = this.#parameters;
    const streams: DestinationStream[] = sinks.map((sink) => ({ write: (line) => sink.write(line) }));
    if (target !== undefined) {
      const stream = pino.transport({ target, options: transport?.options ?? {} });
      let isTold = false;
      stream.on('error', (error: unknown) => {
        if (!isTold)
          warn?.(`the log transport ${transport?.target} does not work (${messageOf(error)}); the work goes on.`);
        isTold = true;
      });
      this.#transport = stream;
      streams.push(stream);
    }
    this.#pino = pino(
      { level, base: null, timestamp: false, formatters: { level: (label) => ({ level: label }) } },
      pino.multistream(streams.map((stream) => ({ level, stream }))),
    );
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const line of waiting) line();
  }
}

/** What a transport may take to send its last lines. */
const CLOSE_MS = 1_500;

function resolved(target: string, from: string): string {
  try {
    return createRequire(join(from, 'package.json')).resolve(target);
  } catch (cause) {
    throw new FlockOffError({
      code: 'bad-argument',
      what: `the log transport ${target} cannot be found from ${from} (${messageOf(cause).split('\n')[0]})`,
      fix: 'install that package there, or name a file by ./',
      facts: { name: 'transport', value: target },
      cause,
    });
  }
}
