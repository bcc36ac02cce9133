import type { Job, Queue, Worker } from 'bullmq';
import { verifyBytes } from '../chain/wallet/signed-bytes.ts';
import { FlockOffError, isCode, messageOf } from '../errors/flock-off-error.ts';
import { systemClock } from '../shared/clock.ts';
import { LongSignal } from '../shared/long-signal.ts';
import { inTime } from './asking.ts';
import { Board } from './board.ts';
import { STALLED_ALONE } from './failed-job.ts';
import { LossFinder } from './find-loss.ts';
import type { RunFleetWorkerParameters } from './fleet-worker-parameters.ts';
import type { Loaded } from './loaded.ts';
import type { LostWork } from './lost-work.ts';
import { differenceOf } from './machine-class.ts';
import { evaluationBoardName } from './names.ts';
import { notOurs } from './not-ours.ts';
import type { QueueServer } from './queue-server.ts';
import { type Failure, type Found, JobData, type Task, taskHash, textToSign, tryHash } from './wire.ts';

/** Faults of this machine: others can do the job. */
const OWN_FAULTS = ['disk', 'bad-model', 'backend-unavailable', 'queue-refused'] as const;
/** Wait after a job was given back that another worker has to take. */
const PUT_OFF_MS = 500;
/** BullMQ's last: such a job comes after those that this worker may have. */
const LEAST_PRIORITY = 2 ** 21 - 1;
const CLOSE_MS = 3_000;
/** How long a server that is gone is tried again to give it a job back: after that its lock has to end. */
const GIVE_BACK_MS = 2_000;
const AGAIN_MS = 100;

export interface JobConsumerParameters extends RunFleetWorkerParameters {
  server: QueueServer;
  queue: string;
  lockMs: number;
  signal: AbortSignal;
  /** Ends the worker. */
  onFault: (fault: unknown) => void;
}

/** What jobs are done with. */
export interface Tools {
  lost: LostWork;
  /** `null` while there is none. */
  loaded(): Loaded | null;
  /** In a training process of its own. */
  openAnew(loaded: Loaded, signal: AbortSignal): Promise<Loaded>;
}

/** Takes the jobs of a queue, one at a time, and signs what they come to. */
export class JobConsumer {
  readonly #parameters: JobConsumerParameters;
  readonly #tools: Tools;
  readonly #finder: LossFinder;
  readonly #queue: Queue<JobData>;
  readonly #signal: LongSignal;
  #worker: Worker<JobData> | undefined;
  #isPaused = false;
  /** Jobs that wait behind all others, so that it reaches those that it may have. */
  readonly #behind = new Map<string | undefined, Job<JobData>>();
  /** The job that it is at, and what gives it back. */
  #atWork: { ended: Promise<unknown>; giveBack: AbortController } | null = null;

  constructor(parameters: JobConsumerParameters, tools: Tools) {
    const { server, queue } = parameters;
    this.#parameters = parameters;
    this.#tools = tools;
    this.#queue = server.queue(queue);
    this.#signal = new LongSignal(parameters.signal);
    this.#finder = new LossFinder(parameters, new Board(server, evaluationBoardName(queue)));
  }

  /** Takes jobs from now on. */
  take(): void {
    this.#isPaused = false;
    if (this.#worker === undefined) this.#worker = this.#openWorker();
    else this.#worker.resume();
  }

  /** Takes no more; one that it has it goes on with. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#worker?.pause(true);
  }

  /** Lets others have the job that it is at. */
  async giveBack(reason: Error): Promise<void> {
    this.#atWork?.giveBack.abort(reason);
    await this.#atWork?.ended.catch(() => {});
  }

  async close(): Promise<void> {
    // The job that it has was given back when the signal aborted.
    await Promise.race([this.#worker?.close(), systemClock.sleep({ durationMs: CLOSE_MS })]);
  }

  #openWorker(): Worker<JobData> {
    const { queue, server, key, lockMs } = this.#parameters;
    return server.worker<JobData>(queue, (job, token, taken) => this.#atJob(job, token, taken), {
      name: key.publicKey,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      // A second worker that ends with a job is the last one: the validator decides.
      maxStalledCount: 1,
      concurrency: 1,
    });
  }

  async #atJob(job: Job<JobData>, token: string | undefined, taken: AbortSignal | undefined): Promise<unknown> {
    const giveBack = new AbortController();
    const stop = new AbortController();
    const ended = this.#signal.during([giveBack.signal, stop.signal, taken], (signals) =>
      this.#process(job, token, { giveBack: giveBack.signal, stop, signals }),
    );
    this.#atWork = { ended, giveBack };
    try {
      return await ended;
    } finally {
      this.#atWork = null;
    }
  }

  async #process(
    job: Job<JobData>,
    token: string | undefined,
    { giveBack, stop, signals }: { giveBack: AbortSignal; stop: AbortController; signals: AbortSignal },
  ): Promise<unknown> {
    const { signal, key, onEvent, onFault, server } = this.#parameters;
    // Whatever it trips over, the job goes on without it.
    const watching = this.#watchJob(job, stop).catch(() => {});
    let name = 'a job';
    let begun: Task | null = null;
    try {
      const parsed = JobData.safeParse(job.data);
      if (!parsed.success) throw notOurs('it is none of this version');
      const { task, not, alone, cancelled, attempt } = parsed.data;
      ({ name } = task);
      if (cancelled) stop.abort(new Error('the validator wants it no more'));
      signals.throwIfAborted();
      if (not.includes(key.publicKey)) {
        this.#behind.set(job.id, job);
        throw await this.#putOff(job, token, signals, LEAST_PRIORITY);
      }
      // As it was signed, not as this version reads it.
      await this.#requireOurs(parsed.data, job.data.task);
      let loaded = this.#tools.loaded();
      // The validator says something else now, and this worker hears of it next.
      if (loaded === null || this.#isPaused || differenceOf(task.machine, loaded.machine) !== null)
        throw await this.#putOff(job, token, signals);
      if (alone && job.stalledCounter > 0) throw new Error(STALLED_ALONE);
      if (alone) {
        loaded = await this.#tools.openAnew(loaded, signals);
        // What was opened anew may be on another device.
        if (differenceOf(task.machine, loaded.machine) !== null) throw await this.#putOff(job, token, signals);
      }
      const { trainer, machine } = loaded;
      this.#putForward();
      onEvent?.({ kind: 'begun', task: name });
      begun = task;
      await this.#tools.lost.begin(tryHash(task, attempt));
      const tell = (note: object) => void job.updateProgress(note).catch(() => {});
      // Whatever ends this process from here on, the task does not.
      const finding = this.#finder.find(task, { trainer, signal: signals, tell });
      const checked = await finding.finally(() => this.#tools.lost.end());
      const found: Found = { task: taskHash(task), machine, checked };
      signals.throwIfAborted();
      const what = checked.ok ? `loss ${checked.lossNatsPerToken}` : checked.verdict.reason;
      onEvent?.({ kind: 'done', task: name, what });
      return { found, worker: key.publicKey, signature: key.sign(textToSign('found', found)) };
    } catch (error) {
      const isFault =
        isCode(error, ...OWN_FAULTS) ||
        (begun !== null && !signals.aborted && (await this.#isSick(error, begun, signals)));
      if (isFault) onFault(error);
      if (error === PUT_OFF) throw server.givenBack();
      if (isFault || signal.aborted || giveBack.aborted) {
        await leaveToOthers(job, token);
        throw server.givenBack();
      }
      if (error instanceof Error && error.message === STALLED_ALONE) throw error;
      const failure = failureOf(stop.signal.aborted ? null : error);
      onEvent?.({ kind: 'done', task: name, what: failure.what });
      throw new Error(JSON.stringify(this.#signed(failure, job)));
    } finally {
      stop.abort();
      await watching;
    }
  }

  /** This worker comes after those that wait for a job, and not in step with its like. */
  async #putOff(job: Job<JobData>, token: string | undefined, signal: AbortSignal, priority?: number): Promise<Error> {
    await leaveToOthers(job, token, priority);
    await systemClock.sleep({ durationMs: PUT_OFF_MS * (1 + Math.random()), signal }).catch(() => {});
    return PUT_OFF;
  }

  /** Once it is at a job, those that it put behind all others stand where the validator put them: others come to them first. */
  #putForward(): void {
    for (const job of this.#behind.values()) job.changePriority({ priority: job.opts.priority }).catch(() => {});
    this.#behind.clear();
  }

  /** Whether its device fails on known-good work, too: then it would fail on one job after the other. */
  async #isSick(error: unknown, task: Task, signal: AbortSignal): Promise<boolean> {
    const loaded = this.#tools.loaded();
    if (!isCode(error, 'trainer-failed') || loaded === null) return false;
    try {
      await this.#finder.probe(task, loaded.trainer, signal);
      return false;
    } catch (fault) {
      return isCode(fault, 'trainer-failed');
    }
  }

  #signed(failure: Pick<Failure, 'code' | 'what' | 'fix'>, { data }: Job<JobData>): object {
    const parsed = JobData.safeParse(data);
    if (!parsed.success) return { failure };
    const { task, attempt } = parsed.data;
    const said: Failure = { ...failure, task: taskHash(task), attempt };
    const { key } = this.#parameters;
    return { failure: said, worker: key.publicKey, signature: key.sign(textToSign('failure', said)) };
  }

  /** Ends a job that the validator gave up, that vanished, or that another worker was given meanwhile. */
  async #watchJob({ id = '' }: Job<JobData>, stop: AbortController): Promise<void> {
    const { lookMs = 5_000 } = this.#parameters;
    const worker = this.#worker;
    const onLost = (ids: string[]) =>
      ids.includes(id) && stop.abort(new Error('the queue was out of reach for too long'));
    worker?.on('lockRenewalFailed', onLost);
    while (!stop.signal.aborted) {
      await systemClock.sleep({ durationMs: lookMs, signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) break;
      const now = await inTime(this.#queue.getJob(id), stop.signal).catch(() => null);
      if (now === undefined) stop.abort(new Error('the job is not in the queue any more'));
      else if (now?.data?.cancelled) stop.abort(new Error('the validator wants it no more'));
    }
    worker?.off('lockRenewalFailed', onLost);
  }

  /** Whoever can write to the queue may have written it. */
  async #requireOurs({ task, signature }: JobData, signed: object): Promise<void> {
    const { validator, queue } = this.#parameters;
    if (task.queue !== queue) throw notOurs('it is of another queue');
    const bytes = textToSign('task', signed);
    if (!(await verifyBytes({ address: validator, bytes, signature: Buffer.from(signature, 'hex') })))
      throw notOurs('the validator has not signed it');
  }
}

const PUT_OFF = new Error('the job is left to others');

/**
 * Puts a job back at once: no clock has a part in that, as it has in a delay. What is only moved wakes nobody; what is given
 * its priority again does.
 */
async function leaveToOthers(
  job: Job<JobData>,
  token: string | undefined,
  priority = job.opts.priority,
): Promise<void> {
  const untilMs = performance.now() + GIVE_BACK_MS;
  for (;;) {
    try {
      await job.moveToWait(token);
      return await job.changePriority({ priority });
    } catch (error) {
      // A number is BullMQ's: it vanished, or its lock ended, and it is others' already.
      const isOthers = typeof (error as { code?: unknown }).code === 'number';
      if (isOthers || performance.now() > untilMs) return;
      await systemClock.sleep({ durationMs: AGAIN_MS });
    }
  }
}

/** `null`: it was given up. */
function failureOf(error: unknown): Pick<Failure, 'code' | 'what' | 'fix'> {
  if (error === null) return { code: 'aborted', what: 'it was given up' };
  if (!(error instanceof FlockOffError)) return { code: 'unexpected', what: messageOf(error).slice(0, 500) };
  return { code: error.code, what: error.what.slice(0, 500), fix: error.fix?.slice(0, 500) };
}
