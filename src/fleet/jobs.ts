import type { Queue } from 'bullmq';
import { signBytes } from '../chain/wallet/signed-bytes.ts';
import { messageOf } from '../errors/flock-off-error.ts';
import { abortable } from '../shared/abortable.ts';
import { systemClock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { Turns } from '../shared/turns.ts';
import { yieldToEventLoop } from '../shared/yield-to-event-loop.ts';
import type { Asking } from './asking.ts';
import { givenUp } from './failed-job.ts';
import type { FleetParameters } from './fleet-parameters.ts';
import { JobListeners } from './job-listeners.ts';
import type { Notices } from './notices.ts';
import type { Opinion } from './opinions.ts';
import type { QueueServer } from './queue-server.ts';
import { readJob } from './read-job.ts';
import type { Roster } from './roster.ts';
import { jobId, WantedJob } from './wanted-job.ts';
import { JobData, type ProgressNote, type Task, textToSign } from './wire.ts';

/** Failures after which a task is given up. */
const MOST_FAILURES = 3;
/** Workers that end with a task before it is taken for its doing: with one of them it may be that machine's. */
const MOST_LOST = 2;
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

export interface JobsParameters extends Pick<FleetParameters, 'hotkey' | 'lookMs' | 'aliveMs' | 'logger'> {
  server: QueueServer;
  name: string;
  asking: Asking;
  notices: Notices;
  roster: Roster;
}

/** The jobs of a queue, and what workers make of them. */
export class Jobs {
  readonly #parameters: JobsParameters;
  readonly #queue: Queue<JobData>;
  readonly #listeners: JobListeners;
  readonly #asking: Asking;
  readonly #logger: Logger;
  readonly #turns = new Turns();
  #seed: number | null = null;

  constructor(parameters: JobsParameters) {
    const { server, name, asking, logger } = parameters;
    this.#parameters = parameters;
    this.#asking = asking;
    this.#logger = safeLogger(logger);
    this.#queue = server.queue(name);
    this.#listeners = new JobListeners(server.events(name));
  }

  /** What one worker finds. `null` where nobody is left who could have it. */
  opinion(task: Task, parameters: OpinionParameters): Promise<Opinion | null> {
    return this.#asking.unlessDone(parameters.signal, (stop) => this.#opinion(task, parameters, stop));
  }

  async #opinion(task: Task, parameters: OpinionParameters, signal: AbortSignal): Promise<Opinion | null> {
    const { number, not, priority, onProgress } = parameters;
    const { roster, notices, lookMs = 5_000 } = this.#parameters;
    const signature = await this.#inTurn(() => this.#sign(task), signal);
    const isTrusted = (worker: string) => roster.isTrusted(worker);
    const job = new WantedJob({ queue: this.#queue, task, signature, number, not, priority, isTrusted });
    // It may have gone with the job.
    const look = () => job.look(signal, () => notices.renewEvaluation(signal));
    const failers = new Set<string>();
    const failures = { trainer: 0, other: 0 };
    const said = new Set<string>();
    /** Tries that ended their workers: the one before it was tried alone, and that one. */
    const lost: string[] = [];
    const listener = this.#listeners.listen(job.id, onProgress);
    try {
      for (;;) {
        // While there are others they are asked, so that one device is not taken for all.
        const tried = [...not, ...failers];
        job.not = failers.size > 0 && roster.able(task.machine, tried).length > 0 ? tried : not;
        const sent = listener.take();
        // Who is left for it changes with the roster; all else the queue tells by itself, or a sweep finds.
        const woken = listener.next(tried.length > 0 ? lookMs : null, signal);
        woken.catch(() => {});
        const read = sent === undefined ? await this.#asking.surely(look, signal) : () => job.read(sent);
        const found = read && (await this.#inTurn(read, signal));
        if (found === null) {
          if (not.length > 0 && roster.able(task.machine, not).length === 0) {
            await this.#cancel(job.id);
            return null;
          }
          await woken;
          continue;
        }
        if ('checked' in found) return found;
        const { why, of, worker } = found;
        if (of === 'trainer' || of === 'other') failures[of]++;
        if (worker !== null) failers.add(worker);
        // Somebody else's rows may stand in its place, which workers refuse.
        if (of === 'other' && worker !== null && !found.isHubs)
          await this.#asking.surely(() => notices.replaceEvaluation(signal), signal);
        if (of === 'stalled') {
          lost.push(job.tryHash);
          for (const one of roster.lostWith(job.tryHash)) failers.add(one);
        }
        const isStalled = of === 'stalled' && job.alone;
        const isOver = failures.trainer >= MOST_FAILURES || failures.other >= MOST_FAILURES || isStalled;
        if (!said.has(why)) this.#logger.warn(`${task.name}: ${why}${isOver ? '' : '; it is tried again'}`);
        said.add(why);
        if (!isOver) await systemClock.sleep({ durationMs: AGAIN_MS, signal });
        await this.remove(task, number, signal);
        if (isOver) {
          const isTasks =
            failures.trainer >= MOST_FAILURES || (isStalled && (await this.#haveKilled(lost, task, signal)));
          throw givenUp(task, why, isTasks ? 'trainer' : found.isHubs ? 'hub' : 'fleet');
        }
        job.alone ||= of === 'stalled';
        job.again();
      }
    } catch (error) {
      // Closing gives up nothing: who comes back finds the result.
      if (parameters.signal?.aborted) await this.#cancel(job.id);
      throw error;
    } finally {
      listener.end();
    }
  }

  async remove(task: Task, number: number, signal?: AbortSignal): Promise<void> {
    await this.#asking.surely(() => this.#queue.remove(jobId(task, number)), signal);
  }

  /** Wakes whoever waits for a job that is finished, or that vanished, without having been told. */
  async sweep(signal: AbortSignal): Promise<void> {
    if (this.#listeners.ids.length === 0) return;
    const ids: unknown[] = await abortable(this.#queue.getRanges([...OPEN], 0, -1), signal);
    const open = new Set(ids);
    for (const id of this.#listeners.ids) if (!open.has(id)) this.#listeners.wake(id);
  }

  /** Jobs of earlier epochs count no more, whoever left them. */
  async forgetOtherSeeds(seed: number, signal?: AbortSignal): Promise<void> {
    if (this.#seed === seed) return;
    this.#seed = seed;
    const states = [...OPEN, 'completed', 'failed'] as const;
    const ids: unknown[] = await this.#asking.surely(() => this.#queue.getRanges([...states], 0, -1), signal);
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const some = ids.slice(at, at + AT_ONCE).map(String);
      const jobs = await this.#asking.surely(() => Promise.all(some.map((id) => readJob(this.#queue, id))), signal);
      for (const job of jobs) {
        const parsed = JobData.safeParse(job?.data);
        const isNow = parsed.success && (parsed.data.task.kind === 'base' || parsed.data.task.seed === seed);
        if (job?.id && !isNow) await this.#cancel(job.id);
      }
    }
  }

  /** Signatures are made and checked one after the other, so that the event loop has its turn between many. */
  async #inTurn<T>(work: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
    const end = await this.#turns.take(signal);
    try {
      await yieldToEventLoop(signal);
      return await work();
    } finally {
      end();
    }
  }

  async #sign(task: Task): Promise<string> {
    const { hotkey } = this.#parameters;
    return Buffer.from(await signBytes({ hotkey, bytes: textToSign('task', task) })).toString('hex');
  }

  /**
   * Whether trusted workers have signed that they ended with each of these tries, the one alone too: whoever can write to the
   * queue can let it seem so. They sign when they have started again, and are waited for.
   */
  async #haveKilled([first = '', alone = '']: string[], { machine }: Task, signal: AbortSignal): Promise<boolean> {
    const { roster, lookMs = 5_000, aliveMs = 60_000 } = this.#parameters;
    const untilMs = roster.watchedMs + aliveMs;
    for (;;) {
      await this.#asking.surely(() => roster.look(machine), signal);
      const [before, last] = [roster.lostWith(first), roster.lostWith(alone)];
      const workers = new Set([...before, ...last]).size;
      if (before.length >= MOST_LOST && last.length > 0 && workers >= Math.min(MOST_LOST, roster.trusted.length))
        return true;
      if (roster.watchedMs > untilMs) return false;
      await systemClock.sleep({ durationMs: lookMs, signal });
    }
  }

  /** Tells whoever works on it that nobody wants it any more. */
  async #cancel(id: string): Promise<void> {
    const cancelling = async () => {
      const job = await readJob(this.#queue, id);
      if (!job) return;
      await job.updateData({ ...job.data, cancelled: true });
      // One that is at work stays until its worker has seen it.
      await job.remove().catch(() => {});
    };
    await abortable(cancelling(), AbortSignal.timeout(CANCEL_MS)).catch((error: unknown) =>
      this.#logger.debug(`job ${id} could not be cancelled: ${messageOf(error)}`),
    );
  }
}
