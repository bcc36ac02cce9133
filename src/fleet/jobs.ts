import { randomBytes } from 'node:crypto';
import type { Queue, QueueEvents } from 'bullmq';
import { signBytes } from '../chain/wallet/signed-bytes.ts';
import { messageOf } from '../errors/flock-off-error.ts';
import { abortable } from '../shared/abortable.ts';
import { systemClock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { Turns } from '../shared/turns.ts';
import { yieldToEventLoop } from '../shared/yield-to-event-loop.ts';
import type { Asking } from './asking.ts';
import { type Failed, failureOf, givenUp } from './failed-job.ts';
import type { FleetParameters } from './fleet-parameters.ts';
import type { Notices } from './notices.ts';
import { type Opinion, readOpinion } from './opinions.ts';
import type { QueueServer } from './queue-server.ts';
import type { Roster } from './roster.ts';
import { JobData, ProgressNote, type Task, taskHash, textToSign } from './wire.ts';

/** Failures after which a task is given up. */
const MOST_FAILURES = 3;
/** Of them those that a worker's process ended with, and that trusted workers signed: then it is the task's doing. */
const MOST_LOST = 2;
/** By number, since ages are by the clocks of workers. */
const KEPT = { count: 4_096 };
const AGAIN_MS = 500;
/** How long giving up a job may take. */
const CANCEL_MS = 3_000;
/** States of a job that nobody has finished. */
const OPEN = ['waiting', 'prioritized', 'active', 'delayed'] as const;
/** Jobs that are read before the event loop has its turn. */
const AT_ONCE = 32;

export interface OpinionParameters {
  /** Which one of the task, from 0. */
  number: number;
  /** Who has had it. */
  not: string[];
  /** Lower comes first; 2^21 at most. */
  priority: number;
  signal?: AbortSignal;
  onProgress?: (progress: ProgressNote) => void;
}

export interface JobsParameters extends Pick<FleetParameters, 'hotkey' | 'lookMs' | 'logger'> {
  server: QueueServer;
  name: string;
  asking: Asking;
  notices: Notices;
  roster: Roster;
}

/** Who waits for a job: told when it is finished, with its result where the queue sent that along, and how far it is. */
interface Waiting {
  wake: (returnvalue?: unknown) => void;
  onProgress?: (progress: ProgressNote) => void;
}

/** The jobs of a queue, and what workers make of them. */
export class Jobs {
  readonly #parameters: JobsParameters;
  readonly #queue: Queue<JobData>;
  readonly #events: QueueEvents;
  readonly #asking: Asking;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #turns = new Turns();
  #seed: number | null = null;

  constructor(parameters: JobsParameters) {
    const { server, name, asking, logger } = parameters;
    this.#parameters = parameters;
    this.#asking = asking;
    this.#logger = safeLogger(logger);
    this.#queue = server.queue(name);
    this.#events = server.events(name);
    this.#events.on('completed', ({ jobId, returnvalue }) => this.#wake(jobId, returnvalue));
    this.#events.on('failed', ({ jobId }) => this.#wake(jobId));
    this.#events.on('removed', ({ jobId }) => this.#wake(jobId));
    this.#events.on('progress', ({ jobId, data }) => {
      const waiting = this.#waiting.get(jobId);
      const progress = waiting && ProgressNote.safeParse(data);
      if (progress?.success) for (const { onProgress } of waiting ?? []) onProgress?.(progress.data);
    });
  }

  /** What one worker finds. `null` where nobody is left who could have it. */
  async opinion(task: Task, parameters: OpinionParameters): Promise<Opinion | null> {
    const { number, not, priority, onProgress } = parameters;
    const { roster, lookMs = 5_000 } = this.#parameters;
    const signal = this.#asking.unlessDone(parameters.signal);
    const id = jobId(task, number);
    const signature = await this.#sign(task, signal);
    const data: JobData = { task, signature, not, alone: false, cancelled: false, attempt: drawAttempt() };
    const failers = new Set<string>();
    const failures = { trainer: 0, other: 0 };
    const said = new Set<string>();
    const listener = new Listener(onProgress);
    const job: Wanted = { id, data, priority, written: null };
    this.#listen(id, listener);
    try {
      for (;;) {
        // While there are others they are asked, so that one device is not taken for all.
        const tried = [...not, ...failers];
        data.not = roster.able(task.machine, tried).length > 0 ? tried : not;
        // Who is left for it changes with the roster; all else the queue tells by itself, or a sweep finds.
        const woken = listener.next(tried.length > 0 ? lookMs : null, signal);
        woken.catch(() => {});
        const sent = listener.take();
        const found =
          sent === undefined
            ? await this.#asking.surely(() => this.#look(job, signal), signal)
            : this.#readResult(sent, data);
        if (found === null) {
          if (not.length > 0 && roster.able(task.machine, not).length === 0) {
            await this.#cancel(id);
            return null;
          }
          await woken;
          continue;
        }
        if ('checked' in found) return found;
        const { why, of, worker } = found;
        if (of === 'trainer' || of === 'other') failures[of]++;
        if (worker !== null) failers.add(worker);
        if (of === 'stalled') for (const one of roster.lostBy(taskHash(task))) failers.add(one);
        const isStalled = of === 'stalled' && data.alone;
        const isOver = failures.trainer >= MOST_FAILURES || failures.other >= MOST_FAILURES || isStalled;
        if (!said.has(why)) this.#logger.warn(`${task.name}: ${why}${isOver ? '' : '; it is tried again'}`);
        said.add(why);
        if (!isOver) await systemClock.sleep({ durationMs: AGAIN_MS, signal });
        await this.remove(task, number, signal);
        if (isOver) {
          const isTasks = failures.trainer >= MOST_FAILURES || (isStalled && (await this.#hasKilled(task, signal)));
          throw givenUp(task, why, isTasks ? 'trainer' : found.isHubs ? 'hub' : 'fleet');
        }
        data.alone ||= of === 'stalled';
        data.attempt = drawAttempt();
      }
    } catch (error) {
      // Closing gives up nothing: who comes back finds the result.
      if (parameters.signal?.aborted) await this.#cancel(id);
      throw error;
    } finally {
      this.#unlisten(id, listener);
      listener.wake();
    }
  }

  async remove(task: Task, number: number, signal?: AbortSignal): Promise<void> {
    await this.#asking.surely(() => this.#queue.remove(jobId(task, number)), signal);
  }

  /** Wakes whoever waits for a job that is finished, or that vanished, without having been told. */
  async sweep(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size === 0) return;
    const ids: unknown[] = await abortable(this.#queue.getRanges([...OPEN], 0, -1), signal);
    const open = new Set(ids);
    for (const id of [...this.#waiting.keys()]) if (!open.has(id)) this.#wake(id);
  }

  /** Jobs of earlier epochs count no more, whoever left them. */
  async forgetOtherSeeds(seed: number, signal?: AbortSignal): Promise<void> {
    if (this.#seed === seed) return;
    this.#seed = seed;
    const states = [...OPEN, 'completed', 'failed'] as const;
    const ids: unknown[] = await this.#asking.surely(() => this.#queue.getRanges([...states], 0, -1), signal);
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const some = ids.slice(at, at + AT_ONCE).map(String);
      const jobs = await this.#asking.surely(() => Promise.all(some.map((id) => this.#queue.getJob(id))), signal);
      for (const job of jobs) {
        const parsed = JobData.safeParse(job?.data);
        const isNow = parsed.success && (parsed.data.task.kind === 'base' || parsed.data.task.seed === seed);
        if (job?.id && !isNow) await this.#cancel(job.id);
      }
    }
  }

  /** One after the other, so that the event loop has its turn between many. */
  async #sign(task: Task, signal: AbortSignal): Promise<string> {
    const end = await this.#turns.take(signal);
    try {
      await yieldToEventLoop(signal);
      const { hotkey } = this.#parameters;
      return Buffer.from(await signBytes({ hotkey, bytes: textToSign('task', task) })).toString('hex');
    } finally {
      end();
    }
  }

  /** What there is of a job, which is added where there is none: `null` while it waits or runs. */
  async #look(wanted: Wanted, signal: AbortSignal): Promise<Opinion | Failed | null> {
    const { id, data, priority } = wanted;
    const state = await abortable(this.#queue.getJobState(id), signal);
    if (state === 'unknown') {
      // It may have gone with the job.
      await this.#parameters.notices.renewEvaluation(signal);
      const options = { jobId: id, priority, removeOnComplete: KEPT, removeOnFail: KEPT };
      await abortable(this.#queue.add(data.task.kind, data, options), signal);
      wanted.written = changingOf(data);
      return null;
    }
    const isFinished = state === 'completed' || state === 'failed';
    if (!isFinished && wanted.written === changingOf(data)) return null;
    const job = await abortable(this.#queue.getJob(id), signal);
    if (!job) return null;
    if (state === 'completed') return this.#readResult(job.returnvalue, data);
    if (state === 'failed') return failureOf(job, data, (worker) => this.#parameters.roster.isTrusted(worker));
    // Given up by an earlier life of this validator, and wanted again; or for other workers than before.
    if (changingOf(job.data) !== changingOf(data)) await abortable(job.updateData(data), signal).catch(() => {});
    wanted.written = changingOf(data);
    return null;
  }

  #readResult(returnvalue: unknown, { task, not }: JobData): Opinion | Failed {
    const opinion = readOpinion(returnvalue, task, (worker) => this.#parameters.roster.isTrusted(worker));
    const nobodys = { of: 'nobody' as const, worker: null, isHubs: false };
    if (typeof opinion === 'string') return { ...nobodys, why: `a result ${opinion}` };
    if (not.includes(opinion.worker)) return { ...nobodys, why: 'a worker compared its result with its own' };
    return opinion;
  }

  /** Whether trusted workers have signed that they ended with it: whoever can write to the queue can let it seem so. */
  async #hasKilled(task: Task, signal: AbortSignal): Promise<boolean> {
    const { roster } = this.#parameters;
    await this.#asking.surely(() => roster.look(task.machine), signal);
    return roster.lostWith(taskHash(task)) >= MOST_LOST;
  }

  /** Tells whoever works on it that nobody wants it any more. */
  async #cancel(id: string): Promise<void> {
    const cancelling = async () => {
      const job = await this.#queue.getJob(id);
      if (!job) return;
      await job.updateData({ ...job.data, cancelled: true });
      // One that is at work stays until its worker has seen it.
      await job.remove().catch(() => {});
    };
    await abortable(cancelling(), AbortSignal.timeout(CANCEL_MS)).catch((error: unknown) =>
      this.#logger.debug(`job ${id} could not be cancelled: ${messageOf(error)}`),
    );
  }

  #wake(id: string, returnvalue?: unknown): void {
    for (const one of this.#waiting.get(id) ?? []) one.wake(returnvalue);
  }

  #listen(id: string, listener: Waiting): void {
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(listener));
  }

  #unlisten(id: string, listener: Waiting): void {
    const waiting = this.#waiting.get(id);
    waiting?.delete(listener);
    if (waiting?.size === 0) this.#waiting.delete(id);
  }
}

interface Wanted {
  id: string;
  data: JobData;
  priority: number;
  /** What stands in the queue of that which changes, as far as it is known. */
  written: string | null;
}

function changingOf(data: Partial<JobData> | null): string {
  return JSON.stringify([data?.not, data?.alone, data?.cancelled, data?.attempt]);
}

function drawAttempt(): string {
  return randomBytes(12).toString('hex');
}

/** Hears of one job. */
class Listener implements Waiting {
  readonly onProgress: Waiting['onProgress'];
  #resolve: (() => void) | undefined;
  #isWoken = false;
  #sent: unknown;

  constructor(onProgress: Waiting['onProgress']) {
    this.onProgress = onProgress;
  }

  wake(returnvalue?: unknown): void {
    this.#isWoken = true;
    this.#sent = returnvalue;
    this.#resolve?.();
  }

  /** The result that came with what woke it, once. */
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
}

/** The score key itself for the first opinion. */
function jobId({ key, kind }: Task, number: number): string {
  return `${kind}-${key}${number === 0 ? '' : `-${number}`}`;
}
