import { messageOf } from '../errors/flock-off-error.ts';
import { type Logger, traceOf } from './logger.ts';

/** Runs a job and logs its name with the time it took, whether it succeeds or fails. */
export async function timed<T>(
  logger: Logger,
  job: string,
  work: () => Promise<T>,
  level: 'debug' | 'trace' = 'debug',
): Promise<T> {
  const log = level === 'trace' ? traceOf(logger) : logger.debug.bind(logger);
  const took = stopwatch();
  try {
    const result = await work();
    log?.(`${job}: ${took()}`);
    return result;
  } catch (error) {
    log?.(`${job}: failed after ${took()}: ${messageOf(error)}`);
    throw error;
  }
}

/** Gives the time since its call, such as "0.012 s". */
export function stopwatch(): () => string {
  const begunMs = performance.now();
  return () => {
    const seconds = (performance.now() - begunMs) / 1000;
    return `${seconds.toFixed(seconds < 10 ? 3 : 1)} s`;
  };
}
