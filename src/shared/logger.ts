import { Console } from 'node:console';
import type { Secrets } from './secrets.ts';

/** Where the library reports what it does. It never prints by itself: the default says nothing. */
export interface Logger {
  /** Every single request with its time. A logger without it, such as one made for an earlier version, works as well. */
  trace?(message: string, facts?: Record<string, unknown>): void;
  /** Every decision, job and wait, with its time. */
  debug(message: string, facts?: Record<string, unknown>): void;
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
  error(message: string, facts?: Record<string, unknown>): void;
}

/** The logger's `trace`, if it has one; not a console's, which would print a stack for each request. */
export function traceOf(logger: Logger): ((message: string, facts?: Record<string, unknown>) => void) | undefined {
  return logger.trace && !(logger instanceof Console) ? logger.trace.bind(logger) : undefined;
}

/**
 * Writes nothing.
 * @example
 * const store = new HubDatasetStore({ logger: { ...silentLogger, warn: (message) => console.warn(message) } });
 */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * The same logger, but a line that cannot be written, such as on a full disk, stops nothing, and secrets are masked in
 * what is logged.
 */
export function safeLogger(logger: Logger = silentLogger, secrets?: Secrets): Logger {
  const safely =
    (level: keyof Logger): Logger['info'] =>
    (...line) => {
      try {
        // A console would print facts that are not there.
        const said: unknown = logger[level]?.(...(secrets ? secrets.maskIn(line) : line));
        if (said instanceof Promise) said.catch(() => {});
      } catch {
        // There is nowhere left to say so.
      }
    };
  const trace = traceOf(logger) ? { trace: safely('trace') } : {};
  return { ...trace, debug: safely('debug'), info: safely('info'), warn: safely('warn'), error: safely('error') };
}
