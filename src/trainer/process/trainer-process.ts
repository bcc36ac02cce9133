import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FlockOffError, isCode, messageOf } from '../../errors/flock-off-error.ts';
import { type DatasetRow, sizeOfRow } from '../../schema/dataset-row.ts';
import type { Checked } from '../../schema/verdict.ts';
import { abortable } from '../../shared/abortable.ts';
import { childEnvironment, childFlags } from '../../shared/child-environment.ts';
import { type Logger, safeLogger } from '../../shared/logger.ts';
import { required } from '../../shared/required.ts';
import { Slices } from '../../shared/slices.ts';
import { timed } from '../../shared/timed.ts';
import { removeGraphFoldersOf } from '../engine/graph/graph-folder.ts';
import type { EvaluationResult } from '../run/evaluate.ts';
import type { TrainResult } from '../run/train.ts';
import { disposedTrainer, requireRows } from './check-arguments.ts';
import type { Reply, Request } from './process-messages.ts';
import { START_ENVIRONMENT } from './set-up-tensorflow.ts';
import type {
  EvaluateParameters,
  InfluenceParameters,
  LoadEngineParameters,
  LoadedTrainer,
  TrainerFacts,
  TrainParameters,
} from './trainer-parameters.ts';

export interface TrainerProcessParameters {
  /** Model folder. */
  folder: string;
  engine: LoadEngineParameters;
  /** Stall timeout: a process without a sign of life for this long during a call is killed. Default 30 minutes. */
  stallTimeoutMs?: number;
  /** Environment variables that the process gets besides the default list. */
  env?: readonly string[];
  /** The GPU that it sees. */
  device?: string;
  logger?: Logger;
  signal?: AbortSignal;
}

interface AskParameters {
  rows?: DatasetRow[];
  signal?: AbortSignal;
  onProgress?: (progress: never) => void;
}

interface Call {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  onProgress?: (progress: never) => void;
}

type Ask = Request extends infer One ? (One extends { id: number } ? Omit<One, 'id'> : never) : never;

const ABORT_GRACE_MS = 5_000;
const LINES_KEPT = 5;
/** Start-up messages of libtensorflow that ignore its log level. */
const START_UP = /^(WARNING: All log messages before absl|[IW]0000 )|^To enable the following instructions/;

/**
 * Trains in a process of its own, which is loaded once and used for every call. It has no wallet and no token, its memory
 * goes back to the system with it, and a crash of native code costs one call: the next one starts it anew.
 */
export class TrainerProcess implements LoadedTrainer {
  readonly facts: TrainerFacts;
  readonly #parameters: TrainerProcessParameters;
  #worker: Worker | null;

  private constructor(parameters: TrainerProcessParameters, worker: Worker, facts: TrainerFacts) {
    this.#parameters = parameters;
    this.#worker = worker;
    this.facts = facts;
  }

  /** @throws FlockOffError as the trainer does when it loads; `trainer-failed` when the process ends. */
  static async start(parameters: TrainerProcessParameters): Promise<TrainerProcess> {
    const worker = new Worker(parameters);
    const facts = await loadInto(worker, parameters);
    // A restarted process keeps the backend and types of the first one, so that its results are the same.
    const { matmul, xla } = facts.precision;
    const kept = { backend: facts.backend.name, matmul, xla: xla ? ('on' as const) : ('off' as const) };
    // What ended the process may have been damaged weights.
    const engine = { ...parameters.engine, ...kept, recheck: true };
    return new TrainerProcess({ ...parameters, engine }, worker, facts);
  }

  train(parameters: TrainParameters): Promise<Checked<TrainResult>> {
    const { rows, signal, onProgress, recipe, maxTokens, seed, checkpoint, metricsPath, snapshots } = parameters;
    const asked = { recipe, maxTokens, seed, checkpoint, metricsPath, snapshots };
    const ask = { kind: 'train' as const, parameters: asked };
    return this.#ask(ask, { rows, signal, onProgress });
  }

  evaluate(parameters: EvaluateParameters): Promise<Checked<EvaluationResult>> {
    const { rows, adapter, contextTokens, signal, onProgress } = parameters;
    return this.#ask({ kind: 'evaluate', parameters: { adapter, contextTokens } }, { rows, signal, onProgress });
  }

  influence(parameters: InfluenceParameters): Promise<(number | null)[]> {
    const { rows, evaluation, snapshots, contextTokens, signal, onProgress } = parameters;
    const ask = { kind: 'influence' as const, parameters: { evaluation, snapshots, contextTokens } };
    return this.#ask(ask, { rows, signal, onProgress });
  }

  dispose(): void {
    this.#worker?.end();
    this.#worker = null;
  }

  async #ask<T>(ask: Ask, parameters: AskParameters): Promise<T> {
    const { rows = [], signal } = parameters;
    if (this.#worker === null) throw disposedTrainer();
    requireRows(rows);
    if (this.#worker.ended) {
      const worker = new Worker(this.#parameters);
      this.#worker = worker;
      await loadInto(worker, { ...this.#parameters, signal }, this.facts).catch((error: unknown) => {
        // It fitted into memory before.
        if (isCode(error, 'out-of-memory')) throw new FlockOffError({ ...error.toParameters(), transient: true });
        throw error;
      });
    }
    return (await this.#worker.ask(ask, parameters)) as T;
  }
}

async function loadInto(
  worker: Worker,
  { folder, engine, signal }: TrainerProcessParameters,
  before?: TrainerFacts,
): Promise<TrainerFacts> {
  try {
    const facts = (await worker.ask({ kind: 'load', folder, engine }, { signal })) as TrainerFacts;
    if (before) requireSame(before, facts, folder);
    return facts;
  } catch (error) {
    worker.end();
    throw error;
  }
}

/** Losses before and after a restart must be comparable. */
function requireSame(before: TrainerFacts, { baseSha256, backend }: TrainerFacts, folder: string): void {
  if (baseSha256 !== before.baseSha256)
    throw new FlockOffError({
      code: 'bad-model',
      what: `the base model in ${folder} is not the one that was loaded before`,
      fix: 'put the earlier files back, or load a new LoraTrainer',
      facts: { path: folder },
    });
  if (backend.cuda !== before.backend.cuda)
    throw new FlockOffError({
      code: 'trainer-failed',
      what: `the training process was started again and ${backend.cuda ? 'has a GPU, which it had not before' : 'has lost its GPU'}`,
      fix: 'run "npx flock-off doctor" to see what it finds, or load a new LoraTrainer',
      facts: { backend },
      transient: true,
    });
}

/** One child process, and the calls that wait for it. */
class Worker {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, Call>();
  readonly #stallTimeoutMs: number;
  readonly #logger: Logger;
  /** The end of its stderr. */
  readonly #lines: string[] = [];
  #nextId = 1;
  #stall: NodeJS.Timeout | undefined;
  ended = false;

  constructor({ stallTimeoutMs = 1_800_000, env = [], device, ...parameters }: TrainerProcessParameters) {
    const logger = safeLogger(parameters.logger);
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#logger = logger;
    this.#child = fork(entry(), env, {
      serialization: 'advanced',
      env: {
        ...START_ENVIRONMENT,
        ...childEnvironment({ env: process.env, names: env }),
        ...(device === undefined ? {} : { CUDA_VISIBLE_DEVICES: device }),
      },
      execArgv: childFlags(),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    logger.debug(`training process ${this.#child.pid}: started`);
    createInterface({ input: required(this.#child.stderr, 'the output of its training process') }).on(
      'line',
      (line) => {
        if (START_UP.test(line)) return;
        logger.debug(`training process ${this.#child.pid}: ${line}`);
        this.#lines.push(line);
        if (this.#lines.length > LINES_KEPT) this.#lines.shift();
      },
    );
    this.#child.on('message', (reply: Reply) => {
      if (reply.kind === 'warning') logger.warn(reply.message);
      else this.#take(reply);
    });
    this.#child.on('error', (error) => this.#lost(error.message));
    this.#child.once('exit', (code, signal) =>
      this.#lost(signal ? `was ended by ${signal}` : `ended with code ${code}`),
    );
    this.#idle();
  }

  ask(ask: Ask, parameters: AskParameters): Promise<unknown> {
    const what = parameters.rows ? `${ask.kind} on ${parameters.rows.length} rows` : ask.kind;
    return timed(this.#logger, `training process ${this.#child.pid}: ${what}`, () => this.#ask(ask, parameters));
  }

  async #ask(ask: Ask, { rows, signal, onProgress }: AskParameters): Promise<unknown> {
    signal?.throwIfAborted();
    const id = this.#nextId++;
    const answered = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject, onProgress }));
    answered.catch(() => {});
    this.#child.ref();
    this.#child.channel?.ref();
    this.#watch();
    try {
      for (const slice of slicesOf(rows ?? [])) {
        await this.#send({ id, kind: 'rows', rows: slice });
        signal?.throwIfAborted();
      }
      await this.#send({ ...ask, id } as Request);
    } catch (cause) {
      if (this.ended) return answered;
      this.#forget(id);
      this.#child.send({ id, kind: 'abort' } satisfies Request);
      signal?.throwIfAborted();
      throw new FlockOffError({
        code: 'bad-argument',
        what: `what was passed cannot be sent to the training process: ${messageOf(cause).replace(/\.$/, '')}`,
        fix: 'pass plain data',
        cause,
      });
    }
    if (!signal) return answered;
    try {
      return await abortable(answered, signal);
    } catch (error) {
      if (signal.aborted && this.#calls.has(id)) this.#abort(id);
      throw error;
    }
  }

  /** Resolves when it is written, so that rows wait here for each other. @throws where it is no plain data. */
  #send(request: Request): Promise<void> {
    // That a process is gone shows in its `exit` event.
    return new Promise((resolve) => this.#child.send(request, () => resolve()));
  }

  end(how = 'was ended'): void {
    this.#child.kill('SIGKILL');
    this.#lost(how);
  }

  /** An aborted call ends after the current batch; if it does not, the process is killed. */
  #abort(id: number): void {
    this.#child.send({ id, kind: 'abort' } satisfies Request);
    const timer = setTimeout(() => this.#calls.has(id) && this.end(), ABORT_GRACE_MS);
    timer.unref();
  }

  #take(reply: Exclude<Reply, { kind: 'warning' }>): void {
    const call = this.#calls.get(reply.id);
    if (!call) return;
    if (reply.kind === 'alive' || reply.kind === 'progress') {
      this.#watch();
      if (reply.kind === 'progress') this.#report(reply.id, call, reply.progress as never);
      return;
    }
    this.#forget(reply.id);
    if (reply.kind === 'done') call.resolve(reply.value);
    else call.reject(new FlockOffError(reply.error));
  }

  /** An error of the caller's callback fails the call, not this program. */
  #report(id: number, call: Call, progress: never): void {
    try {
      call.onProgress?.(progress);
    } catch (error) {
      this.#forget(id);
      call.reject(error);
      this.#abort(id);
    }
  }

  #forget(id: number): void {
    this.#calls.delete(id);
    if (this.#calls.size === 0) this.#idle();
  }

  #watch(): void {
    clearTimeout(this.#stall);
    const how = `reported nothing for ${this.#stallTimeoutMs / 1000} s and was ended`;
    this.#stall = setTimeout(() => this.end(how), this.#stallTimeoutMs).unref();
  }

  /** Unreferences an idle child, so that it does not keep this process alive. */
  #idle(): void {
    clearTimeout(this.#stall);
    this.#child.unref();
    this.#child.channel?.unref();
    (this.#child.stderr as unknown as { unref(): void }).unref();
  }

  #lost(how: string): void {
    if (this.ended) return;
    this.ended = true;
    this.#logger.debug(`training process ${this.#child.pid}: ${how}`);
    if (this.#child.pid !== undefined) removeGraphFoldersOf(this.#child.pid);
    clearTimeout(this.#stall);
    const words = this.#lines.length > 0 ? `: ${this.#lines.at(-1)}` : '';
    const error = new FlockOffError({
      code: 'trainer-failed',
      what: `the training process ${how}${words}`,
      fix: 'the next call starts it again; free memory if the system ended it',
      facts: { lines: this.#lines },
      transient: true,
    });
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
  }
}

function slicesOf(rows: DatasetRow[]): DatasetRow[][] {
  const slices = new Slices(sizeOfRow);
  for (const row of rows) slices.add(row);
  return slices.take();
}

/** Next to this module, in the source as in the build. */
function entry(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./process-main.${extension}`, import.meta.url));
}
