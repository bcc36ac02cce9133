import { eitherSignal } from './either-signal.ts';

/**
 * A signal that outlives most of what it ends, such as that of a process. Work goes under one of its own, and leaves nothing
 * behind: `AbortSignal.any` leaves an entry for each on Node 20, and what thousands listen to is slow to listen to.
 */
export class LongSignal {
  readonly #open = new Set<AbortController>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    const onAbort = () => {
      for (const one of this.#open) one.abort(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  }

  /** Settles as the work does, whose signal aborts when this one does or one of the others. */
  async during<T>(others: readonly (AbortSignal | undefined)[], work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = new AbortController();
    const either = eitherSignal(own.signal, ...others);
    if (this.#signal.aborted) own.abort(this.#signal.reason);
    this.#open.add(own);
    try {
      return await work(either.signal);
    } finally {
      this.#open.delete(own);
      either.release();
    }
  }
}
