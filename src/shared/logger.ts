/** Where the library reports what it does. It never prints by itself: the default says nothing. */
export interface Logger {
  debug(message: string, facts?: Record<string, unknown>): void;
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
  error(message: string, facts?: Record<string, unknown>): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** The same logger, but a line that cannot be written, such as on a full disk, stops nothing. */
export function safeLogger(logger: Logger = silentLogger): Logger {
  const safely =
    (level: keyof Logger): Logger['info'] =>
    (message, facts) => {
      try {
        const said: unknown = logger[level](message, facts);
        if (said instanceof Promise) said.catch(() => {});
      } catch {
        // There is nowhere left to say so.
      }
    };
  return { debug: safely('debug'), info: safely('info'), warn: safely('warn'), error: safely('error') };
}
