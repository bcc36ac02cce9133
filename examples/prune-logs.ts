import { keepFiles, type Logger, logFiles } from 'flock-off';

export interface PruneLogsParameters {
  folder: string;
  /** Of the program: the files of others stay. */
  name: string;
  logger: Logger;
  /** As the validator's flags have them. Default 400. */
  keep_days?: number;
  /** Default 10. */
  keep_gb?: number;
  /** Removes nothing. */
  dry_run?: boolean;
}

const DAY_MS = 86_400_000;

/** Removes a program's old log files, now and each day, until the returned function is called. */
export function pruneLogs(parameters: PruneLogsParameters): () => Promise<void> {
  const { folder, name, logger, keep_days: days = 400, keep_gb: gigabytes = 10, dry_run: isDry } = parameters;
  if (isDry) return async () => {};
  const prune = async () => {
    const limits = { maxAgeMs: days * DAY_MS, maxBytes: gigabytes * 1e9, nowMs: Date.now() };
    const { removed } = await keepFiles({ folder, names: logFiles(name), ...limits });
    if (removed > 0) logger.debug(`${removed} old logs were removed from ${folder}`);
  };
  let pruning = prune();
  const timer = setInterval(() => {
    pruning = prune();
  }, DAY_MS).unref();
  return () => {
    clearInterval(timer);
    return pruning;
  };
}
