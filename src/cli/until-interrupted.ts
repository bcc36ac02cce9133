const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const LAST_RESORT_MS = 1000;

/**
 * Lets work that writes or holds connections clean up before Ctrl-C ends this process. Otherwise the system ends it at once,
 * also while a line of a megabyte is read.
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const end = (name: NodeJS.Signals) => {
    process.off(name, onSignal);
    process.kill(process.pid, name);
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (stop.signal.aborted) return end(name);
    stop.abort(name);
    setTimeout(end, LAST_RESORT_MS, name).unref();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
    if (stop.signal.aborted) process.kill(process.pid, stop.signal.reason);
  }
}
