import type { MersenneTwister } from '../../../shared/random.ts';
import { requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import type { LoraAdapter } from '../../model/lora-adapter.ts';
import type { NamedTensor } from '../../model/weights.ts';
import { type TokenBatch, takeRows } from '../../tokens/batches.ts';
import type { AdamWParameters, DropoutMask, LoraTraining, TrainingState } from '../engine.ts';
import { unstackMatrices } from './adapter-stacks.ts';
import { keptOf } from './dropout.ts';
import { stackShapes } from './linear-stack.ts';
import type { BatchPlan } from './memory.ts';
import { adapterGradientOf, adapterValueOf, FETCH, firstMomentOf, secondMomentOf } from './names.ts';
import { type Feed, float, type GraphSession, integer } from './session.ts';

const RANDOM_VALUES = 65_536;

export interface GraphTrainingParameters {
  config: Qwen2Config;
  feedsOf: (batch: TokenBatch) => Record<string, Feed>;
  planBatch: (batch: TokenBatch) => BatchPlan;
  /** Loss scale: losses are multiplied by it, and gradients divided by it. */
  scale: number;
  run: GraphSession['run'];
  adapter: LoraAdapter;
  /** What the adapter's output is multiplied with: alpha / rank / (1 - dropout). */
  adapterScale: number;
  optimizer: AdamWParameters;
  random: MersenneTwister;
  mask?: DropoutMask;
  stepsDone: number;
}

/** A batch whose gradient has been added, and what decides it besides. */
interface Accumulated {
  batch: TokenBatch;
  lossScale: number;
  /** Tokens of the step before it. */
  place: number;
  loss: number;
}

/** A run on {@link GraphEngine}. */
export class GraphTraining implements LoraTraining {
  readonly #parameters: GraphTrainingParameters;
  #steps: number;
  #scale: number;
  /** What the gradient so far comes from, and what draws its dropout. */
  #accumulated: Accumulated[] = [];
  #seed = 0;
  #place = 0;
  divided = false;

  constructor(parameters: GraphTrainingParameters) {
    this.#parameters = parameters;
    this.#steps = parameters.stepsDone;
    this.#scale = parameters.scale;
  }

  async accumulate(batch: TokenBatch, lossScale: number): Promise<number> {
    // One seed a step: the masks of a token hang on its place in the step, whichever rows share its call.
    if (this.#accumulated.length === 0) {
      this.#seed = this.#parameters.random.nextUint32() | 0;
      this.#place = 0;
    }
    const part = { batch, lossScale, place: this.#place };
    const loss = this.#add(part);
    this.#place += batch.inputIds.length;
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

  /** Adds the gradient of a batch: at once, or, where memory is too short for that, in parts. */
  #add({ batch, lossScale, place }: Omit<Accumulated, 'loss'>): number {
    const { config, feedsOf, planBatch, run, adapter, adapterScale, mask } = this.#parameters;
    const { parts, divided, checkpointing } = planBatch(batch);
    this.divided ||= divided;
    const feeds: Record<string, Feed> = {
      loss_scale: float(lossScale * this.#scale),
      adapter_scale: float(adapterScale),
      seed: integer(this.#seed),
      dropped_below: integer(Math.round(adapter.dropout * RANDOM_VALUES)),
      ...(mask ? keptFeeds(config, batch, mask, checkpointing) : {}),
    };
    const fetch = checkpointing === 'layer' ? FETCH.accumulateAgain : FETCH.accumulate;
    let loss = 0;
    let first = 0;
    for (const rows of parts) {
      const part = takeRows(batch, first, first + rows);
      first += rows;
      const partFeeds = { ...feedsOf(part), first_position: integer(place) };
      place += part.inputIds.length;
      if (part.targetIds.length > 0) loss += requiredItem(requiredItem(run({ ...feeds, ...partFeeds }, [fetch]), 0), 0);
    }
    return loss / this.#scale;
  }

  #norm(): number {
    const halfSquares = this.call(FETCH.halfSquares);
    return Math.sqrt(2 * halfSquares.reduce((sum, half) => sum + half, 0)) / this.#scale;
  }

  /** What gradients in the session are multiplied with. */
  get scale(): number {
    return this.#scale;
  }

  /** Runs what needs nothing but the adapter and its gradient. */
  call(name: string): Float32Array {
    const { run, adapterScale } = this.#parameters;
    return requiredItem(run({ adapter_scale: float(adapterScale) }, [name]), 0);
  }

  /** Forgets the accumulated gradient. */
  clear(): void {
    this.call(FETCH.clear);
    this.#accumulated = [];
  }

  /** The accumulated gradient under the names of the adapter's tensors. */
  async gradient(): Promise<Map<string, NamedTensor>> {
    const scaled = [...this.#fetch(adapterGradientOf)];
    return new Map(scaled.map(([name, { shape, data }]) => [name, { shape, data: data.map((x) => x / this.#scale) }]));
  }

  step(learningRate: number, gradientFactor: number): void {
    const { run, optimizer, adapterScale } = this.#parameters;
    const { epsilon, weightDecay } = optimizer;
    // The kernel takes 1 - beta of the rounded beta: corrected with the same, the moments are unbiased.
    const [beta1, beta2] = [Math.fround(optimizer.beta1), Math.fround(optimizer.beta2)];
    this.#steps++;
    this.#accumulated = [];
    const correction = Math.sqrt(1 - beta2 ** this.#steps);
    if (weightDecay > 0) run({ decay_factor: float(1 - learningRate * weightDecay) }, [FETCH.decay]);
    run(
      {
        adapter_scale: float(adapterScale),
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
    const { config, run, adapter, adapterScale } = this.#parameters;
    const feeds = { adapter_scale: float(adapterScale) };
    return unstackMatrices(config, adapter.rank, (names) => run(feeds, names.map(nameOf)));
  }
}

/** Masks are of padded rows. */
function keptFeeds(
  config: Qwen2Config,
  { lengths, inputIds }: TokenBatch,
  mask: DropoutMask,
  checkpointing: BatchPlan['checkpointing'],
): Record<string, Feed> {
  const times = checkpointing === 'layer' ? (['first', 'again'] as const) : (['first'] as const);
  const longest = Math.max(...lengths);
  const feeds: Record<string, Feed> = {};
  for (const { path, parts, in_ } of stackShapes(config)) {
    const width = parts.length * in_;
    const data = new Uint8Array(inputIds.length * width).fill(1);
    parts.forEach((part, i) => {
      const values = mask(part.path, [lengths.length * longest, in_]);
      let token = 0;
      lengths.forEach((length, row) => {
        for (let place = 0; place < length; place++, token++) {
          const from = (row * longest + place) * in_;
          values?.subarray(from, from + in_).forEach((value, at) => {
            data[token * width + i * in_ + at] = value === 0 ? 0 : 1;
          });
        }
      });
    });
    for (const time of times) feeds[keptOf(path, time)] = { dtype: 'bool', shape: [inputIds.length, width], data };
  }
  return feeds;
}
