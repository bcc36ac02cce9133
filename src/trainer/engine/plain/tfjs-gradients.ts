import type { Tensor, Variable } from '@tensorflow/tfjs';
import { requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import type { LoraAdapter } from '../../model/lora-adapter.ts';
import { pad, type TokenBatch } from '../../tokens/batches.ts';
import type { LoraGradients } from '../engine.ts';
import type { Tf } from '../tensorflow.ts';
import { adapterOutputOf } from './adapter-output.ts';
import { GradientAccumulator } from './gradients.ts';
import { tokenLosses, type WeightTensors } from './qwen2.ts';

export interface TfjsGradientsParameters {
  tf: Tf;
  config: Qwen2Config;
  weights: WeightTensors;
  adapter: LoraAdapter;
}

/** Products of gradients on {@link TfjsEngine}. */
export class TfjsGradients implements LoraGradients {
  readonly #parameters: TfjsGradientsParameters;
  readonly #matrices = new Map<string, Variable>();
  readonly #gradients: GradientAccumulator;
  #kept: Tensor[] = [];

  constructor(parameters: TfjsGradientsParameters) {
    const { tf, adapter } = parameters;
    this.#parameters = parameters;
    tf.tidy(() => {
      for (const [name, { data, shape }] of adapter.tensors)
        this.#matrices.set(name, tf.variable(tf.tensor(data.slice(), shape)));
    });
    this.#gradients = new GradientAccumulator(tf, [...this.#matrices.values()]);
  }

  async add(packed: TokenBatch, lossScale: number): Promise<void> {
    const batch = pad(packed);
    const { tf, config, weights, adapter } = this.#parameters;
    const adapterOutput = adapterOutputOf(tf, adapter, this.#matrices, () => null);
    await this.#gradients.add(() =>
      tf.mul(tf.sum(tokenLosses({ tf, config, weights, batch, adapterOutput })), lossScale),
    );
  }

  async keep(): Promise<void> {
    const { tf } = this.#parameters;
    tf.dispose(this.#kept);
    this.#kept = this.#gradients.sums().map((sum) => tf.clone(sum));
    this.#gradients.dispose();
  }

  async product(): Promise<number> {
    const { tf } = this.#parameters;
    const products = tf.tidy(() =>
      tf.stack(this.#gradients.sums().map((sum, i) => tf.sum(tf.mul(sum, requiredItem(this.#kept, i))))),
    );
    try {
      return Array.from(await products.data()).reduce((total, product) => total + product, 0);
    } finally {
      products.dispose();
      this.#gradients.dispose();
    }
  }

  dispose(): void {
    this.#gradients.dispose();
    this.#parameters.tf.dispose([...this.#kept, ...this.#matrices.values()]);
  }
}
