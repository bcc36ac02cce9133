import type { Clock } from '../../shared/clock.ts';
import { eitherSignal } from '../../shared/either-signal.ts';
import type { TrainProgress } from '../../trainer/lora-trainer.ts';

/** Of the time that is left, what samples are cut to: steps are not all as long. */
const SAFETY = 0.8;

/** What a run is watched by. */
export interface Watch {
  onProgress?: (progress: TrainProgress) => void;
  signal?: AbortSignal;
}

export interface PaceParameters {
  clock: Clock;
  signal?: AbortSignal;
  /** As long as the one that is watched, that one included. */
  runs: number;
  evaluationMs: number;
  deadlineMs: number;
  /** How long a first step may take. */
  firstStepMs: number;
}

/** Watches a run that trains on everything, and stops it where there is no time for that. */
export class Pace {
  /** What there is time for, above 0 and below 1; `null` for all, or where no step was done in time. */
  share: number | null = null;
  readonly #parameters: PaceParameters;

  constructor(parameters: PaceParameters) {
    this.#parameters = parameters;
  }

  /** `null` where it was stopped. */
  async watch<T>(work: (watch: Watch) => Promise<T>): Promise<T | null> {
    const { clock, signal, runs, evaluationMs, deadlineMs, firstStepMs } = this.#parameters;
    const stop = new AbortController();
    const startMs = clock.nowMs();
    const timer = Number.isFinite(firstStepMs) ? setTimeout(() => stop.abort(), firstStepMs) : undefined;
    const onProgress = ({ step, steps, etaMs }: TrainProgress) => {
      clearTimeout(timer);
      // The first steps are slower than the others.
      if (step < Math.min(3, steps)) return;
      const nowMs = clock.nowMs();
      const trainingMs = nowMs - startMs + etaMs;
      const leftMs = deadlineMs - nowMs - runs * evaluationMs;
      if (etaMs + (runs - 1) * trainingMs <= leftMs || stop.signal.aborted) return;
      // Half of a sample is trained on, too.
      this.share = Math.min(SAFETY, Math.max(0, (SAFETY * leftMs) / ((runs + 1 / 2) * trainingMs)));
      stop.abort();
    };
    const either = eitherSignal(stop.signal, signal);
    try {
      return await orStopped(work({ onProgress, signal: either.signal }), stop, signal);
    } finally {
      clearTimeout(timer);
      either.release();
    }
  }
}

/** `null` where it was stopped by us. */
export async function orStopped<T>(work: Promise<T>, stop: AbortController, signal?: AbortSignal): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (stop.signal.aborted && !signal?.aborted) return null;
    throw error;
  }
}
