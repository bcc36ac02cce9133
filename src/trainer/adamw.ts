import type { Tensor, Variable } from '@tensorflow/tfjs';
import type { Tf } from './tensorflow.ts';

export interface AdamWParameters {
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled: scales the parameter by 1 - learningRate * weightDecay. */
  weightDecay: number;
}

/** AdamW (Loshchilov and Hutter, 2019) with bias correction and epsilon placed as in torch.optim.AdamW. */
export class AdamW {
  readonly #tf: Tf;
  readonly #variables: Variable[];
  readonly #options: AdamWParameters;
  readonly #firstMoments: Variable[];
  readonly #secondMoments: Variable[];
  #step = 0;

  constructor(tf: Tf, variables: Variable[], options: AdamWParameters) {
    this.#tf = tf;
    this.#variables = variables;
    this.#options = options;
    const zeros = () => tf.tidy(() => variables.map((variable) => tf.variable(tf.zerosLike(variable), false)));
    this.#firstMoments = zeros();
    this.#secondMoments = zeros();
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
        const [gradient, first, second] = [gradients[i]!, this.#firstMoments[i]!, this.#secondMoments[i]!];
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
