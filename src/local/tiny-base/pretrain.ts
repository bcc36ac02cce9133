import type { Tensor, Variable } from '@tensorflow/tfjs';
import { MersenneTwister, randomPermutation } from '../../shared/random.ts';
import { AdamW } from '../../trainer/engine/plain/adamw.ts';
import { collate, pad } from '../../trainer/tokens/batches.ts';
import { yieldToEventLoop } from '../../shared/yield-to-event-loop.ts';
import type { TokenRow } from '../../trainer/tokens/chat.ts';
import type { Qwen2Config } from '../../trainer/model/config.ts';
import { GradientAccumulator } from '../../trainer/engine/plain/gradients.ts';
import { clipFactor } from '../../trainer/run/clip.ts';
import { tokenLosses, type WeightTensors } from '../../trainer/engine/plain/qwen2.ts';
import { learningRateAt } from '../../trainer/run/schedule.ts';
import type { LoadedTensorFlow } from '../../trainer/engine/tensorflow.ts';
import { type NamedTensor, weightShapes } from '../../trainer/model/weights.ts';

export interface PretrainParameters {
  tensorflow: LoadedTensorFlow;
  config: Qwen2Config;
  /** Rows to learn; a row that is all text has `labels` equal to `inputIds`. */
  rows: TokenRow[];
  /** Optimizer steps; the rows are repeated, epoch after epoch, until all steps are done. */
  steps: number;
  /** Rows per step. */
  batchSize: number;
  /** Peak of a linear warm-up and linear decay. */
  learningRate: number;
  warmupSteps?: number;
  /** Default 0.1, on matrices only. */
  weightDecay?: number;
  seed: number;
  /** Start from these weights instead of random ones (normal, standard deviation 0.02). */
  initialWeights?: Map<string, NamedTensor>;
  onStep?: (step: { step: number; steps: number; lossNatsPerToken: number; gradNorm: number }) => void;
  signal?: AbortSignal;
}

/**
 * Trains every weight of a Qwen2 model, and returns them. Meant for small models: the tiny base model of the local
 * subnet is made with it. Needs a backend on which the embedding's gradient is fast, i.e. the native one.
 *
 * @example
 * const tensorflow = await loadTensorFlow();
 * const weights = await pretrain({ tensorflow, config, rows, steps: 2000, batchSize: 16, learningRate: 3e-3, seed: 1 });
 * await saveModelWeights({ folder, weights, dtype: 'BF16' });
 * await writeFile(join(folder, 'config.json'), JSON.stringify(formatQwen2Config(config, 'bfloat16')));
 */
export async function pretrain(parameters: PretrainParameters): Promise<Map<string, NamedTensor>> {
  const { config, rows, steps, batchSize, seed, warmupSteps = 50, weightDecay = 0.1, onStep, signal } = parameters;
  const { tf } = parameters.tensorflow;
  const initial = parameters.initialWeights ?? randomWeights(config, new MersenneTwister(seed));
  const variables = new Map<string, Variable>();
  tf.tidy(() => {
    for (const [name, { data, shape }] of initial) variables.set(name, tf.variable(tf.tensor(data, shape)));
  });
  const weights: WeightTensors = variables;
  const all = [...variables.values()];
  const matrices = all.filter((variable) => variable.rank === 2);
  const vectors = all.filter((variable) => variable.rank !== 2);
  const ordered = [...matrices, ...vectors];
  const adam = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 };
  const optimizers = [
    {
      optimizer: new AdamW(tf, matrices, { ...adam, weightDecay }),
      pick: (all: Tensor[]) => all.slice(0, matrices.length),
    },
    {
      optimizer: new AdamW(tf, vectors, { ...adam, weightDecay: 0 }),
      pick: (all: Tensor[]) => all.slice(matrices.length),
    },
  ];
  const gradients = new GradientAccumulator(tf, ordered);
  try {
    const stepsPerEpoch = Math.ceil(rows.length / batchSize);
    let order: number[] = [];
    for (let step = 0; step < steps; step++) {
      await yieldToEventLoop(signal);
      const at = step % stepsPerEpoch;
      if (at === 0) order = randomPermutation(rows.length, seed + step / stepsPerEpoch);
      const batch = pad(collate(order.slice(at * batchSize, (at + 1) * batchSize).map((row) => rows[row]!)));
      const lossNatsPerToken = await gradients.add(() => tf.mean(tokenLosses({ tf, config, weights, batch })));
      const gradNorm = await gradients.norm();
      const learningRate = learningRateAt({
        step: step + 1,
        steps: steps + 1,
        warmupSteps,
        peakLearningRate: parameters.learningRate,
      });
      gradients.take(clipFactor(gradNorm, 1), (clipped) => {
        for (const { optimizer, pick } of optimizers) optimizer.step(pick(clipped), learningRate);
      });
      onStep?.({ step: step + 1, steps, lossNatsPerToken, gradNorm });
    }
    const trained = new Map<string, NamedTensor>();
    for (const [name, variable] of variables) {
      trained.set(name, { shape: variable.shape, data: Float32Array.from(await variable.data()) });
    }
    return trained;
  } finally {
    gradients.dispose();
    for (const { optimizer } of optimizers) optimizer.dispose();
    tf.dispose(all);
  }
}

function randomWeights(config: Qwen2Config, random: MersenneTwister): Map<string, NamedTensor> {
  const weights = new Map<string, NamedTensor>();
  for (const [name, shape] of weightShapes(config)) {
    const size = shape.reduce((product, n) => product * n, 1);
    const start = name.endsWith('norm.weight')
      ? () => 1
      : name.endsWith('.bias')
        ? () => 0
        : () => 0.02 * random.nextNormal();
    weights.set(name, { shape, data: Float32Array.from({ length: size }, start) });
  }
  return weights;
}
