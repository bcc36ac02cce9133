import { hostname } from 'node:os';
import { FlockOffError, isCode, messageOf } from '../errors/flock-off-error.ts';
import { systemClock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { inTime } from './asking.ts';
import { Board } from './board.ts';
import { clockProblem } from './clock-problem.ts';
import { JobConsumer, type JobConsumerParameters } from './job-consumer.ts';
import { isFor, type Loaded, load, shownOf } from './loaded.ts';
import { LostWork } from './lost-work.ts';
import { differenceOf } from './machine-class.ts';
import { boardName } from './names.ts';
import { Presence } from './presence.ts';
import type { About } from './wire.ts';

const LEAVE_MS = 1_000;

const UNDECIDED = 'the validator has not said yet what its workers must have in common';

export interface FleetMemberParameters extends JobConsumerParameters {
  about: About;
}

/** How a worker stands with its validator. */
interface Standing {
  /** Why it takes no jobs; `null` where it does. */
  why: string | null;
  /** The same where that is for what it is. */
  refused: string | null;
  /** The same where it could take none of any class. */
  unfit: string | null;
}

/** A worker as one of a fleet: has a trainer, says that it is there, and does as its validator says. */
export class FleetMember {
  readonly #parameters: FleetMemberParameters;
  readonly #presence: Presence;
  readonly #jobs: JobConsumer;
  readonly #logger: Logger;
  /** `null` while another is opened. */
  #loaded: Loaded | null;
  #reloading: Promise<void> | null = null;
  /** Why it takes no jobs now; `null` where it does, `undefined` before it has looked. */
  #idle: string | null | undefined;
  #isTold = false;
  #isClockOff = false;
  #staysOnBoard = false;

  private constructor(parameters: FleetMemberParameters, loaded: Loaded, lost: LostWork) {
    const { server, queue, about, key, name = hostname() } = parameters;
    this.#parameters = parameters;
    this.#loaded = loaded;
    this.#logger = safeLogger(parameters.logger);
    this.#jobs = new JobConsumer(parameters, {
      lost,
      loaded: () => this.#loaded,
      openAnew: (one, signal) => this.#openAnew(one, signal),
    });
    const of = { worker: key.publicKey, queue, name, refused: null, unfit: null, lost: [...lost.lost] };
    const hello = { ...of, ...shownOf(loaded) };
    this.#presence = new Presence({ board: new Board(server, boardName(queue)), key, about, hello });
  }

  static async open(parameters: FleetMemberParameters): Promise<FleetMember> {
    const { about, cacheDir, key, signal } = parameters;
    const lost = await LostWork.open({ cacheDir, publicKey: key.publicKey });
    const loaded = await load(parameters, about, signal);
    const member = new FleetMember(parameters, loaded, lost);
    try {
      await member.#requireFounded(loaded);
      return member;
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
        await inTime(this.#follow(), signal);
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
    await this.#jobs.close();
    await this.#reloading;
    this.#loaded?.trainer.dispose();
    const leaving = this.#staysOnBoard ? null : this.#presence.leave();
    await Promise.race([leaving, systemClock.sleep({ durationMs: LEAVE_MS })]).catch(() => {});
  }

  /** Does as the validator says now, and says that it is there. */
  async #follow(): Promise<void> {
    const about = await this.#presence.about();
    const { why, refused, unfit } = await this.#standingIn(about);
    await this.#presence.say({ refused, unfit });
    await this.#setIdle(why);
    if (unfit !== null) await this.#jobs.giveBack(new Error(unfit));
  }

  async #standingIn(about: About): Promise<Standing> {
    const { server, key, lockMs } = this.#parameters;
    const isTold = about.workers.includes(key.publicKey);
    if (this.#isTold && !isTold)
      throw await this.#refuse(
        'key',
        'the validator takes its results no more: it was set aside, or is not in --workers',
      );
    this.#isTold = isTold;
    const loaded = this.#loaded;
    if (loaded === null || !isFor(loaded, about)) {
      // One at a time: what the validator names meanwhile is opened after that.
      this.#reloading ??= this.#reload(about).finally(() => {
        this.#reloading = null;
      });
      const why = `the validator names another base model or recipe: ${about.base.model} is loaded`;
      return { why, refused: why, unfit: null };
    }
    const unfit = clockProblem(await server.clockAheadMs(), lockMs, this.#isClockOff);
    this.#isClockOff = unfit !== null;
    if (unfit !== null) return { why: unfit, refused: unfit, unfit };
    if (!isTold) {
      const why = `the validator was not told of this worker: add ${key.publicKey} to its --workers`;
      return { why, refused: null, unfit };
    }
    if (about.chosen === null) return { why: UNDECIDED, refused: null, unfit };
    const difference = differenceOf(about.chosen.machine, loaded.machine);
    return { why: difference, refused: difference, unfit };
  }

  async #setIdle(why: string | null): Promise<void> {
    if (why === this.#idle) return;
    const { queue, onEvent } = this.#parameters;
    const loaded = this.#loaded;
    this.#idle = why;
    if (why !== null) {
      onEvent?.({ kind: 'waiting', why });
      await this.#jobs.pause();
    } else if (loaded !== null) {
      onEvent?.({ kind: 'ready', queue, machine: loaded.machine });
      this.#jobs.take();
    }
  }

  /** Gives back the memory of one trainer before the next is opened. */
  async #reload(about: About): Promise<void> {
    const { signal, onFault } = this.#parameters;
    try {
      await this.#jobs.giveBack(new Error('another base model or recipe is asked for'));
      this.#loaded?.trainer.dispose();
      this.#loaded = null;
      const loaded = await load(this.#parameters, about, signal);
      this.#has(loaded);
      await this.#requireFounded(loaded);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof FlockOffError && error.transient)) return onFault(error);
      this.#parameters.onEvent?.({ kind: 'waiting', why: messageOf(error) });
    }
  }

  /** Nothing of what ran before is left in the training process. Meanwhile it has a trainer still, as far as others see. */
  async #openAnew({ trainer, base, recipe }: Loaded, signal: AbortSignal): Promise<Loaded> {
    trainer.dispose();
    try {
      return this.#has(await load(this.#parameters, { base, recipe }, signal));
    } catch (error) {
      // Without a trainer it is no worker; where the job was given up meanwhile, it opens one as it looks next.
      this.#loaded = null;
      if (!signal.aborted) this.#parameters.onFault(error);
      throw error;
    }
  }

  #has(loaded: Loaded): Loaded {
    this.#loaded = loaded;
    this.#presence.hello = { ...this.#presence.hello, ...shownOf(loaded) };
    return loaded;
  }

  /** @throws FlockOffError `queue-refused`, said to the validator too. */
  async #requireFounded({ base, trainer }: Loaded): Promise<void> {
    if (base.sha256 === undefined || base.sha256 === trainer.baseSha256) return;
    const why = `its base model is ${trainer.baseSha256}, and the competition was founded with ${base.sha256}`;
    throw await this.#refuse('machine', why);
  }

  /** Says on both sides why this worker ends. */
  async #refuse(reason: 'key' | 'machine', why: string): Promise<FlockOffError> {
    this.#staysOnBoard = true;
    await inTime(this.#presence.say({ refused: why }), this.#parameters.signal).catch(() => {});
    return new FlockOffError({
      code: 'queue-refused',
      what: `this worker cannot take jobs of ${this.#parameters.queue}: ${why}`,
      fix: reason === 'key' ? 'ask who runs the validator' : 'give it the base model that the competition names',
      facts: { reason },
    });
  }
}
