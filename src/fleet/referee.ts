import { createHmac, randomBytes } from 'node:crypto';
import { isCode } from '../errors/flock-off-error.ts';
import { systemClock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import type { Asking } from './asking.ts';
import { givenUp } from './failed-job.ts';
import type { FleetParameters } from './fleet-parameters.ts';
import { agree, type Opinion, opinionText } from './opinions.ts';
import type { Roster } from './roster.ts';
import type { MachineClass, Task } from './wire.ts';

export interface OtherOpinionParameters {
  /** Which one of the task, from 0. */
  number: number;
  /** Who has had it. */
  not: string[];
  signal?: AbortSignal | undefined;
}

export interface RefereeParameters
  extends Pick<FleetParameters, 'workers' | 'recheckOneIn' | 'lookMs' | 'aliveMs' | 'logger'> {
  asking: Asking;
  roster: Roster;
  /** How far two losses may differ, relative. */
  tolerance(): number;
  /** What another worker finds; `null` where there is none. */
  opinion(task: Task, parameters: OtherOpinionParameters): Promise<Opinion | null>;
  /** Forgets an opinion. */
  remove(task: Task, number: number, signal?: AbortSignal): Promise<void>;
  /** A worker was set aside. */
  onSetAside(): void;
}

const UNCONFIRMED = 'no second worker confirmed it';

/** Has results compared with those of other workers, and sets aside who finds what two others do not. */
export class Referee {
  readonly #parameters: RefereeParameters;
  readonly #logger: Logger;
  /** Decides which results are compared: nobody else knows. */
  readonly #secret = randomBytes(32);
  /** Workers that have agreed with another one: until then all of theirs is compared. */
  readonly #proven = new Set<string>();
  #saidUnchecked = false;

  constructor(parameters: RefereeParameters) {
    this.#parameters = parameters;
    this.#logger = safeLogger(parameters.logger);
  }

  /** What is taken, where one worker has said its opinion. */
  async settle(task: Task, first: Opinion, signal?: AbortSignal): Promise<Opinion> {
    if (!this.#isCompared(task, first)) return first;
    const { roster, opinion, remove } = this.#parameters;
    // Of a worker that others have agreed with, and nothing that costs anybody anything.
    const mayStand = task.kind === 'score' && first.checked.ok && this.#proven.has(first.worker);
    // Time that is over ends the comparison, and not what was found.
    const unlessOver = (error: unknown) => {
      if (signal?.aborted && mayStand) return null;
      throw error;
    };
    if (!(await this.#hasOther(task.machine, first, { mayStand, signal }).catch(unlessOver))) {
      if (mayStand || this.#isAlone) return first;
      throw givenUp(task, UNCONFIRMED);
    }
    const again = (number: number, ...of: Opinion[]) =>
      opinion(task, { number, not: of.map(({ worker }) => worker), signal }).catch((error: unknown) => {
        // It can be trained on, as one worker has shown: that others fail on it is nothing of the miner's.
        const isShown = of.some(({ checked }) => checked.ok) && isCode(error, 'trainer-failed', 'queue-unreachable');
        if (!isShown) return unlessOver(error);
        if (mayStand) return null;
        throw givenUp(task, UNCONFIRMED);
      });
    const second = await again(1, first);
    if (second === null) {
      if (mayStand) return first;
      throw givenUp(task, UNCONFIRMED);
    }
    const tolerance = this.#parameters.tolerance();
    if (agree(first, second, tolerance)) {
      if (task.kind === 'score') for (const { worker } of [first, second]) this.#proven.add(worker);
      return first;
    }
    this.#logger.warn(`${task.name}: ${opinionText(first)}, and ${opinionText(second)}: a third worker settles it`);
    const third = await again(2, first, second);
    const right = third && [first, second].find((one) => agree(one, third, tolerance));
    if (!right) {
      for (const number of [0, 1, 2]) await remove(task, number, signal);
      throw givenUp(task, 'two workers differ, and no third agrees with one of them');
    }
    const wrong = right === first ? second : first;
    roster.setAside(wrong.worker);
    this.#logger.warn(
      `worker ${roster.nameOf(wrong.worker)} is set aside: of ${task.name} ${opinionText(wrong)}, and two others ${opinionText(right)}; look at that machine`,
    );
    this.#parameters.onSetAside();
    return right;
  }

  get #isAlone(): boolean {
    return this.#parameters.workers.length === 1;
  }

  /** Whether another worker is there. One that starts, or starts again, is waited for where nothing can stand without it. */
  async #hasOther(
    machine: MachineClass,
    { worker }: Opinion,
    { mayStand, signal }: { mayStand: boolean; signal: AbortSignal | undefined },
  ): Promise<boolean> {
    const { roster, asking, lookMs = 5_000, aliveMs = 60_000 } = this.#parameters;
    const isThere = () => roster.able(machine, [worker]).length > 0;
    if (isThere()) return true;
    const look = () => asking.surely(() => roster.look(machine), signal);
    await look();
    const untilMs = roster.watchedMs + aliveMs;
    while (!isThere() && !this.#isAlone && !mayStand && roster.watchedMs < untilMs) {
      await asking.unlessDone(signal, (stop) => systemClock.sleep({ durationMs: lookMs, signal: stop }));
      await look();
    }
    if (isThere()) return true;
    if (!this.#saidUnchecked) this.#logger.warn('there is one worker only: no result is compared with that of another');
    this.#saidUnchecked = true;
    return false;
  }

  /** A verdict costs a miner something, and the base model's loss all of them. */
  #isCompared({ kind, key }: Task, { worker, checked }: Opinion): boolean {
    const { recheckOneIn = 8 } = this.#parameters;
    if (kind === 'probe') return false;
    if (kind === 'base' || !checked.ok) return true;
    if (recheckOneIn > 0 && !this.#proven.has(worker)) return true;
    const drawn = createHmac('sha256', this.#secret).update(key).digest().readUInt32BE(0);
    return recheckOneIn > 0 && drawn % recheckOneIn === 0;
  }
}
