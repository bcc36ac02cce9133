import type { Tensor, Variable } from '@tensorflow/tfjs';
import { requiredItem } from '../../../shared/required.ts';
import type { AdamWParameters } from '../engine.ts';
import type { Tf } from '../tensorflow.ts';

/** In the order of the variables. */
export interface AdamWState {
  firstMoments: Tensor[];
  secondMoments: Tensor[];
  /** Steps taken. */
  steps: number;
}

/** AdamW (Loshchilov and Hutter, 2019) with bias correction and epsilon placed as in torch.optim.AdamW. */
export class AdamW {
  readonly #tf: Tf;
  readonly #variables: Variable[];
  readonly #options: AdamWParameters;
  readonly #firstMoments: Variable[];
  readonly #secondMoments: Variable[];
  #step: number;

  /** Starts with moments of zero, or with those of an earlier run. */
  constructor(tf: Tf, variables: Variable[], options: AdamWParameters, resume?: AdamWState) {
    this.#tf = tf;
    this.#variables = variables;
    this.#options = options;
    const moments = (values?: Tensor[]) =>
      tf.tidy(() => variables.map((variable, i) => tf.variable(values?.[i] ?? tf.zerosLike(variable), false)));
    this.#firstMoments = moments(resume?.firstMoments);
    this.#secondMoments = moments(resume?.secondMoments);
    this.#step = resume?.steps ?? 0;
  }

  /** The moments stay this object's. */
  state(): AdamWState {
    return { firstMoments: this.#firstMoments, secondMoments: this.#secondMoments, steps: this.#step };
  }

  /** Moves every variable along its gradient, given in the same order. The gradients stay the caller's. */
  step(gradients: Tensor[], learningRate: number): void {
    const tf = this.#tf;
    const { beta1, beta2, epsilon, weightDecay } = this.#options;
    this.#step++;
    const stepSize = learningRate / (1 - beta1 ** this.#step);
    const correction2 = Math.sqrt(1 - beta2 ** this.#step);
    this.#variables.forEach((variable, i) => {
      tf.tidy(() => {
        const gradient = requiredItem(gradients, i);
        const first = requiredItem(this.#firstMoments, i);
        const second = requiredItem(this.#secondMoments, i);
        first.assign(tf.add(tf.mul(first, beta1), tf.mul(gradient, 1 - beta1)));
        second.assign(tf.add(tf.mul(second, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
        const denominator = tf.add(tf.div(tf.sqrt(second), correction2), epsilon);
        const kept = weightDecay === 0 ? variable : tf.mul(variable, 1 - learningRate * weightDecay);
        variable.assign(tf.sub(kept, tf.mul(tf.div(first, denominator), stepSize)));
      });
    });
  }

  dispose(): void {
    for (const moment of [...this.#firstMoments, ...this.#secondMoments]) moment.dispose();
  }
}
