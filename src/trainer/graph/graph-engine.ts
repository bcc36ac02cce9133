import type { MersenneTwister } from '../../shared/random.ts';
import type { AdamWParameters } from '../adamw.ts';
import { type PaddedRows, type TokenBatch, takeRows } from '../batches.ts';
import type { Qwen2Config } from '../config.ts';
import type { LoraEngine, LoraEvaluation, LoraTraining, StartTrainingParameters, TrainingState } from '../engine.ts';
import { EVALUATION_BATCH_TOKENS } from '../evaluation-set.ts';
import { adapterTensorName, checkAdapterFits, type LoraAdapter, linearPaths } from '../lora-adapter.ts';
import type { ModelWeights } from '../model-files.ts';
import { rotaryTables } from '../rotary.ts';
import type { Tf } from '../tensorflow.ts';
import type { DropoutMask } from '../tfjs-engine.ts';
import { type NamedTensor, weightShapes } from '../weights.ts';
import { keptOf } from './dropout.ts';
import {
  adapterGradientOf,
  adapterValueOf,
  FETCH,
  fedAs,
  firstMomentOf,
  type LoraGraphParameters,
  secondMomentOf,
  stageOf,
  writeLoraGraph,
} from './lora-graph.ts';
import { chunkRowsOf } from './loss-head.ts';
import { type BatchPlan, type Checkpointing, planBatch, requireEvaluationMemory } from './memory.ts';
import { type Feed, float, GraphSession, integer, integers, type MappedFeed } from './session.ts';

/** Where base weights come from. */
export type WeightReader = Pick<ModelWeights, 'read' | 'readBfloat16'>;

export interface GraphEngineOptions extends Partial<Omit<LoraGraphParameters, 'config'>> {
  /** Default `none`. */
  checkpointing?: Checkpointing;
  /** What training may take in all, base weights included. Default: no limit. */
  memoryBytes?: number;
}

const RANDOM_VALUES = 65_536;
type FilledOptions = GraphEngineOptions & Required<Omit<GraphEngineOptions, 'mapped'>>;
/**
 * What losses are multiplied with in float16, so that gradients do not vanish in it: torch's GradScaler starts there. It is
 * halved, and the step computed again, whenever a gradient is too large for float16.
 */
const LARGEST_SCALE = 65_536;
const DEFAULTS: FilledOptions = {
  storage: 'float32',
  matmul: 'float32',
  checkpointing: 'none',
  memoryBytes: Number.POSITIVE_INFINITY,
};

/** The engine of one TensorFlow graph, which the native addon runs in one call per batch. */
export class GraphEngine implements LoraEngine {
  readonly config: Qwen2Config;
  readonly #session: GraphSession;
  readonly #options: FilledOptions;
  /** Who the adapter in the session belongs to: there is room for one. */
  #owner: object | null = null;

  private constructor(config: Qwen2Config, session: GraphSession, options: FilledOptions) {
    this.config = config;
    this.#session = session;
    this.#options = options;
  }

  /** Loads the weights one after the other. Default: everything in float32, nothing computed twice. */
  static async create(
    tf: Tf,
    config: Qwen2Config,
    weights: WeightReader,
    options: GraphEngineOptions = {},
  ): Promise<GraphEngine> {
    const filled = { ...DEFAULTS, ...options };
    const session = await GraphSession.open(tf, writeLoraGraph({ config, ...filled }));
    try {
      await session.runStreamed(weightFeeds(config, filled, weights), [FETCH.loadWeights], filled.mapped);
    } catch (error) {
      session.close();
      throw error;
    }
    return new GraphEngine(config, session, filled);
  }

  requireMemory(rank: number, length: number): void {
    this.#planBatch(rank, { rows: 1, length });
    this.#requireEvaluation(rank, { rows: Math.max(1, Math.floor(EVALUATION_BATCH_TOKENS / length)), length });
  }

  /** Replays recorded dropout masks where `mask` is given. */
  startTraining(options: StartTrainingParameters & { mask?: DropoutMask }): GraphTraining {
    const { resume, optimizer, random, mask } = options;
    const adapter = resume?.adapter ?? options.adapter;
    const run = this.#start(adapter, resume);
    return new GraphTraining({
      config: this.config,
      planBatch: (batch) => this.#planBatch(adapter.rank, batch),
      scale: resume?.gradientScale ?? (this.#options.matmul === 'float16' ? LARGEST_SCALE : 1),
      run,
      adapter,
      optimizer,
      random,
      mask,
      stepsDone: resume?.steps ?? 0,
    });
  }

  startEvaluation(adapter: LoraAdapter | null): LoraEvaluation {
    const used = adapter ?? noAdapter(this.config);
    const run = this.#start(used);
    const scale = { adapter_scale: float(used.alpha / used.rank) };
    return {
      tokenLosses: async (batch) => {
        this.#requireEvaluation(used.rank, batch);
        const feeds = { ...batchFeeds(this.config, batch), ...scale };
        return run(feeds, [FETCH.evaluate])[0]!;
      },
      dispose: () => {},
    };
  }

  /** What the evaluation computes on the way, for comparison with other implementations: `embed`, `layer0` ... [N, H], `logits0` ... */
  stages(adapter: LoraAdapter | null, batch: TokenBatch, stages: string[]): Float32Array[] {
    const used = adapter ?? noAdapter(this.config);
    const feeds = { ...batchFeeds(this.config, batch), adapter_scale: float(used.alpha / used.rank) };
    return this.#start(used)(feeds, stages.map(stageOf));
  }

  dispose(): void {
    this.#session.close();
  }

  #planBatch(rank: number, { rows, length }: Pick<TokenBatch, 'rows' | 'length'>): BatchPlan {
    return planBatch({ ...this.#options, config: this.config, rank, rows, length });
  }

  #requireEvaluation(rank: number, { rows, length }: Pick<TokenBatch, 'rows' | 'length'>): void {
    requireEvaluationMemory({ ...this.#options, config: this.config, rank, rows, length });
  }

  /** Puts an adapter into the session, and what its training has reached. The function that comes back runs it for as long as nobody else puts in another. */
  #start(adapter: LoraAdapter, resume?: TrainingState): GraphSession['run'] {
    checkAdapterFits(adapter, this.config);
    const owner = {};
    const feeds: Record<string, Feed> = {};
    const feed = (tensors: Map<string, NamedTensor>, nameOf: (name: string) => string) => {
      for (const [name, { shape, data }] of tensors) feeds[fedAs(nameOf(name))] = { dtype: 'float32', shape, data };
    };
    feed(adapter.tensors, (name) => name);
    if (resume) {
      feed(resume.firstMoments, firstMomentOf);
      feed(resume.secondMoments, secondMomentOf);
    }
    this.#session.run(feeds, [resume ? FETCH.resume : FETCH.loadAdapter]);
    this.#owner = owner;
    return (feeds, fetches) => {
      if (this.#owner !== owner) throw new RangeError('another run has taken over this engine');
      return this.#session.run(feeds, fetches);
    };
  }
}

async function* weightFeeds(
  config: Qwen2Config,
  { storage, mapped }: Pick<LoraGraphParameters, 'storage' | 'mapped'>,
  weights: WeightReader,
): AsyncGenerator<[name: string, feed: Feed | MappedFeed]> {
  for (const [name, shape] of weightShapes(config)) {
    const offset = mapped?.offsets.get(name);
    if (offset !== undefined) {
      yield [fedAs(name), { shape: shape as [number, number], offset }];
    } else if (shape.length === 2 && storage !== 'float32') {
      const halves = await weights.readBfloat16(name);
      yield [fedAs(name), integers(new Int32Array(halves.buffer, halves.byteOffset, halves.length / 2))];
    } else {
      yield [fedAs(name), { dtype: 'float32', shape, data: (await weights.read(name)).data }];
    }
  }
}

interface GraphTrainingParameters {
  config: Qwen2Config;
  planBatch: (batch: TokenBatch) => BatchPlan;
  /** Losses are multiplied with this, and gradients divided by it. */
  scale: number;
  run: GraphSession['run'];
  adapter: LoraAdapter;
  optimizer: AdamWParameters;
  random: MersenneTwister;
  mask?: DropoutMask;
  stepsDone: number;
}

/** A batch whose gradient has been added, and what decides it besides. */
interface Accumulated {
  batch: TokenBatch;
  lossScale: number;
  seed: number;
  loss: number;
}

/** A run on {@link GraphEngine}. */
export class GraphTraining implements LoraTraining {
  readonly #parameters: GraphTrainingParameters;
  readonly #names: string[];
  #steps: number;
  #scale: number;
  /** What the gradient so far comes from. */
  #accumulated: Accumulated[] = [];

  constructor(parameters: GraphTrainingParameters) {
    this.#parameters = parameters;
    this.#names = matrixNames(parameters.config);
    this.#steps = parameters.stepsDone;
    this.#scale = parameters.scale;
  }

  async accumulate(batch: TokenBatch, lossScale: number): Promise<number> {
    const part = { batch, lossScale, seed: this.#parameters.random.nextUint32() | 0 };
    const loss = this.#add(part);
    this.#accumulated.push({ ...part, loss });
    return loss;
  }

  async gradNorm(): Promise<number> {
    let norm = this.#norm();
    // A smaller scale helps gradients only: what the forward pass cannot hold, it cannot hold at any scale.
    const isLossFinite = this.#accumulated.every(({ loss }) => Number.isFinite(loss));
    while (!Number.isFinite(norm) && isLossFinite && this.#scale > 1) {
      this.#scale /= 2;
      this.#parameters.run({}, [FETCH.clear]);
      for (const part of this.#accumulated) this.#add(part);
      norm = this.#norm();
    }
    return norm;
  }

  /** Adds the gradient of a batch, as many rows at once as there is memory for. */
  #add({ batch, lossScale, seed }: Omit<Accumulated, 'loss'>): number {
    const { config, planBatch, run, adapter, mask } = this.#parameters;
    const { rank, alpha, dropout } = adapter;
    const { rowsAtOnce, checkpointing } = planBatch(batch);
    const feeds: Record<string, Feed> = {
      loss_scale: float(lossScale * this.#scale),
      adapter_scale: float(alpha / rank / (1 - dropout)),
      seed: integer(seed),
      dropped_below: integer(Math.round(dropout * RANDOM_VALUES)),
      ...(mask ? keptFeeds(config, batch, mask, checkpointing) : {}),
    };
    let loss = 0;
    for (let row = 0; row < batch.rows; row += rowsAtOnce) {
      const part = takeRows(batch, row, rowsAtOnce);
      if (part.targetIds.length === 0) continue;
      const place = { first_position: integer(row * batch.length) };
      const fetch = checkpointing === 'layer' ? FETCH.accumulateAgain : FETCH.accumulate;
      loss += run({ ...feeds, ...batchFeeds(config, part), ...place }, [fetch])[0]![0]!;
    }
    return loss / this.#scale;
  }

  #norm(): number {
    const [halfSquares] = this.#parameters.run({}, [FETCH.halfSquares]);
    return Math.sqrt(2 * halfSquares!.reduce((sum, half) => sum + half, 0)) / this.#scale;
  }

  /** The accumulated gradient under the names of the adapter's tensors. */
  async gradient(): Promise<Map<string, NamedTensor>> {
    const gradient = this.#fetch(adapterGradientOf);
    for (const { data } of gradient.values()) for (let i = 0; i < data.length; i++) data[i]! /= this.#scale;
    return gradient;
  }

  step(learningRate: number, gradientFactor: number): void {
    const { run, optimizer } = this.#parameters;
    const { epsilon, weightDecay } = optimizer;
    // The kernel takes 1 - beta of the rounded beta: corrected with the same, the moments are unbiased.
    const [beta1, beta2] = [Math.fround(optimizer.beta1), Math.fround(optimizer.beta2)];
    this.#steps++;
    this.#accumulated = [];
    const correction = Math.sqrt(1 - beta2 ** this.#steps);
    if (weightDecay > 0) run({ decay_factor: float(1 - learningRate * weightDecay) }, [FETCH.decay]);
    run(
      {
        gradient_factor: float(gradientFactor / this.#scale),
        learning_rate: float((learningRate * correction) / (1 - beta1 ** this.#steps)),
        beta1: float(beta1),
        beta2: float(beta2),
        epsilon: float(epsilon * correction),
      },
      [FETCH.step],
    );
  }

  async adapter(): Promise<LoraAdapter> {
    const { rank, alpha, dropout } = this.#parameters.adapter;
    return { rank, alpha, dropout, tensors: this.#fetch(adapterValueOf) };
  }

  async state(): Promise<TrainingState> {
    const moments = { firstMoments: this.#fetch(firstMomentOf), secondMoments: this.#fetch(secondMomentOf) };
    return { adapter: await this.adapter(), ...moments, steps: this.#steps, gradientScale: this.#scale };
  }

  dispose(): void {}

  #fetch(nameOf: (name: string) => string): Map<string, NamedTensor> {
    const { run, adapter } = this.#parameters;
    const values = run({}, this.#names.map(nameOf));
    return new Map(this.#names.map((name, i) => [name, { shape: adapter.tensors.get(name)!.shape, data: values[i]! }]));
  }
}

function matrixNames(config: Qwen2Config): string[] {
  return linearPaths(config).flatMap((path) => [adapterTensorName(path, 'A'), adapterTensorName(path, 'B')]);
}

function batchFeeds(config: Qwen2Config, batch: PaddedRows): Record<string, Feed> {
  const { rows, length, inputIds, targetPositions, targetIds } = batch;
  const { cos, sin } = rotaryTables(length, config.headDim, config.ropeTheta);
  // The rotation subtracts the second half from the first: the sign is put into the table.
  for (let i = 0; i < sin.length; i++) if (i % config.headDim < config.headDim / 2) sin[i] = -sin[i]!;
  const shape = [1, 1, length, config.headDim];
  return {
    input_ids: integers(inputIds),
    rows: integer(rows),
    length: integer(length),
    target_positions: integers(targetPositions),
    target_ids: integers(targetIds),
    targets: integer(targetIds.length),
    chunk_rows: integer(chunkRowsOf(targetIds.length)),
    cos: { dtype: 'float32', shape, data: cos },
    sin: { dtype: 'float32', shape, data: sin },
  };
}

function keptFeeds(
  config: Qwen2Config,
  { rows, length }: TokenBatch,
  mask: DropoutMask,
  checkpointing: BatchPlan['checkpointing'],
): Record<string, Feed> {
  const times = checkpointing === 'layer' ? (['first', 'again'] as const) : (['first'] as const);
  const feeds: Record<string, Feed> = {};
  const shapes = weightShapes(config);
  for (const path of linearPaths(config)) {
    const shape: [number, number] = [rows * length, shapes.get(`${path}.weight`)![1]!];
    const values = mask(path, shape);
    const data = values
      ? Uint8Array.from(values, (value) => (value === 0 ? 0 : 1))
      : new Uint8Array(shape[0] * shape[1]).fill(1);
    for (const time of times) feeds[keptOf(path, time)] = { dtype: 'bool', shape, data };
  }
  return feeds;
}

/** An adapter of rank 1 that adds nothing. */
function noAdapter(config: Qwen2Config): LoraAdapter {
  const tensors = new Map<string, NamedTensor>();
  const shapes = weightShapes(config);
  for (const path of linearPaths(config)) {
    const [out, in_] = shapes.get(`${path}.weight`)! as [number, number];
    tensors.set(adapterTensorName(path, 'A'), { shape: [1, in_], data: new Float32Array(in_) });
    tensors.set(adapterTensorName(path, 'B'), { shape: [out, 1], data: new Float32Array(out) });
  }
  return { rank: 1, alpha: 1, dropout: 0, tensors };
}
