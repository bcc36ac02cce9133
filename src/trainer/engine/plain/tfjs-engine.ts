import type { Tensor, Variable } from '@tensorflow/tfjs';
import type { MersenneTwister } from '../../../shared/random.ts';
import { requiredEntry, requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { checkAdapterFits, type LoraAdapter } from '../../model/lora-adapter.ts';
import { type NamedTensor, weightShapes } from '../../model/weights.ts';
import { pad, type TokenBatch } from '../../tokens/batches.ts';
import type {
  DropoutMask,
  LoraEngine,
  LoraEvaluation,
  LoraGradients,
  LoraTraining,
  StartTrainingParameters,
  TrainingState,
} from '../engine.ts';
import type { Tf } from '../tensorflow.ts';
import { AdamW } from './adamw.ts';
import { adapterOutputOf } from './adapter-output.ts';
import { GradientAccumulator } from './gradients.ts';
import { tokenLosses, type WeightTensors } from './qwen2.ts';
import { TfjsGradients } from './tfjs-gradients.ts';

/** Rows are padded here, and what is padded is computed too: a few rows at once are enough. */
const CALL_TOKENS = 512;

/** The engine of plain TensorFlow.js operations and their own gradients, in float32. */
export class TfjsEngine implements LoraEngine {
  readonly config: Qwen2Config;
  readonly callTokens = CALL_TOKENS;
  readonly #tf: Tf;
  readonly #weights: WeightTensors;

  private constructor(tf: Tf, config: Qwen2Config, weights: WeightTensors) {
    this.config = config;
    this.#tf = tf;
    this.#weights = weights;
  }

  /** Uploads the weights one at a time, as `read` gives them. */
  static async create(tf: Tf, config: Qwen2Config, read: (name: string) => Promise<NamedTensor>): Promise<TfjsEngine> {
    const tensors: WeightTensors = new Map();
    try {
      for (const name of weightShapes(config).keys()) {
        const { data, shape } = await read(name);
        tensors.set(name, tf.tensor(data, shape));
      }
      return new TfjsEngine(tf, config, tensors);
    } catch (error) {
      tf.dispose([...tensors.values()]);
      throw error;
    }
  }

  /** No estimate of memory: models that fit this engine are small. */
  requireMemory(): void {}

  /** Replays recorded dropout masks where `mask` is given. */
  startTraining(options: StartTrainingParameters & { mask?: DropoutMask }): TfjsTraining {
    const { resume, optimizer, random } = options;
    const adapter = resume?.adapter ?? options.adapter;
    const { mask = dropoutMask(adapter.dropout, random) } = options;
    checkAdapterFits(adapter, this.config);
    const { config } = this;
    return new TfjsTraining({ tf: this.#tf, config, weights: this.#weights, adapter, optimizer, mask, resume });
  }

  startEvaluation(adapter: LoraAdapter | null): LoraEvaluation {
    const tf = this.#tf;
    if (adapter) checkAdapterFits(adapter, this.config);
    const matrices = new Map<string, Tensor>();
    for (const [name, { data, shape }] of adapter?.tensors ?? []) matrices.set(name, tf.tensor(data, shape));
    const adapterOutput = adapter ? adapterOutputOf(tf, adapter, matrices, () => null) : undefined;
    return {
      tokenLosses: async (packed) => {
        const { config } = this;
        const batch = pad(packed);
        const losses = tf.tidy(() => tokenLosses({ tf, config, weights: this.#weights, batch, adapterOutput }));
        try {
          return Float32Array.from(await losses.data());
        } finally {
          losses.dispose();
        }
      },
      dispose: () => tf.dispose([...matrices.values()]),
    };
  }

  startGradients(adapter: LoraAdapter): LoraGradients {
    checkAdapterFits(adapter, this.config);
    return new TfjsGradients({ tf: this.#tf, config: this.config, weights: this.#weights, adapter });
  }

  dispose(): void {
    this.#tf.dispose([...this.#weights.values()]);
    this.#weights.clear();
  }
}

interface TfjsTrainingParameters {
  tf: Tf;
  config: Qwen2Config;
  weights: WeightTensors;
  adapter: LoraAdapter;
  optimizer: StartTrainingParameters['optimizer'];
  mask: DropoutMask;
  resume?: TrainingState;
}

/** A run on {@link TfjsEngine}: the adapter's matrices are variables, everything else is frozen. */
class TfjsTraining implements LoraTraining {
  readonly divided = false;
  readonly #parameters: TfjsTrainingParameters;
  readonly #matrices = new Map<string, Variable>();
  readonly #gradients: GradientAccumulator;
  readonly #optimizer: AdamW;

  constructor(parameters: TfjsTrainingParameters) {
    const { tf, adapter, optimizer, resume } = parameters;
    this.#parameters = parameters;
    tf.tidy(() => {
      // A copy: the native backend may share memory with the array it is given.
      for (const [name, { data, shape }] of adapter.tensors) {
        this.#matrices.set(name, tf.variable(tf.tensor(data.slice(), shape)));
      }
    });
    const variables = [...this.#matrices.values()];
    this.#gradients = new GradientAccumulator(tf, variables);
    const upload = (moments: Map<string, NamedTensor>) =>
      [...this.#matrices.keys()].map((name) => {
        const { data, shape } = requiredEntry(moments, name);
        return tf.tensor(data.slice(), shape);
      });
    const state = resume && {
      firstMoments: upload(resume.firstMoments),
      secondMoments: upload(resume.secondMoments),
      steps: resume.steps,
    };
    this.#optimizer = new AdamW(tf, variables, optimizer, state);
    if (state) tf.dispose([...state.firstMoments, ...state.secondMoments]);
  }

  accumulate(packed: TokenBatch, lossScale: number): Promise<number> {
    const batch = pad(packed);
    const { tf, config, weights, adapter, mask } = this.#parameters;
    const adapterOutput = adapterOutputOf(tf, adapter, this.#matrices, mask);
    return this.#gradients.add(() =>
      tf.mul(tf.sum(tokenLosses({ tf, config, weights, batch, adapterOutput })), lossScale),
    );
  }

  gradNorm(): Promise<number> {
    return this.#gradients.norm();
  }

  /** The accumulated gradient under the names of the adapter's tensors. */
  gradient(): Promise<Map<string, NamedTensor>> {
    return download([...this.#matrices.keys()], this.#gradients.sums());
  }

  step(learningRate: number, gradientFactor: number): void {
    this.#gradients.take(gradientFactor, (gradients) => this.#optimizer.step(gradients, learningRate));
  }

  async adapter(): Promise<LoraAdapter> {
    const { rank, alpha, dropout } = this.#parameters.adapter;
    const tensors = await download([...this.#matrices.keys()], [...this.#matrices.values()]);
    return { rank, alpha, dropout, tensors };
  }

  async state(): Promise<TrainingState> {
    const names = [...this.#matrices.keys()];
    const { firstMoments, secondMoments, steps } = this.#optimizer.state();
    return {
      adapter: await this.adapter(),
      firstMoments: await download(names, firstMoments),
      secondMoments: await download(names, secondMoments),
      steps,
    };
  }

  dispose(): void {
    this.#gradients.dispose();
    this.#optimizer.dispose();
    this.#parameters.tf.dispose([...this.#matrices.values()]);
  }
}

/** Masks that drop each input with probability `p`; 0 draws nothing. */
export function dropoutMask(p: number, random: MersenneTwister): DropoutMask {
  if (p === 0) return () => null;
  const kept = 1 / (1 - p);
  return (_path, [rows, columns]) => {
    const mask = new Float32Array(rows * columns);
    for (let i = 0; i < mask.length; i++) mask[i] = random.nextUniform() < p ? 0 : kept;
    return mask;
  };
}

async function download(names: string[], tensors: Tensor[]): Promise<Map<string, NamedTensor>> {
  const downloaded = new Map<string, NamedTensor>();
  for (const [i, name] of names.entries()) {
    const tensor = requiredItem(tensors, i);
    downloaded.set(name, { shape: tensor.shape, data: Float32Array.from(await tensor.data()) });
  }
  return downloaded;
}
