import { MersenneTwister } from '../../../shared/random.ts';
import { requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { adapterTensorName, allLinears, checkAdapterFits, type LoraAdapter } from '../../model/lora-adapter.ts';
import type { ModelWeights } from '../../model/model-files.ts';
import { isTiny, type NamedTensor } from '../../model/weights.ts';
import { type TokenBatch, takeRows } from '../../tokens/batches.ts';
import { EVALUATION_BATCH_TOKENS } from '../../tokens/evaluation-set.ts';
import type {
  DropoutMask,
  LoraEngine,
  LoraEvaluation,
  LoraGradients,
  StartTrainingParameters,
  TrainingState,
} from '../engine.ts';
import type { Tf } from '../tensorflow.ts';
import { stackMatrices } from './adapter-stacks.ts';
import { baseWeights } from './base-weights.ts';
import { BatchFeeds } from './batch-feeds.ts';
import { GraphGradients } from './graph-gradients.ts';
import { GraphTraining } from './graph-training.ts';
import { joined } from './joined.ts';
import { type LoraGraphParameters, writeLoraGraph } from './lora-graph.ts';
import {
  type BatchPlan,
  type Checkpointing,
  type Device,
  type PlanBatchParameters,
  planBatch,
  requireEvaluationMemory,
} from './memory.ts';
import { FETCH, fedAs, firstMomentOf, secondMomentOf, stageOf } from './names.ts';
import { bucketOf } from './row-buckets.ts';
import { type Feed, float, GraphSession, integers, type MappedFeed } from './session.ts';

/** Where base weights come from. */
export type WeightReader = Pick<ModelWeights, 'read' | 'readBfloat16'>;

export interface GraphEngineOptions extends Partial<Omit<LoraGraphParameters, 'config'>> {
  /** Default `none`. */
  checkpointing?: Checkpointing;
  /** What training may take in all, base weights included. Default: no limit. */
  memoryBytes?: number;
  /** Default `cpu`. */
  device?: Device;
}

type FilledOptions = GraphEngineOptions & Required<Omit<GraphEngineOptions, 'mapped'>>;
/**
 * What losses are multiplied with in float16, so that gradients do not vanish in it: torch's GradScaler starts there. It is
 * halved, and the step computed again, whenever a gradient is too large for float16.
 */
const LARGEST_SCALE = 65_536;
/** Tokens of a call: enough to keep the matrix products of a device busy; more only take memory. */
const CALL_TOKENS: Record<Device, number> = { cpu: 1024, gpu: 4096 };
/** Of a run that takes no step. */
const NO_OPTIMIZER = { beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0 };
const DEFAULTS: FilledOptions = {
  device: 'cpu',
  storage: 'float32',
  matmul: 'float32',
  buckets: false,
  checkpointing: 'none',
  memoryBytes: Number.POSITIVE_INFINITY,
};

/** The engine that runs the whole model as one TensorFlow graph, in one call of the native addon per batch. */
export class GraphEngine implements LoraEngine {
  readonly config: Qwen2Config;
  readonly callTokens: number;
  readonly #feeds: BatchFeeds;
  readonly #session: GraphSession;
  readonly #options: FilledOptions;
  /** Owner of the adapter in the session, which holds one at a time. */
  #owner: object | null = null;

  private constructor(config: Qwen2Config, session: GraphSession, options: FilledOptions) {
    this.config = config;
    this.callTokens = CALL_TOKENS[options.device];
    this.#feeds = new BatchFeeds({ config, ...options });
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
    this.#planBatch(rank, [length]);
    const rows = Math.max(1, Math.floor(EVALUATION_BATCH_TOKENS / length));
    this.#requireEvaluation(rank, new Array<number>(rows).fill(length));
  }

  /** Replays recorded dropout masks where `mask` is given. */
  startTraining(options: StartTrainingParameters & { mask?: DropoutMask }): GraphTraining {
    const { resume, optimizer, random, mask } = options;
    const adapter = resume?.adapter ?? options.adapter;
    const adapterScale = adapter.alpha / adapter.rank / (1 - adapter.dropout);
    const run = this.#start(adapter, adapterScale, resume);
    return new GraphTraining({
      config: this.config,
      feedsOf: (batch) => this.#feeds.of(batch),
      planBatch: (batch) => this.#planBatch(adapter.rank, batch.lengths),
      scale: resume?.gradientScale ?? (this.#options.matmul === 'float16' ? LARGEST_SCALE : 1),
      run,
      adapter,
      adapterScale,
      optimizer,
      random,
      mask,
      stepsDone: resume?.steps ?? 0,
    });
  }

  startEvaluation(adapter: LoraAdapter | null): LoraEvaluation {
    const used = adapter ?? noAdapter(this.config);
    const run = this.#start(used, used.alpha / used.rank);
    return {
      tokenLosses: async (batch) => {
        this.#requireEvaluation(used.rank, batch.lengths);
        const losses = new Float32Array(batch.targetIds.length);
        let done = 0;
        for (const part of this.#calls(batch)) {
          const seen = requiredItem(run(this.#feeds.of(part), [FETCH.evaluate]), 0);
          losses.set(seen.subarray(0, part.targetIds.length), done);
          done += part.targetIds.length;
        }
        return losses;
      },
      dispose: () => {},
    };
  }

  startGradients(adapter: LoraAdapter): LoraGradients {
    const still = { ...adapter, dropout: 0 };
    const training = this.startTraining({ adapter: still, optimizer: NO_OPTIMIZER, random: new MersenneTwister(0) });
    return new GraphGradients(training);
  }

  /** What the evaluation computes on the way, for comparison with other implementations: `embed`, `layer0` ... [N, H], `logits` [n, V]. */
  stages(adapter: LoraAdapter | null, batch: TokenBatch, stages: string[]): Float32Array[] {
    const used = adapter ?? noAdapter(this.config);
    return this.#start(used, used.alpha / used.rank)(this.#feeds.of(batch), stages.map(stageOf));
  }

  dispose(): void {
    this.#session.close();
  }

  #planBatch(rank: number, lengths: number[]): BatchPlan {
    const plan = planBatch(this.#memoryOf(rank, lengths));
    return this.#options.buckets ? { ...plan, parts: lengths.map(() => 1) } : plan;
  }

  #requireEvaluation(rank: number, lengths: number[]): void {
    requireEvaluationMemory(this.#memoryOf(rank, lengths));
  }

  #memoryOf(rank: number, lengths: number[]): PlanBatchParameters {
    const { config } = this;
    return { ...this.#options, config, rank, lengths: this.#atOnce(lengths), varied: !isTiny(config) };
  }

  /** Tokens of the rows that take memory at once: of all, or, with buckets, of the largest bucket. */
  #atOnce(lengths: number[]): number[] {
    return this.#options.buckets ? [bucketOf(Math.max(...lengths))] : lengths;
  }

  /** A batch as it is evaluated: at once, or, with buckets, row by row. */
  #calls(batch: TokenBatch): TokenBatch[] {
    return this.#options.buckets ? batch.lengths.map((_, row) => takeRows(batch, row, row + 1)) : [batch];
  }

  /** Loads an adapter and its training state into the session. The returned function runs it, as long as no other adapter was loaded. */
  #start(adapter: LoraAdapter, adapterScale: number, resume?: TrainingState): GraphSession['run'] {
    checkAdapterFits(adapter, this.config);
    const owner = {};
    const feeds: Record<string, Feed> = { adapter_scale: float(adapterScale) };
    const feed = (tensors: Map<string, NamedTensor>, nameOf: (name: string) => string) => {
      for (const { name, ...tensor } of stackMatrices(this.config, tensors))
        feeds[fedAs(nameOf(name))] = { dtype: 'float32', ...tensor };
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
  for (const { name, shape, sources } of baseWeights(config)) {
    const offset = mapped?.offsets.get(requiredItem(sources, 0));
    const isMatrix = shape.length === 2;
    if (offset !== undefined && isMatrix) {
      // The matrices of a stack are neighbours in the file, without a gap.
      yield [fedAs(name), { shape: shape as [number, number], offset }];
    } else {
      const { buffer, byteOffset, byteLength } =
        isMatrix && storage !== 'float32'
          ? joined(await readAll(sources, weights.readBfloat16), (length) => new Uint16Array(length))
          : joined(
              await readAll(sources, async (source) => (await weights.read(source)).data),
              (length) => new Float32Array(length),
            );
      yield [fedAs(name), integers(new Int32Array(buffer, byteOffset, byteLength / 4))];
    }
  }
}

async function readAll<T>(names: string[], read: (name: string) => Promise<T>): Promise<T[]> {
  const values: T[] = [];
  for (const name of names) values.push(await read(name));
  return values;
}

/** An adapter of rank 1 that adds nothing. */
function noAdapter(config: Qwen2Config): LoraAdapter {
  const tensors = new Map<string, NamedTensor>();
  for (const { path, shape } of allLinears(config)) {
    const [out, in_] = shape;
    tensors.set(adapterTensorName(path, 'A'), { shape: [1, in_], data: new Float32Array(in_) });
    tensors.set(adapterTensorName(path, 'B'), { shape: [out, 1], data: new Float32Array(out) });
  }
  return { rank: 1, alpha: 1, dropout: 0, tensors };
}
