import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type { Competition } from '../schema/competition.ts';
import { canonicalJson } from '../shared/canonical-json.ts';
import { systemClock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { requireNumber } from '../shared/require-number.ts';
import { required } from '../shared/required.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import { toleranceOf } from '../validator/loss-tolerance.ts';
import type { EvaluateBaseParameters } from '../validator/scorer.ts';
import { Asking, inTime } from './asking.ts';
import { ClassChoice } from './class-choice.ts';
import { givenUp } from './failed-job.ts';
import type { FleetParameters } from './fleet-parameters.ts';
import { Jobs } from './jobs.ts';
import { queueName } from './names.ts';
import { Notices } from './notices.ts';
import type { Opinion } from './opinions.ts';
import { parseQueueAddress } from './queue-address.ts';
import { QueueServer } from './queue-server.ts';
import { type OtherOpinionParameters, Referee } from './referee.ts';
import { Roster } from './roster.ts';
import { type ProgressNote, type Task, WorkerKeyText } from './wire.ts';

/** Lower comes first; 2^21 at most. */
const LEAST_PRIORITY = 2 ** 21 - 1;
const HALF_PRIORITY = 2 ** 20;
/** What is left is told at most this often. */
const TELL_MS = 1_000;

/** The validator's side of a queue: what its workers have in common, and what is taken of theirs. */
export class Desk {
  readonly competition: Competition;
  readonly #parameters: FleetParameters;
  readonly #server: QueueServer;
  readonly #name: string;
  readonly #asking: Asking;
  readonly #notices: Notices;
  readonly #roster: Roster;
  readonly #choice: ClassChoice;
  readonly #jobs: Jobs;
  readonly #referee: Referee;
  readonly #logger: Logger;
  readonly #done = new AbortController();
  /** Rows that are still to be trained on, by job. */
  readonly #open = new Map<string, number>();
  /** Uids that were not reached in time: they come first next time, or small datasets would never be. */
  readonly #overdue = new Set<number>();
  #watching: Promise<void> = Promise.resolve();
  #toldMs = Number.NEGATIVE_INFINITY;

  private constructor(parameters: FleetParameters, server: QueueServer) {
    const { hotkey, genesisHash, netuid, competition, workers, aliveMs = 60_000, lookMs, logger } = parameters;
    this.#parameters = parameters;
    this.competition = competition;
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
    this.#choice = new ClassChoice({ ...parameters, name, asking, roster });
    this.#jobs = new Jobs({ hotkey, lookMs, aliveMs, logger, server, name, asking, notices, roster });
    this.#referee = new Referee({
      ...{ ...parameters, asking, roster },
      tolerance: () => toleranceOf(this.facts.precision.matmul),
      opinion: (task, of) => this.#opinion(task, of),
      remove: (task, number, signal) => this.#jobs.remove(task, number, signal),
      // So that it ends; its results are not taken whether it hears of that or not.
      onSetAside: () => void asking.surely(() => this.#sayAbout()).catch(() => {}),
    });
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
        const said = await desk.#notices.said();
        if (said) desk.#choice.takeUp(said);
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

  get lossClass(): string {
    return canonicalJson(this.#choice.chosen?.machine);
  }

  /** What the losses of now have in common. */
  get facts(): TrainerFacts {
    return required(this.#choice.chosen, 'what workers have in common').facts;
  }

  /** Waits for the first worker, where nothing was chosen before. */
  async ready(signal?: AbortSignal): Promise<void> {
    if (this.#choice.chosen === null) await this.#choose(null, signal);
  }

  /**
   * Begins an epoch: what most of the workers that are there have, by their speed, is what all of its losses have in common,
   * to its end.
   */
  async begin(seed: number, signal?: AbortSignal): Promise<void> {
    if (this.#choice.chosen?.seed !== seed) await this.#choose(seed, signal);
    await this.#jobs.forgetOtherSeeds(seed, signal);
  }

  async #choose(seed: number | null, signal?: AbortSignal): Promise<void> {
    const found = await this.#choice.choose(seed, signal);
    await this.#asking.surely(() => this.#sayAbout(), signal);
    this.#choice.tell(found);
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
    const { machine } = required(this.#choice.chosen, 'what workers have in common');
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
      const opinion = await this.#referee.settle(task, first, signal);
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

  async #opinion(
    task: Task,
    parameters: OtherOpinionParameters & { onProgress?: ((progress: ProgressNote) => void) | undefined },
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
    if (performance.now() - this.#toldMs < TELL_MS) return;
    const { machine } = this.#choice;
    const rows = [...this.#open.values()].reduce((sum, one) => sum + one, 0);
    const restMs = this.#roster.msFor(rows, machine);
    if (restMs === null || this.#open.size === 0) return;
    this.#toldMs = performance.now();
    const workers = this.#roster.able(machine).length;
    const minutes = restMs < 90_000 ? `${Math.ceil(restMs / 1_000)} s` : `${Math.ceil(restMs / 60_000)} min`;
    this.#logger.info(`${this.#open.size} datasets are left, which ${workers} workers take about ${minutes} for`);
  }

  #sayAbout(): Promise<void> {
    return this.#notices.say({ workers: this.#roster.trusted, chosen: this.#choice.chosen });
  }

  /** Looks who is there and what is done, and puts back what a Redis that began anew has forgotten. */
  async #watch(): Promise<void> {
    const { lookMs = 5_000 } = this.#parameters;
    const { signal } = this.#done;
    while (!signal.aborted) {
      try {
        await inTime(this.#roster.look(this.#choice.machine), signal);
        this.#choice.note();
        await inTime(this.#notices.renew(signal), signal);
        await inTime(this.#jobs.sweep(signal), signal);
      } catch (error) {
        if (!signal.aborted) this.#logger.debug(`the workers could not be looked at: ${messageOf(error)}`);
      }
      await systemClock.sleep({ durationMs: lookMs, signal }).catch(() => {});
    }
  }
}
