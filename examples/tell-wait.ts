import type { Logger, OutageWait } from 'flock-off';

/** Says what a command waits for, and what ends that, each time before it asks again. */
export function tellWait(what: string, logger: Logger): (wait: OutageWait) => void {
  return ({ error, delayMs }) =>
    logger.warn(`waiting for ${what}: ${error.sentence} Asking again in ${Math.ceil(delayMs / 1000)} s; Ctrl-C stops.`);
}
