import { createHash, randomBytes } from 'node:crypto';
import { accept, type Checked } from '../schema/verdict.ts';
import { eitherSignal } from '../shared/either-signal.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import { packRows } from '../validator/ledger/packed.ts';
import { unpackRowLosses } from '../validator/row-losses.ts';
import type {
  BaseLoss,
  BeginParameters,
  DatasetScore,
  EvaluateBaseParameters,
  ProbeParameters,
  Scorer,
  ScoreTask,
} from '../validator/scorer.ts';
import { Desk } from './desk.ts';
import { givenUp } from './failed-job.ts';
import type { FleetParameters } from './fleet-parameters.ts';
import type { ProgressNote } from './wire.ts';

/** How long a step on known-good rows may take, its wait for a worker included. */
const PROBE_MS = 60_000;

/**
 * Scores datasets on other machines: each is a job of a queue, which a worker (`flock-off worker`) takes, fetches, trains and
 * signs. A share of the results is compared with those of a second worker. Jobs outlive this process, and the same task is
 * the same job.
 * @example
 * const of = { genesisHash, netuid, competition, base };
 * const trainer = await Fleet.open({ url: 'redis://10.0.0.1', hotkey, ...of, workers: [key] });
 * await runValidator({ validator: { ...validator, trainer } });
 * await trainer.close();
 */
export class Fleet implements Scorer {
  readonly places = Number.POSITIVE_INFINITY;
  readonly isInTime = true;
  readonly machine = { platform: 'fleet', arch: 'fleet', cpu: 'workers of a fleet' };
  readonly #desk: Desk;

  private constructor(desk: Desk) {
    this.#desk = desk;
  }

  get backend(): TrainerFacts['backend'] {
    return this.#desk.facts.backend;
  }

  get precision(): TrainerFacts['precision'] {
    return this.#desk.facts.precision;
  }

  get weightStorage(): TrainerFacts['weightStorage'] {
    return this.#desk.facts.weightStorage;
  }

  /** Of its workers, until the next epoch begins. */
  get lossClass(): string {
    return this.#desk.lossClass;
  }

  get baseSha256(): string {
    return this.#desk.facts.baseSha256;
  }

  /**
   * Opens the queue and waits for workers: what those have that do the most together is what all must have, until the next
   * epoch begins.
   * @throws FlockOffError `bad-argument`, `queue-unreachable` (transient), `queue-refused`; the signal's reason.
   */
  static async open(parameters: FleetParameters): Promise<Fleet> {
    const desk = await Desk.open(parameters);
    try {
      await desk.ready(parameters.signal);
      return new Fleet(desk);
    } catch (error) {
      await desk.close();
      throw error;
    }
  }

  async begin({ seed, signal }: BeginParameters): Promise<void> {
    await this.#desk.begin(seed, signal);
  }

  async score(task: ScoreTask): Promise<Checked<DatasetScore>> {
    const { key, uid, dataset, competition, evaluation, seed, signal, onTraining, onEvaluating } = task;
    const { repo, commit, sha256, rows, keep } = dataset;
    const wire = await this.#desk.task({
      ...{ kind: 'score' as const, key, uid, name: `uid ${uid}`, competition, seed },
      dataset: { repo, commit, sha256, rows, keep: packRows(keep, rows) },
      ...{ evaluation, signal },
    });
    const onProgress = ({ kind, progress }: ProgressNote) =>
      kind === 'training' ? onTraining?.(progress as never) : onEvaluating?.(progress as never);
    const { checked } = await this.#desk.settle(wire, { rows: keep.length, signal, onProgress });
    if (!checked.ok) return checked;
    const { lossNatsPerToken, rowLosses, trainingMs, evaluationMs, divided } = checked;
    return accept({
      lossNatsPerToken,
      measured: { rowLosses, trainingMs, evaluationMs, ...(divided && { divided }) },
    });
  }

  async evaluateBase({ evaluation, signal }: EvaluateBaseParameters): Promise<Checked<BaseLoss>> {
    const { competition } = this.#desk;
    const contents = [this.baseSha256, evaluation.sha256, competition.recipe.contextTokens];
    const key = createHash('sha256')
      .update(JSON.stringify(['base', ...contents]))
      .digest('hex');
    const task = {
      kind: 'base' as const,
      key,
      uid: 0,
      name: 'the base model',
      dataset: null,
      competition,
      seed: 0,
      ...{ evaluation, signal },
    };
    const { checked } = await this.#desk.settle(await this.#desk.task(task), { rows: 0, signal });
    if (!checked.ok) return checked;
    const { lossNatsPerToken } = checked;
    return accept({ lossNatsPerToken, rowLosses: unpackRowLosses(checked.rowLosses, evaluation.rows.length)! });
  }

  async probe({ competition, evaluation, ...parameters }: ProbeParameters): Promise<void> {
    const late = AbortSignal.timeout(PROBE_MS);
    const either = eitherSignal(late, parameters.signal);
    const { signal } = either;
    const key = randomBytes(32).toString('hex');
    const task = {
      kind: 'probe' as const,
      key,
      uid: 0,
      name: 'a step on known-good rows',
      dataset: null,
      competition,
      seed: 0,
    };
    try {
      await this.#desk.settle(await this.#desk.task({ ...task, evaluation, signal }), { rows: 0, signal });
    } catch (error) {
      if (!late.aborted || parameters.signal?.aborted) throw error;
      throw givenUp(task, `no worker has done it within ${PROBE_MS / 1_000} s`, 'trainer');
    } finally {
      either.release();
    }
  }

  /** Leaves the queue; jobs that nobody gave up stay in it. */
  close(): Promise<void> {
    return this.#desk.close();
  }
}
