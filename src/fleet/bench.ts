import { hostname } from 'node:os';
import type { Job, Queue, Worker } from 'bullmq';
import { verifyBytes } from '../chain/wallet/signed-bytes.ts';
import { FlockOffError, isCode, messageOf } from '../errors/flock-off-error.ts';
import { abortable } from '../shared/abortable.ts';
import { canonicalJson } from '../shared/canonical-json.ts';
import { systemClock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { inTime } from './asking.ts';
import { Board } from './board.ts';
import { STALLED_ALONE } from './failed-job.ts';
import { LossFinder } from './find-loss.ts';
import type {
  OpenWorkerTrainerParameters,
  RunFleetWorkerParameters,
  WorkerTrainer,
} from './fleet-worker-parameters.ts';
import { LostWork } from './lost-work.ts';
import { classOf, differenceOf } from './machine-class.ts';
import { notOurs } from './not-ours.ts';
import { Presence } from './presence.ts';
import type { QueueServer } from './queue-server.ts';
import {
  type About,
  evaluationBoard,
  type Failure,
  type Found,
  JobData,
  type MachineClass,
  type Task,
  taskHash,
  textToSign,
} from './wire.ts';

/** Faults of this machine: others can do the job. */
const OWN_FAULTS = ['disk', 'bad-model', 'backend-unavailable', 'queue-refused'] as const;
/** Wait after a job was given back that another worker has to take. */
const GIVE_BACK_MS = 500;
const CLOSE_MS = 3_000;
const LEAVE_MS = 1_000;

const UNDECIDED = 'the validator has not said yet what its workers must have in common';

export interface BenchParameters extends RunFleetWorkerParameters {
  server: QueueServer;
  queue: string;
  about: About;
  signal: AbortSignal;
  /** Ends the worker. */
  onFault: (fault: unknown) => void;
}

/** A trainer, and what it was opened for. */
interface Loaded extends Omit<OpenWorkerTrainerParameters, 'signal'> {
  trainer: WorkerTrainer;
  machine: MachineClass;
}

/** A worker at its queue: follows what the validator says, and takes its jobs. */
export class Bench {
  readonly #parameters: BenchParameters;
  readonly #presence: Presence;
  readonly #finder: LossFinder;
  readonly #lost: LostWork;
  readonly #queue: Queue<JobData>;
  readonly #logger: Logger;
  /** `null` while another is opened. */
  #loaded: Loaded | null;
  #reloading: Promise<void> | null = null;
  /** Why it takes no jobs now; `null` where it does, `undefined` before it has looked. */
  #idle: string | null | undefined;
  #isTold = false;
  #worker: Worker<JobData> | undefined;
  /** The job that it is at, and what gives it back. */
  #atWork: { ended: Promise<unknown>; giveBack: AbortController } | null = null;
  #staysOnBoard = false;

  private constructor(parameters: BenchParameters, loaded: Loaded, lost: LostWork) {
    const { server, queue, about, key, name = hostname() } = parameters;
    this.#parameters = parameters;
    this.#loaded = loaded;
    this.#lost = lost;
    this.#logger = safeLogger(parameters.logger);
    this.#queue = server.queue(queue);
    this.#finder = new LossFinder(parameters, new Board(server, evaluationBoard(queue)));
    const hello = { worker: key.publicKey, queue, name, ...shownOf(loaded), refused: null, lost: [...lost.lost] };
    this.#presence = new Presence({ board: new Board(server, `${queue}-board`), key, about, hello });
  }

  static async open(parameters: BenchParameters): Promise<Bench> {
    const { about, cacheDir, key, signal } = parameters;
    const lost = await LostWork.open({ cacheDir, publicKey: key.publicKey });
    const loaded = await load(parameters, about, signal);
    const bench = new Bench(parameters, loaded, lost);
    try {
      await bench.#requireFounded();
      return bench;
    } catch (error) {
      loaded.trainer.dispose();
      throw error;
    }
  }

  /** Takes jobs until the signal aborts, whose reason it throws. */
  async work(): Promise<void> {
    const { signal, lookMs = 5_000 } = this.#parameters;
    while (!signal.aborted) {
      try {
        await abortable(this.#follow(), inTime(signal));
      } catch (error) {
        if (isCode(error, 'queue-refused')) this.#parameters.onFault(error);
        else if (!signal.aborted) this.#logger.debug(`the validator could not be followed: ${messageOf(error)}`);
      }
      const durationMs = this.#idle === null ? lookMs : Math.min(lookMs, 1_000);
      await systemClock.sleep({ durationMs, signal }).catch(() => {});
    }
    signal.throwIfAborted();
  }

  async close(): Promise<void> {
    // The job that it has was given back when the signal aborted.
    await Promise.race([this.#worker?.close(), systemClock.sleep({ durationMs: CLOSE_MS })]);
    await this.#reloading;
    this.#loaded?.trainer.dispose();
    const leaving = this.#staysOnBoard ? null : this.#presence.leave();
    await Promise.race([leaving, systemClock.sleep({ durationMs: LEAVE_MS })]).catch(() => {});
  }

  /** Does as the validator says now, and says that it is there. */
  async #follow(): Promise<void> {
    const about = await this.#presence.about();
    const { why, refused } = await this.#standingIn(about);
    await this.#presence.say({ refused });
    await this.#setIdle(why);
  }

  /** Why it takes no jobs, and whether that is for what it is. */
  async #standingIn(about: About): Promise<{ why: string | null; refused: string | null }> {
    const { publicKey } = this.#parameters.key;
    const isTold = about.workers.includes(publicKey);
    if (this.#isTold && !isTold)
      throw await this.#refuse(
        'key',
        'the validator takes its results no more: it was set aside, or is not in --workers',
      );
    this.#isTold = isTold;
    const loaded = this.#loaded;
    if (loaded === null || !isSame(loaded, about)) {
      // One at a time: what the validator names meanwhile is opened after that.
      this.#reloading ??= this.#reload(about).finally(() => {
        this.#reloading = null;
      });
      const why = `the validator names another base model or recipe: ${about.base.model} is loaded`;
      return { why, refused: why };
    }
    if (!isTold) {
      const why = `the validator was not told of this worker: add ${publicKey} to its --workers`;
      return { why, refused: null };
    }
    if (about.chosen === null) return { why: UNDECIDED, refused: null };
    const difference = differenceOf(about.chosen.machine, loaded.machine);
    return { why: difference, refused: difference };
  }

  async #setIdle(why: string | null): Promise<void> {
    if (why === this.#idle) return;
    const { queue, onEvent } = this.#parameters;
    this.#idle = why;
    if (why !== null) {
      onEvent?.({ kind: 'waiting', why });
      await this.#worker?.pause(true);
      return;
    }
    onEvent?.({ kind: 'ready', queue, machine: this.#loaded!.machine });
    if (this.#worker === undefined) this.#worker = this.#openWorker();
    else this.#worker.resume();
  }

  #openWorker(): Worker<JobData> {
    const { queue, server, key, lockMs = 120_000 } = this.#parameters;
    return server.worker<JobData>(queue, (job, token, taken) => this.#atJob(job, token, taken), {
      name: key.publicKey,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      // A second worker that ends with a job is the last one: the validator decides.
      maxStalledCount: 1,
      concurrency: 1,
    });
  }

  /** Gives back the memory of one trainer before the next is opened. */
  async #reload(about: About): Promise<void> {
    const { signal, onFault } = this.#parameters;
    try {
      this.#atWork?.giveBack.abort(new Error('another base model or recipe is asked for'));
      await this.#atWork?.ended.catch(() => {});
      this.#loaded?.trainer.dispose();
      this.#loaded = null;
      this.#loaded = await load(this.#parameters, about, signal);
      this.#presence.hello = { ...this.#presence.hello, ...shownOf(this.#loaded) };
      await this.#requireFounded();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof FlockOffError && error.transient)) return onFault(error);
      this.#parameters.onEvent?.({ kind: 'waiting', why: messageOf(error) });
    }
  }

  /** @throws FlockOffError `queue-refused`, said to the validator too. */
  async #requireFounded(): Promise<void> {
    const { base, trainer } = this.#loaded!;
    if (base.sha256 === undefined || base.sha256 === trainer.baseSha256) return;
    const why = `its base model is ${trainer.baseSha256}, and the competition was founded with ${base.sha256}`;
    throw await this.#refuse('machine', why);
  }

  /** Says on both sides why this worker ends. */
  async #refuse(reason: 'key' | 'machine', why: string): Promise<FlockOffError> {
    this.#staysOnBoard = true;
    await abortable(this.#presence.say({ refused: why }), inTime(this.#parameters.signal)).catch(() => {});
    return new FlockOffError({
      code: 'queue-refused',
      what: `this worker cannot take jobs of ${this.#parameters.queue}: ${why}`,
      fix: reason === 'key' ? 'ask who runs the validator' : 'give it the base model that the competition names',
      facts: { reason },
    });
  }

  async #atJob(job: Job<JobData>, token: string | undefined, taken: AbortSignal | undefined): Promise<unknown> {
    const giveBack = new AbortController();
    const ended = this.#process(job, token, { giveBack: giveBack.signal, taken });
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
    { giveBack, taken }: { giveBack: AbortSignal; taken: AbortSignal | undefined },
  ): Promise<unknown> {
    const { signal, onEvent, onFault, server } = this.#parameters;
    const stop = new AbortController();
    const signals = AbortSignal.any([signal, giveBack, stop.signal, ...(taken ? [taken] : [])]);
    const watching = this.#watchJob(job, stop);
    let name = 'a job';
    let begun: Task | null = null;
    try {
      const parsed = JobData.safeParse(job.data);
      if (!parsed.success) throw notOurs('it is none of this version');
      const { task, not, alone, cancelled } = parsed.data;
      ({ name } = task);
      if (cancelled) stop.abort(new Error('the validator wants it no more'));
      signals.throwIfAborted();
      if (not.includes(this.#presence.hello.worker)) throw await this.#putOff(job, token, signals);
      // As it was signed, not as this version reads it.
      await this.#requireOurs(parsed.data, job.data.task);
      let loaded = this.#loaded;
      // The validator says something else now, and this worker hears of it next.
      if (loaded === null || this.#idle !== null || differenceOf(task.machine, loaded.machine) !== null)
        throw await this.#putOff(job, token, signals);
      if (alone && job.stalledCounter > 0) throw new Error(STALLED_ALONE);
      if (alone) {
        loaded = await this.#openAnew(loaded, signals);
        // What was opened anew may be on another device.
        if (differenceOf(task.machine, loaded.machine) !== null) throw await this.#putOff(job, token, signals);
      }
      const { trainer } = loaded;
      onEvent?.({ kind: 'begun', task: name });
      begun = task;
      await this.#lost.begin(taskHash(task));
      const tell = (note: object) => void job.updateProgress(note).catch(() => {});
      // Whatever ends this process from here on, the task does not.
      const finding = this.#finder.find(task, { trainer, signal: signals, tell });
      const checked = await finding.finally(() => this.#lost.end());
      const found: Found = { task: taskHash(task), machine: loaded.machine, checked };
      signals.throwIfAborted();
      const what = checked.ok ? `loss ${checked.lossNatsPerToken}` : checked.verdict.reason;
      onEvent?.({ kind: 'done', task: name, what });
      const { key } = this.#parameters;
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
  async #putOff(job: Job<JobData>, token: string | undefined, signal: AbortSignal): Promise<Error> {
    await leaveToOthers(job, token);
    await systemClock.sleep({ durationMs: GIVE_BACK_MS * (1 + Math.random()), signal }).catch(() => {});
    return PUT_OFF;
  }

  /** Whether its device fails on known-good work, too: then it would fail on one job after the other. */
  async #isSick(error: unknown, task: Task, signal: AbortSignal): Promise<boolean> {
    if (!isCode(error, 'trainer-failed') || this.#loaded === null) return false;
    try {
      await this.#finder.probe(task, this.#loaded.trainer, signal);
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
      const now = await abortable(this.#queue.getJob(id), inTime(stop.signal)).catch(() => null);
      if (now === undefined) stop.abort(new Error('the job is not in the queue any more'));
      else if (now?.data.cancelled) stop.abort(new Error('the validator wants it no more'));
    }
    worker?.off('lockRenewalFailed', onLost);
  }

  /** Whoever can write to the queue may have written it. */
  async #requireOurs({ task, signature }: JobData, signed: object): Promise<void> {
    const { validator, queue } = this.#parameters;
    const bytes = textToSign('task', signed);
    if (!(await verifyBytes({ address: validator, bytes, signature: Buffer.from(signature, 'hex') })))
      throw notOurs('the validator has not signed it');
    if (task.queue !== queue) throw notOurs('it is of another queue');
  }

  /** Nothing of what ran before is left in the training process. */
  async #openAnew({ trainer, base, recipe }: Loaded, signal: AbortSignal): Promise<Loaded> {
    trainer.dispose();
    try {
      const loaded = await load(this.#parameters, { base, recipe }, signal);
      this.#loaded = loaded;
      this.#presence.hello = { ...this.#presence.hello, ...shownOf(loaded) };
      return loaded;
    } catch (error) {
      // Without a trainer it is no worker.
      this.#loaded = null;
      this.#parameters.onFault(error);
      throw error;
    }
  }
}

const PUT_OFF = new Error('the job is left to others');

/**
 * Puts a job back at once: no clock has a part in that, as it has in a delay. What is only moved wakes nobody; what is given
 * its priority again does.
 */
async function leaveToOthers(job: Job<JobData>, token: string | undefined): Promise<void> {
  try {
    await job.moveToWait(token);
    await job.changePriority({ priority: job.priority });
  } catch {
    // It vanished, or its lock ended: then it is others' already.
  }
}

async function load(
  { openTrainer }: BenchParameters,
  { base, recipe }: Pick<About, 'base' | 'recipe'>,
  signal: AbortSignal,
): Promise<Loaded> {
  const trainer = await openTrainer({ base, recipe, signal });
  return { base, recipe, trainer, machine: classOf(trainer) };
}

/** What a worker shows of what it has loaded. */
function shownOf({ base, machine, trainer }: Loaded) {
  const { backend, precision, weightStorage, baseSha256 } = trainer;
  return { base, machine, facts: { backend, precision, weightStorage, baseSha256 } };
}

function isSame(one: Pick<About, 'base' | 'recipe'>, other: Pick<About, 'base' | 'recipe'>): boolean {
  return canonicalJson([one.base, one.recipe]) === canonicalJson([other.base, other.recipe]);
}

/** `null`: it was given up. */
function failureOf(error: unknown): Pick<Failure, 'code' | 'what' | 'fix'> {
  if (error === null) return { code: 'aborted', what: 'it was given up' };
  if (!(error instanceof FlockOffError)) return { code: 'unexpected', what: messageOf(error).slice(0, 500) };
  return { code: error.code, what: error.what.slice(0, 500), fix: error.fix?.slice(0, 500) };
}
