import { randomBytes } from 'node:crypto';
import type { Queue } from 'bullmq';
import { abortable } from '../shared/abortable.ts';
import { type Failed, failureOf } from './failed-job.ts';
import { type Opinion, readOpinion } from './opinions.ts';
import { readJob } from './read-job.ts';
import { type JobData, type Task, tryHash } from './wire.ts';

/** By number, since ages are by the clocks of workers. */
const KEPT = { count: 4_096 };

export interface WantedJobParameters {
  queue: Queue<JobData>;
  task: Task;
  /** Of the validator's hotkey. */
  signature: string;
  /** Which one of the task, from 0. */
  number: number;
  /** Who has had the task: what they say of it again is not taken. */
  not: readonly string[];
  /** Lower comes first; 2^21 at most. */
  priority: number;
  isTrusted: (worker: string) => boolean;
}

/** Reads what a job came to, signatures and all. */
export type ReadJob = () => Opinion | Failed;

/** A job as a validator wants it to stand in the queue, whatever stands there. */
export class WantedJob {
  readonly id: string;
  /** Who must not take it now, and whether it is tried alone. */
  not: readonly string[];
  alone = false;
  readonly #parameters: WantedJobParameters;
  #attempt = drawAttempt();
  /** What stands in the queue of that which changes, as far as it is known. */
  #written: string | null = null;

  constructor(parameters: WantedJobParameters) {
    this.#parameters = parameters;
    this.not = parameters.not;
    this.id = jobId(parameters.task, parameters.number);
  }

  /** Names how it is tried now. */
  get tryHash(): string {
    return tryHash(this.#parameters.task, this.#attempt);
  }

  /** It is tried anew: what was said of it before counts no more. */
  again(): void {
    this.#attempt = drawAttempt();
  }

  /** Looks for it, and adds it where it is not there. @returns what reads what it came to; `null` while it waits or runs. */
  async look(signal: AbortSignal, beforeAdding: () => Promise<void>): Promise<ReadJob | null> {
    const { queue, priority } = this.#parameters;
    const { id } = this;
    const data = this.#data();
    const state = await abortable(queue.getJobState(id), signal);
    if (state === 'unknown') {
      await beforeAdding();
      // What is no job stands in its way.
      await abortable(readJob(queue, id), signal);
      const options = { jobId: id, priority, removeOnComplete: KEPT, removeOnFail: KEPT };
      await abortable(queue.add(data.task.kind, data, options), signal);
      this.#written = changingOf(data);
      return null;
    }
    const isFinished = state === 'completed' || state === 'failed';
    if (!isFinished && this.#written === changingOf(data)) return null;
    const job = await abortable(readJob(queue, id), signal);
    if (!job) return null;
    if (state === 'completed') return () => this.read(job.returnvalue);
    if (state === 'failed') return () => failureOf(job, { ...this.#parameters, attempt: data.attempt });
    // Given up by an earlier life of this validator, and wanted again; or for other workers than before.
    if (changingOf(job.data) !== changingOf(data)) await abortable(job.updateData(data), signal).catch(() => {});
    this.#written = changingOf(data);
    return null;
  }

  /** What its result says. */
  read(returnvalue: unknown): Opinion | Failed {
    const { task, not, isTrusted } = this.#parameters;
    const opinion = readOpinion(returnvalue, task, isTrusted);
    const nobodys = { of: 'nobody' as const, worker: null, isHubs: false };
    if (typeof opinion === 'string') return { ...nobodys, why: `a result ${opinion}` };
    if (not.includes(opinion.worker)) return { ...nobodys, why: 'a worker compared its result with its own' };
    return opinion;
  }

  #data(): JobData {
    const { task, signature } = this.#parameters;
    return { task, signature, not: [...this.not], alone: this.alone, cancelled: false, attempt: this.#attempt };
  }
}

/** The score key itself for the first opinion. */
export function jobId({ key, kind }: Pick<Task, 'key' | 'kind'>, number: number): string {
  return `${kind}-${key}${number === 0 ? '' : `-${number}`}`;
}

function changingOf(data: Partial<JobData> | null): string {
  return JSON.stringify([data?.not, data?.alone, data?.cancelled, data?.attempt]);
}

function drawAttempt(): string {
  return randomBytes(12).toString('hex');
}
