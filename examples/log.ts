import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { FlockOffError, LogFile, type Logger, RecordedLog } from 'flock-off';
import { FRESH_LINE, printable } from './printable.ts';
import { pruneLogs } from './prune-logs.ts';
import { maskSecrets } from './secrets.ts';
import { wrapped } from './wrapped.ts';

/** Where a command's log goes. */
export interface Log {
  logger: Logger;
  /** The folder with its files; `undefined` where none are written. */
  logFolder?: string;
  /** The block with which the epoch began that the next lines are about. */
  logEpoch(startBlock: number): void;
}

/** Of this process: what is recorded, and closed at its end. */
const recorded = new Set<{
  log: RecordedLog;
  file: LogFile | null;
  onStderr: boolean;
  endPruning: () => Promise<void>;
}>();

/** Adds the flags of logging, named as in Python's bittensor. */
export function logOptions(command: Command, name: string): Command {
  const folder = join('.flock-off', 'logs');
  return command
    .optionsGroup('Log:')
    .addOption(new Option('--logging.info', 'as by itself').hideHelp())
    .option('--logging.debug', 'log each decision, job, wait and transaction with its time', false)
    .option('--logging.trace', 'log also each request to the chain and the hub, and each training step', false)
    .addOption(
      new Option('--logging.format <how>', 'of what is logged on stderr').choices(['text', 'json']).default('text'),
    )
    .option(
      '--logging.record_log',
      `keep the log in files, as JSON: ${name}.log, begun anew each day and at 20 MB`,
      false,
    )
    .option('--logging.logging_dir <folder>', `the folder of these files; default: ${folder}`)
    .option(
      '--logging.transport <package>',
      "one of pino's transports, such as pino-loki, that the log goes to as well",
    )
    .option('--logging.transport_options <json>', 'what that transport takes', json);
}

/**
 * The log that the flags of {@link logOptions} ask for.
 * @throws FlockOffError `bad-argument` when there is no such transport.
 */
export function openLog(command: Command): Log {
  const flags = command.opts();
  const level = flags['logging.trace'] ? 'trace' : flags['logging.debug'] ? 'debug' : 'info';
  const onStderr = flags['logging.format'] === 'json';
  const isKept = flags['logging.record_log'] || flags['logging.logging_dir'] !== undefined;
  const logFolder: string | undefined = isKept
    ? (flags['logging.logging_dir'] ?? join('.flock-off', 'logs'))
    : undefined;
  const text = stderrLogger(level);
  const target: string | undefined = flags['logging.transport'];
  if (!isKept && !onStderr && target === undefined) return { logger: text, logEpoch() {} };
  const warn = (line: string) => (onStderr ? log.logger : text).warn(line);
  const name = command.name().split(' ').at(-1)!;
  const file = logFolder === undefined ? null : new LogFile({ folder: logFolder, name, warn });
  const log = new RecordedLog({
    level,
    sinks: [...(file ? [file] : []), ...(onStderr ? [{ write: (line: string) => process.stderr.write(line) }] : [])],
    ...(target !== undefined && { transport: { target, options: flags['logging.transport_options'] } }),
    mask: maskSecrets,
    warn,
  });
  const logger = onStderr ? log.logger : both(text, log.logger);
  const endPruning =
    logFolder === undefined ? async () => {} : pruneLogs({ ...flags, folder: logFolder, name, logger });
  recorded.add({ log, file, onStderr, endPruning });
  const logEpoch = (startBlock: number) => {
    log.epoch = startBlock;
  };
  return { logger, ...(logFolder !== undefined && { logFolder }), logEpoch };
}

/** What a command says belongs in its files, too. */
export function recordSaid(line: string): void {
  for (const { log } of recorded) log.logger.info(line);
}

/** The error that a command ends with. True when it stands on stderr by that. */
export function recordEnd(error: unknown): boolean {
  const facts = error instanceof FlockOffError ? { code: error.code } : {};
  for (const { log } of recorded) log.logger.error(error instanceof Error ? error.message : String(error), facts);
  return [...recorded].some(({ onStderr }) => onStderr);
}

export async function closeLogs(): Promise<void> {
  await Promise.all(
    [...recorded].map(async ({ log, file, endPruning }) => {
      await endPruning();
      await log.close();
      await file?.close();
    }),
  );
  recorded.clear();
}

function both(one: Logger, other: Logger): Logger {
  const write =
    (level: keyof Logger): Logger['info'] =>
    (message, facts) => {
      one[level]?.(message, facts);
      other[level]?.(message, facts);
    };
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
}

/** One line on stderr each, with the time; at `trace` also with the facts behind it. */
function stderrLogger(level: 'info' | 'debug' | 'trace'): Logger {
  // A log on a full disk, or a pipe whose reader has gone, must not end what is logged.
  for (const stream of [process.stdout, process.stderr])
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  const write = (message: string, facts?: Record<string, unknown>) => {
    const details = facts && level === 'trace' ? ` ${JSON.stringify(facts)}` : '';
    const line = `${new Date().toISOString()} ${printable(message + details)}`;
    const { isTTY, columns } = process.stderr;
    process.stderr.write(isTTY ? `${FRESH_LINE}${wrapped(line, columns || 80)}\n` : `${line}\n`);
  };
  const silent = () => {};
  return {
    trace: level === 'trace' ? write : silent,
    debug: level === 'info' ? silent : write,
    info: write,
    warn: write,
    error: write,
  };
}

function ignore(): void {}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FlockOffError({
      code: 'bad-argument',
      what: '--logging.transport_options is not JSON',
      fix: `write it as in '{"host":"http://127.0.0.1:3100"}'`,
    });
  }
}
