import type { QueueEvents } from 'bullmq';
import { ProgressNote } from './wire.ts';

type OnProgress = ((progress: ProgressNote) => void) | undefined;

/** Who waits for jobs, and what the queue tells of them. */
export class JobListeners {
  readonly #waiting = new Map<string, Set<JobListener>>();

  constructor(events: QueueEvents) {
    events.on('completed', ({ jobId, returnvalue }) => this.wake(jobId, returnvalue));
    events.on('failed', ({ jobId }) => this.wake(jobId));
    events.on('removed', ({ jobId }) => this.wake(jobId));
    events.on('progress', ({ jobId, data }) => {
      const waiting = this.#waiting.get(jobId);
      const progress = waiting && ProgressNote.safeParse(data);
      if (progress?.success) for (const { onProgress } of waiting ?? []) onProgress?.(progress.data);
    });
  }

  /** Jobs that are waited for. */
  get ids(): string[] {
    return [...this.#waiting.keys()];
  }

  /** Hears of a job until it is told to {@link JobListener.end}. */
  listen(id: string, onProgress?: OnProgress): JobListener {
    const waiting = this.#waiting.get(id) ?? new Set();
    const listener = new JobListener(onProgress, () => {
      waiting.delete(listener);
      if (waiting.size === 0) this.#waiting.delete(id);
    });
    this.#waiting.set(id, waiting.add(listener));
    return listener;
  }

  /** @param returnvalue Where the queue sent that along. */
  wake(id: string, returnvalue?: unknown): void {
    for (const one of this.#waiting.get(id) ?? []) one.wake(returnvalue);
  }
}

/** Hears of one job. */
export class JobListener {
  readonly onProgress: OnProgress;
  readonly #onEnd: () => void;
  #resolve: (() => void) | undefined;
  #isWoken = false;
  #sent: unknown;

  constructor(onProgress: OnProgress, onEnd: () => void) {
    this.onProgress = onProgress;
    this.#onEnd = onEnd;
  }

  wake(returnvalue?: unknown): void {
    this.#isWoken = true;
    this.#sent = returnvalue;
    this.#resolve?.();
  }

  /** The result that came with what woke it, once. Asked before {@link next}: what comes later wakes that one. */
  take(): unknown {
    const sent = this.#sent;
    this.#sent = undefined;
    this.#isWoken = false;
    return sent;
  }

  /** Resolves when it is woken, or after a while. */
  next(afterMs: number | null, signal: AbortSignal): Promise<void> {
    this.#resolve?.();
    return new Promise((resolve, reject) => {
      const onAbort = () => end(() => reject(signal.reason));
      const timer = afterMs === null ? undefined : setTimeout(() => this.#resolve?.(), afterMs);
      const end = (settle: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#resolve = undefined;
        settle();
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#resolve = () => end(resolve);
      if (this.#isWoken) this.#resolve();
    });
  }

  end(): void {
    this.#onEnd();
    this.#resolve?.();
  }
}
