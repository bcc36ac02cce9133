import { messageOf } from '../errors/flock-off-error.ts';
import { abortable } from '../shared/abortable.ts';
import { systemClock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { LongSignal } from '../shared/long-signal.ts';

/** How long an answer of the queue is waited for before it is asked again. */
const ANSWER_MS = 10_000;
/** The same of several questions at once. */
const ANSWERS_MS = 30_000;
const AGAIN_MS = 500;
/** Silence of the queue that is worth a line. */
const SILENT_MS = 30_000;

/** Bounds what asks a queue once: a connection that is dead answers nothing. */
export function inTime<T>(answer: Promise<T>, signal?: AbortSignal): Promise<T> {
  const timed = abortable(answer, AbortSignal.timeout(ANSWERS_MS));
  return signal ? abortable(timed, signal) : timed;
}

/** Asks a queue until it answers: a connection that breaks may take an answer with it. */
export class Asking {
  readonly #logger: Logger;
  readonly #done: LongSignal;
  #saidSilent = false;

  /** @param done ends all that is asked. */
  constructor({ logger, done }: { logger?: Logger; done: AbortSignal }) {
    this.#logger = safeLogger(logger);
    this.#done = new LongSignal(done);
  }

  /** Work that ends when all does that is asked, or at a signal. */
  unlessDone<T>(signal: AbortSignal | undefined, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    return this.#done.during([signal], work);
  }

  surely<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.unlessDone(signal, (stop) => this.#askUntil(call, stop));
  }

  async #askUntil<T>(call: () => Promise<T>, stop: AbortSignal): Promise<T> {
    const begunMs = performance.now();
    for (;;) {
      try {
        const answer = await abortable(abortable(call(), AbortSignal.timeout(ANSWER_MS)), stop);
        this.#saidSilent = false;
        return answer;
      } catch (error) {
        if (stop.aborted) throw error;
        if (!this.#saidSilent && performance.now() - begunMs > SILENT_MS) {
          this.#saidSilent = true;
          this.#logger.warn(`the queue has not answered for ${SILENT_MS / 1_000} s, and is waited for`);
        }
        this.#logger.debug(`the queue is asked again: ${messageOf(error)}`);
        await systemClock.sleep({ durationMs: AGAIN_MS, signal: stop });
      }
    }
  }
}
