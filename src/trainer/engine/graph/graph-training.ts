import type { MersenneTwister } from '../../../shared/random.ts';
import { requiredEntry, requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { adapterTensorName, allLinears, type LoraAdapter, linearPaths } from '../../model/lora-adapter.ts';
import type { NamedTensor } from '../../model/weights.ts';
import { type TokenBatch, takeRows } from '../../tokens/batches.ts';
import type { AdamWParameters, DropoutMask, LoraTraining, TrainingState } from '../engine.ts';
import { batchFeeds } from './batch-feeds.ts';
import { keptOf } from './dropout.ts';
import { adapterGradientOf, adapterValueOf, FETCH, firstMomentOf, secondMomentOf } from './lora-graph.ts';
import type { BatchPlan } from './memory.ts';
import { type Feed, float, type GraphSession, integer } from './session.ts';

const RANDOM_VALUES = 65_536;

export interface GraphTrainingParameters {
  config: Qwen2Config;
  planBatch: (batch: TokenBatch) => BatchPlan;
  /** Loss scale: losses are multiplied by it, and gradients divided by it. */
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
      const fetched = run({ ...feeds, ...batchFeeds(config, part), ...place }, [fetch]);
      loss += requiredItem(requiredItem(fetched, 0), 0);
    }
    return loss / this.#scale;
  }

  #norm(): number {
    const halfSquares = requiredItem(this.#parameters.run({}, [FETCH.halfSquares]), 0);
    return Math.sqrt(2 * halfSquares.reduce((sum, half) => sum + half, 0)) / this.#scale;
  }

  /** The accumulated gradient under the names of the adapter's tensors. */
  async gradient(): Promise<Map<string, NamedTensor>> {
    const scaled = [...this.#fetch(adapterGradientOf)];
    return new Map(scaled.map(([name, { shape, data }]) => [name, { shape, data: data.map((x) => x / this.#scale) }]));
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
    return new Map(
      this.#names.map((name, i) => {
        const { shape } = requiredEntry(adapter.tensors, name);
        return [name, { shape, data: requiredItem(values, i) }];
      }),
    );
  }
}

function matrixNames(config: Qwen2Config): string[] {
  return linearPaths(config).flatMap((path) => [adapterTensorName(path, 'A'), adapterTensorName(path, 'B')]);
}

function keptFeeds(
  config: Qwen2Config,
  { rows, length }: TokenBatch,
  mask: DropoutMask,
  checkpointing: BatchPlan['checkpointing'],
): Record<string, Feed> {
  const times = checkpointing === 'layer' ? (['first', 'again'] as const) : (['first'] as const);
  const feeds: Record<string, Feed> = {};
  for (const linear of allLinears(config)) {
    const { path } = linear;
    const shape: [number, number] = [rows * length, linear.shape[1]];
    const values = mask(path, shape);
    const data = values
      ? Uint8Array.from(values, (value) => (value === 0 ? 0 : 1))
      : new Uint8Array(shape[0] * shape[1]).fill(1);
    for (const time of times) feeds[keptOf(path, time)] = { dtype: 'bool', shape, data };
  }
  return feeds;
}
