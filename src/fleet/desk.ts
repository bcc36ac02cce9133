import { createHmac, randomBytes } from 'node:crypto';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type { Competition } from '../schema/competition.ts';
import { abortable } from '../shared/abortable.ts';
import { canonicalJson } from '../shared/canonical-json.ts';
import { systemClock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { PACKAGE_VERSION } from '../shared/own-package.ts';
import { requireNumber } from '../shared/require-number.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import { toleranceOf } from '../validator/loss-tolerance.ts';
import type { EvaluateBaseParameters } from '../validator/scorer.ts';
import { Asking, inTime } from './asking.ts';
import { type ChosenClass, chooseClass, unwanted } from './choose-class.ts';
import { givenUp } from './failed-job.ts';
import type { FleetParameters } from './fleet-parameters.ts';
import { Jobs } from './jobs.ts';
import { classText } from './machine-class.ts';
import { Notices } from './notices.ts';
import { agree, type Opinion, opinionText } from './opinions.ts';
import { parseQueueAddress } from './queue-address.ts';
import { QueueServer } from './queue-server.ts';
import { Roster } from './roster.ts';
import { type About, type Hello, type ProgressNote, queueName, type Task, WorkerKeyText } from './wire.ts';

/** Lower comes first; 2^21 at most. */
const LEAST_PRIORITY = 2 ** 21 - 1;
const HALF_PRIORITY = 2 ** 20;

/** The validator's side of a queue: what its workers have in common, and what is taken of theirs. */
export class Desk {
  readonly competition: Competition;
  readonly #parameters: FleetParameters;
  readonly #server: QueueServer;
  readonly #name: string;
  readonly #asking: Asking;
  readonly #notices: Notices;
  readonly #roster: Roster;
  readonly #jobs: Jobs;
  readonly #logger: Logger;
  readonly #done = new AbortController();
  /** Who is waited for before the next choice: at first all, later those that took jobs since the one before. */
  #awaited: Set<string>;
  /** Decides which results are compared: nobody else knows. */
  readonly #secret = randomBytes(32);
  /** Rows that are still to be trained on, by job. */
  readonly #open = new Map<string, number>();
  /** Uids that were not reached in time: they come first next time, or small datasets would never be. */
  readonly #overdue = new Set<number>();
  #chosen: About['chosen'] = null;
  #watching: Promise<void> = Promise.resolve();
  /** Workers that have agreed with another one: until then all of theirs is compared. */
  readonly #proven = new Set<string>();
  #saidUnchecked = false;

  private constructor(parameters: FleetParameters, server: QueueServer) {
    const { hotkey, genesisHash, netuid, competition, workers, aliveMs = 60_000, lookMs, logger } = parameters;
    this.#parameters = parameters;
    this.competition = competition;
    this.#awaited = new Set(workers);
    this.#server = server;
    this.#logger = safeLogger(logger);
    const name = queueName({ genesisHash, hotkey: hotkey.address, netuid, competition: competition.id });
    this.#name = name;
    const asking = new Asking({ logger, done: this.#done.signal });
    const notices = new Notices(parameters, { server, name, asking });
    const roster = new Roster({ board: notices.board, queue: name, workers, aliveMs, logger });
    this.#asking = asking;
    this.#notices = notices;
    this.#roster = roster;
    this.#jobs = new Jobs({ hotkey, lookMs, logger, server, name, asking, notices, roster });
  }

  static async open(parameters: FleetParameters): Promise<Desk> {
    const { url, password, workers, recheckOneIn = 8, isVolatile = false, logger, signal } = parameters;
    requireNumber('recheckOneIn', recheckOneIn, { whole: true, least: 0 });
    const bad = workers.find((key) => !WorkerKeyText.safeParse(key).success);
    if (bad !== undefined || workers.length === 0)
      throw new FlockOffError({
        code: 'bad-argument',
        what: bad === undefined ? 'no worker is named whose results are to be taken' : `"${bad}" is no key of a worker`,
        fix: 'name the keys that the workers print when they start, 64 hex digits each',
        facts: { name: 'workers' },
      });
    const server = await QueueServer.open({ address: parseQueueAddress({ url, password }), logger, signal });
    try {
      const desk = new Desk(parameters, server);
      const begin = async () => {
        await server.requireLasting({ isVolatile });
        await desk.#takeUp();
        await desk.#sayAbout();
      };
      await server.soon(begin(), signal);
      desk.#watching = desk.#watch();
      return desk;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** After a restart workers have in common what they had before, as long as that is wanted still. */
  async #takeUp(): Promise<void> {
    const said = await this.#notices.said();
    if (!said?.chosen) return;
    const { machine, facts } = said.chosen;
    const isStill = this.#unfitOf({ machine, facts, base: said.base }) === null;
    if (isStill) this.#chosen = said.chosen;
  }

  get lossClass(): string {
    return canonicalJson(this.#chosen?.machine);
  }

  /** What the losses of now have in common. Waits for the first worker, where nothing was chosen before. */
  async facts(signal?: AbortSignal): Promise<TrainerFacts> {
    if (this.#chosen === null) await this.#choose(null, signal);
    return this.#chosen!.facts;
  }

  /**
   * Begins an epoch: what most of the workers that are there have, by their speed, is what all of its losses have in common,
   * to its end.
   */
  async begin(seed: number, signal?: AbortSignal): Promise<void> {
    if (this.#chosen?.seed !== seed) await this.#choose(seed, signal);
    await this.#jobs.forgetOtherSeeds(seed, signal);
  }

  async #choose(seed: number | null, signal?: AbortSignal): Promise<void> {
    const found = await this.#gather(signal);
    const { machine, facts } = found;
    this.#chosen = { machine, facts, seed };
    this.#awaited = new Set(found.workers.map(({ worker }) => worker));
    await this.#asking.surely(() => this.#sayAbout(), signal);
    this.#tellChosen(found);
  }

  /** Waits for a worker that fits, and for the others for a while. */
  async #gather(signal?: AbortSignal): Promise<ChosenClass> {
    const { lookMs = 5_000, gatherMs = 60_000, onWait } = this.#parameters;
    const untilMs = performance.now() + gatherMs;
    const signals = this.#asking.unlessDone(signal);
    let said = '';
    for (;;) {
      await this.#asking.surely(() => this.#roster.look(this.#chosen?.machine ?? null), signals);
      const hellos = this.#roster.present();
      const found = chooseClass({
        ...{ hellos, before: this.#chosen?.machine ?? null },
        unfitOf: (hello) => this.#unfitOf(hello),
        speedOf: (worker) => this.#roster.speedOf(worker),
      });
      const present = new Set(hellos.map(({ worker }) => worker));
      const missing = [...this.#awaited].filter((worker) => this.#roster.isTrusted(worker) && !present.has(worker));
      if (found && (missing.length === 0 || performance.now() >= untilMs)) return found;
      const waits = found
        ? `${hellos.length} of ${hellos.length + missing.length} workers of ${this.#name} are there: the others are waited for`
        : `no worker of ${this.#name} is there yet: start one with "flock-off worker"`;
      if (waits !== said) onWait?.(waits);
      said = waits;
      await systemClock.sleep({ durationMs: Math.min(lookMs, 1_000), signal: signals });
    }
  }

  /** Why a worker's losses are not what this validator wants; `null` where they are. */
  #unfitOf({ machine, facts, base: theirs }: Pick<Hello, 'machine' | 'facts' | 'base'>): string | null {
    const { base, wanted = {} } = this.#parameters;
    if (machine.packageVersion !== PACKAGE_VERSION)
      return `its version of flock-off is ${machine.packageVersion}, and that of the validator is ${PACKAGE_VERSION}`;
    const isBase =
      canonicalJson(theirs) === canonicalJson(base) && facts.baseSha256 === (base.sha256 ?? facts.baseSha256);
    return isBase ? unwanted({ facts }, wanted) : 'it has loaded another base model than the validator names';
  }

  #tellChosen({ machine, workers, aside }: ChosenClass): void {
    const nameOf = ({ worker }: Hello) => this.#roster.nameOf(worker);
    this.#logger.info(`losses are of ${classText(machine)}: ${workers.map(nameOf).join(', ')}`);
    for (const { hello, why } of aside) this.#logger.warn(`worker ${nameOf(hello)} is left aside: ${why}`);
  }

  async close(): Promise<void> {
    this.#done.abort();
    await this.#watching;
    await this.#server.close();
  }

  /** Everything of a task but how it is signed. */
  async task({
    evaluation,
    signal,
    ...rest
  }: Omit<Task, 'evaluation' | 'machine' | 'queue'> & {
    evaluation: EvaluateBaseParameters['evaluation'];
    signal?: AbortSignal;
  }): Promise<Task> {
    const { machine } = this.#chosen!;
    return { ...rest, queue: this.#name, machine, evaluation: await this.#notices.evaluationOf(evaluation, signal) };
  }

  /** What is said of a task in the end: by one worker, or by two that agree. */
  async settle(
    task: Task,
    { rows, signal, onProgress }: { rows: number; signal?: AbortSignal; onProgress?: (progress: ProgressNote) => void },
  ): Promise<Opinion> {
    this.#open.set(task.key, rows);
    try {
      const first = await this.#opinion(task, { number: 0, not: [], signal, onProgress });
      if (first === null) throw givenUp(task, 'no worker could take it');
      const opinion = await this.#compared(task, first, signal);
      this.#overdue.delete(task.uid);
      return opinion;
    } catch (error) {
      if (task.kind === 'score' && signal?.aborted) this.#overdue.add(task.uid);
      throw error;
    } finally {
      this.#open.delete(task.key);
      this.#tellTime();
    }
  }

  async #compared(task: Task, first: Opinion, signal?: AbortSignal): Promise<Opinion> {
    if (!this.#isCompared(task, first)) return first;
    // Of a worker that others have agreed with, and nothing that costs anybody anything.
    const mayStand = task.kind === 'score' && first.checked.ok && this.#proven.has(first.worker);
    // Time that is over ends the comparison, and not what was found.
    const unlessOver = (error: unknown) => {
      if (signal?.aborted && mayStand) return null;
      throw error;
    };
    const look = () => this.#asking.surely(() => this.#roster.look(task.machine), signal).catch(unlessOver);
    await look();
    const others = (...not: Opinion[]) =>
      this.#roster.able(
        task.machine,
        not.map(({ worker }) => worker),
      ).length;
    const { workers, lookMs = 5_000, aliveMs = 60_000 } = this.#parameters;
    const isAlone = workers.length === 1;
    // One that starts, or starts again, is waited for.
    const untilMs = performance.now() + aliveMs;
    while (others(first) === 0 && !isAlone && !mayStand && performance.now() < untilMs) {
      await systemClock.sleep({ durationMs: lookMs, signal: this.#asking.unlessDone(signal) });
      await look();
    }
    if (others(first) === 0) {
      if (!this.#saidUnchecked)
        this.#logger.warn('there is one worker only: no result is compared with that of another');
      this.#saidUnchecked = true;
      if (isAlone || mayStand) return first;
      throw givenUp(task, 'no second worker confirmed it');
    }
    const again = (number: number, ...of: Opinion[]) =>
      this.#opinion(task, { number, not: of.map(({ worker }) => worker), signal }).catch(unlessOver);
    const second = await again(1, first);
    const tolerance = toleranceOf(this.#chosen!.facts.precision.matmul);
    if (second === null) {
      if (mayStand) return first;
      throw givenUp(task, 'no second worker confirmed it');
    }
    if (agree(first, second, tolerance)) {
      if (task.kind === 'score') for (const { worker } of [first, second]) this.#proven.add(worker);
      return first;
    }
    this.#logger.warn(`${task.name}: ${opinionText(first)}, and ${opinionText(second)}: a third worker settles it`);
    const third = await again(2, first, second);
    const right = third && [first, second].find((one) => agree(one, third, tolerance));
    if (!right) {
      for (const number of [0, 1, 2]) await this.#jobs.remove(task, number, signal);
      throw givenUp(task, 'two workers differ, and no third agrees with one of them');
    }
    const wrong = right === first ? second : first;
    this.#roster.setAside(wrong.worker);
    this.#logger.warn(
      `worker ${this.#roster.nameOf(wrong.worker)} is set aside: of ${task.name} ${opinionText(wrong)}, and two others ${opinionText(right)}; look at that machine`,
    );
    // So that it ends; its results are not taken whether it hears of that or not.
    this.#asking.surely(() => this.#sayAbout()).catch(() => {});
    return right;
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

  async #opinion(
    task: Task,
    parameters: { number: number; not: string[]; signal?: AbortSignal; onProgress?: (progress: ProgressNote) => void },
  ): Promise<Opinion | null> {
    const opinion = await this.#jobs.opinion(task, { ...parameters, priority: this.#priorityOf(task) });
    if (opinion !== null) this.#noteTime(task, opinion);
    return opinion;
  }

  /** What all wait for, who was not reached last time, then the largest. */
  #priorityOf({ kind, uid, key }: Task): number {
    if (kind !== 'score') return 1;
    const rows = Math.min(this.#open.get(key) ?? 0, HALF_PRIORITY - 2);
    return (this.#overdue.has(uid) ? HALF_PRIORITY : LEAST_PRIORITY) - rows;
  }

  #noteTime({ key, kind }: Task, { worker, checked }: Opinion): void {
    const rows = this.#open.get(key) ?? 0;
    if (kind === 'score' && checked.ok) this.#roster.measured(worker, rows, checked.trainingMs + checked.evaluationMs);
  }

  #tellTime(): void {
    const machine = this.#chosen?.machine ?? null;
    const rows = [...this.#open.values()].reduce((sum, one) => sum + one, 0);
    const restMs = this.#roster.msFor(rows, machine);
    if (restMs === null || this.#open.size === 0) return;
    const workers = this.#roster.able(machine).length;
    const minutes = restMs < 90_000 ? `${Math.ceil(restMs / 1_000)} s` : `${Math.ceil(restMs / 60_000)} min`;
    this.#logger.info(`${this.#open.size} datasets are left, which ${workers} workers take about ${minutes} for`);
  }

  #sayAbout(): Promise<void> {
    return this.#notices.say({ workers: this.#roster.trusted, chosen: this.#chosen });
  }

  /** Looks who is there and what is done, and puts back what a Redis that began anew has forgotten. */
  async #watch(): Promise<void> {
    const { lookMs = 5_000 } = this.#parameters;
    const { signal } = this.#done;
    while (!signal.aborted) {
      try {
        await abortable(this.#roster.look(this.#chosen?.machine ?? null), inTime(signal));
        for (const { worker } of this.#roster.able(this.#chosen?.machine ?? null)) this.#awaited.add(worker);
        await this.#notices.renew(inTime(signal));
        await this.#jobs.sweep(inTime(signal));
      } catch (error) {
        if (!signal.aborted) this.#logger.debug(`the workers could not be looked at: ${messageOf(error)}`);
      }
      await systemClock.sleep({ durationMs: lookMs, signal }).catch(() => {});
    }
  }
}
