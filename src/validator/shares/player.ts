import { FlockOffError, isCode, messageOf } from '../../errors/flock-off-error.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { type EitherSignal, eitherSignal } from '../../shared/either-signal.ts';
import { safeLogger } from '../../shared/logger.ts';
import { isTransientError } from '../../shared/retry.ts';
import type { Turns } from '../../shared/turns.ts';
import { drawMiners } from '../draw.ts';
import { type ScoredEpoch, scoreEpoch } from '../epoch.ts';
import { firstBlockAfter, NotDue } from '../epoch-start.ts';
import { scorerOf } from '../scorer-of.ts';
import type { Validator, ValidatorEvent } from '../validator.ts';
import type { IsLate } from '../watch-late.ts';
import { type ScheduledShare, shareAt } from './schedule.ts';

/** One of the competitions that a validator plays. */
export interface PlayedCompetition {
  /** With a state, receipts and an evaluation set of its own; chain, subnet and weight setter are those of all. */
  validator: Validator;
  /** What it has of the weights: entries that follow each other, 0 before the first. */
  shares: ScheduledShare[];
}

export type WatchedCompetition = PlayedCompetition & { isLate?: IsLate };

export interface PlayerParameters {
  competition: WatchedCompetition;
  /** Of all: datasets are read and compared for one competition at a time, since it takes the memory of one. */
  reading: Turns;
  /** Called whenever anything of it has changed. */
  onChange: () => void;
  signal?: AbortSignal;
}

const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 300_000;
/** So often it is tried while others wait for it. */
const LEAST_ATTEMPTS = 3;

/**
 * The epoch of one competition, up to its losses, by itself: what it meets, waits for or trains on is none of the others'
 * business. Where they train with one trainer, that takes their datasets in the order in which they ask: one of each in turn.
 */
export class Player {
  readonly competition: WatchedCompetition;
  /** `looking`: whether an epoch is due. `idle`: none is. `failed`: by what does not pass by itself. */
  state: 'looking' | 'idle' | 'working' | 'scored' | 'failed' = 'idle';
  /** What it met last and has not got over yet. */
  fault: unknown = null;
  /** What no competition can go on with. */
  crash: unknown = null;
  /** Whether it has a share of the weights, or will have one. */
  hasShare = true;
  readonly #parameters: PlayerParameters;
  readonly #stop = new AbortController();
  readonly #life: EitherSignal;
  #round: AbortSignal = AbortSignal.abort();
  #waiting: Promise<void> = Promise.resolve();
  #working: Promise<void> = Promise.resolve();
  #scored: ScoredEpoch | null = null;
  #attempts = 0;
  /** The block before which the node has no epoch for it. */
  #notBefore = 0;

  constructor(parameters: PlayerParameters) {
    this.#parameters = parameters;
    this.competition = parameters.competition;
    this.#life = eitherSignal(this.#stop.signal, parameters.signal);
  }

  get #signal(): AbortSignal {
    return this.#life.signal;
  }

  get id(): string {
    return this.competition.validator.competition.id;
  }

  /** Whether weights that could go out wait for it a little. */
  get isWaitedFor(): boolean {
    return this.state === 'looking' || (this.state === 'working' && this.#attempts < LEAST_ATTEMPTS);
  }

  /** Whether an epoch goes on that stops when it is time for the weights. */
  get isInTime(): boolean {
    return this.state === 'working' && scorerOf(this.competition.validator).isInTime;
  }

  /** Begins its next epoch once it is due, or goes on with one. What has begun when the round is over goes on after it. */
  begin(round: AbortSignal): void {
    this.#round = round;
    this.state = 'looking';
    this.crash = null;
    this.#waiting = this.#untilDue(round).then(
      () => {
        if (this.hasShare) this.#working = this.#work();
      },
      (error) => {
        if (!round.aborted && !this.#signal.aborted) this.crash = error;
        this.#become('idle');
      },
    );
  }

  /** Once the round is over: resolves when it does not wait any more for its next epoch. */
  async paused(): Promise<void> {
    await this.#waiting;
  }

  /** Its scored epoch. Until that is closed it is scored again, from what is stored. */
  take(): ScoredEpoch | null {
    const scored = this.#scored;
    this.#scored = null;
    if (this.state === 'scored') this.state = 'idle';
    return scored;
  }

  /** Its scored epoch comes back: what was to be sent of it was not. */
  giveBack(scored: ScoredEpoch): void {
    this.#scored = scored;
    this.state = 'scored';
  }

  /**
   * Notes what does not pass by itself: it is tried again with the next weights.
   * @throws what is no fault of one competition.
   */
  fail(error: unknown): void {
    if (this.#isOfAll(error)) throw error;
    this.fault = error;
    this.#become('failed');
    this.competition.validator.onEvent?.({ kind: 'interrupted', error, delayMs: null });
    if (isTransientError(error)) return;
    const line = `it cannot be evaluated, and is tried again with the next weights: ${messageOf(error)}`;
    safeLogger(this.competition.validator.logger).error(line);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the validator has ended'));
    await this.#waiting;
    await this.#working;
    this.#life.release();
  }

  /** Waits until it has an epoch to play, or for ever no share. */
  async #untilDue(round: AbortSignal): Promise<void> {
    const either = eitherSignal(round, this.#signal);
    try {
      await this.#untilDueUnless(either.signal);
    } finally {
      either.release();
    }
  }

  async #untilDueUnless(signal: AbortSignal): Promise<void> {
    const { subtensor } = this.competition.validator;
    for (let block = 0; ; ) {
      const now = await subtensor.waitForBlock({ block, signal });
      block = Math.max(this.#notBefore, await this.#firstBlock(now, signal));
      signal.throwIfAborted();
      if (block <= now) return;
      this.hasShare = Number.isFinite(block);
      this.#become('idle');
      if (!this.hasShare) return;
    }
  }

  async #firstBlock(now: number, signal: AbortSignal): Promise<number> {
    const { validator, shares } = this.competition;
    if (shareAt(shares, now) === 0) {
      const later = shares.filter(({ fromBlock, share }) => fromBlock > now && share > 0);
      return Math.min(...later.map(({ fromBlock }) => fromBlock));
    }
    if ((await validator.state.openEpoch()) !== null) return 0;
    const history = await validator.state.history();
    return history === null ? 0 : firstBlockAfter(validator, history, signal);
  }

  /** Scores its epoch, again and again as long as faults pass by themselves. */
  async #work(): Promise<void> {
    const { validator } = this.competition;
    const { clock = systemClock } = validator;
    this.#attempts = 0;
    this.fault = null;
    this.#become('working');
    while (this.state === 'working')
      try {
        await this.#draw();
        this.#scored = await this.#score();
        this.fault = null;
        this.#become('scored');
      } catch (error) {
        if (error instanceof NotDue) {
          this.#notBefore = error.untilBlock;
          this.#become('idle');
          if (!this.#round.aborted) this.begin(this.#round);
        } else if (this.#isOfAll(error)) {
          if (!this.#signal.aborted) this.crash = error;
          this.#become('idle');
        } else if (!isTransientError(error)) this.fail(error);
        else await this.#interrupted(error, clock);
      }
  }

  async #interrupted(error: unknown, clock: Clock): Promise<void> {
    const { validator } = this.competition;
    this.fault = error;
    const delayMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts);
    this.#attempts++;
    const line = `interrupted: ${messageOf(error)}`;
    safeLogger(validator.logger).warn(line, { attempt: this.#attempts, delayMs });
    validator.onEvent?.({ kind: 'interrupted', error, delayMs });
    this.#parameters.onChange();
    // That it is to end is seen by the next attempt.
    await clock.sleep({ durationMs: delayMs, signal: this.#signal }).catch(() => {});
  }

  /** Before it waits for anybody: until then the node may have dropped the state of the block that its epoch begins with. */
  async #draw(): Promise<void> {
    // Told when it is scored.
    const validator = { ...this.competition.validator, onEvent: undefined };
    await drawMiners(validator, await validator.state.standings(), this.#signal, { waits: false });
  }

  async #score(): Promise<ScoredEpoch> {
    const { validator, isLate } = this.competition;
    const { reading } = this.#parameters;
    const signal = this.#signal;
    let endTurn: (() => void) | null = await reading.take(signal);
    const endReading = () => {
      endTurn?.();
      endTurn = null;
    };
    const onEvent = (event: ValidatorEvent) => {
      validator.onEvent?.(event);
      // What follows takes long: its set opens, or somebody is trained on.
      if (event.kind === 'opening' || event.kind === 'scoring') endReading();
      if (getsOn(event, this.fault)) this.fault = null;
    };
    const onOpened = async () => {
      endTurn ??= await reading.take(signal);
    };
    try {
      return await scoreEpoch({ validator: { ...validator, onEvent }, isLate, waits: false, onOpened, signal });
    } finally {
      endReading();
    }
  }

  #become(state: Player['state']): void {
    this.state = state;
    this.#parameters.onChange();
  }

  /** Whether it is no fault of one competition: nothing can be kept, or all is to end. */
  #isOfAll(error: unknown): boolean {
    return this.#signal.aborted || !(error instanceof FlockOffError) || isCode(error, 'disk');
  }
}

/** Whether what it met before is over: somebody is trained on or will be, in whichever order a trainer takes them. */
export function getsOn(event: ValidatorEvent, fault: unknown): boolean {
  if (event.kind === 'settled') return event.outcome.kind === 'scored';
  // What trains is to show that it does.
  if (event.kind === 'scoring') return !isCode(fault, 'trainer-failed') && !isCode(fault, 'queue-unreachable');
  return event.kind === 'training' || event.kind === 'evaluating';
}
