import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import { required, requiredItem } from '../../../shared/required.ts';
import type { Tf } from '../tensorflow.ts';

/** Sums the gradients of micro batches until the optimizer takes them. */
export class GradientAccumulator {
  readonly #tf: Tf;
  readonly #variables: Variable[];
  #sums: Tensor[] | null = null;

  constructor(tf: Tf, variables: Variable[]) {
    this.#tf = tf;
    this.#variables = variables;
  }

  /** Runs `loss` and adds its gradient. Returns the loss. */
  async add(loss: () => Scalar): Promise<number> {
    const tf = this.#tf;
    const { value, grads } = tf.variableGrads(loss, this.#variables);
    const gradients = this.#variables.map((variable) =>
      required(grads[variable.name], `the gradient of ${variable.name}`),
    );
    const before = this.#sums;
    if (before) {
      this.#sums = gradients.map((gradient, i) => tf.add(requiredItem(before, i), gradient));
      tf.dispose([before, gradients]);
    } else {
      this.#sums = gradients;
    }
    try {
      return requiredItem(await value.data(), 0);
    } finally {
      value.dispose();
    }
  }

  /** L2 norm of all sums together. */
  async norm(): Promise<number> {
    const tf = this.#tf;
    const squares = tf.tidy(() => tf.stack(this.sums().map((sum) => tf.sum(tf.square(sum)))));
    try {
      return Math.sqrt(Array.from(await squares.data()).reduce((total, square) => total + square, 0));
    } finally {
      squares.dispose();
    }
  }

  /** Hands the sums, times `factor`, to `use`, then starts again from nothing. */
  take(factor: number, use: (gradients: Tensor[]) => void): void {
    const tf = this.#tf;
    tf.tidy(() => use(this.sums().map((sum) => tf.mul(sum, factor))));
    this.dispose();
  }

  dispose(): void {
    if (this.#sums) this.#tf.dispose(this.#sums);
    this.#sums = null;
  }

  /** The sums so far, in the order of the variables; they stay this object's. */
  sums(): Tensor[] {
    if (!this.#sums) throw new RangeError('no gradient has been added');
    return this.#sums;
  }
}
