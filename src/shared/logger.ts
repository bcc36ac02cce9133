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

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
