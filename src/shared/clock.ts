export interface SleepParameters {
  durationMs: number;
  signal?: AbortSignal | undefined;
}

/** Time as a resource: tests pass their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Resolves after `durationMs`; rejects with the signal's reason as soon as it aborts. */
  sleep(parameters: SleepParameters): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: ({ durationMs, signal }) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, durationMs);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
