import type { TokenBatch } from '../../tokens/batches.ts';
import type { LoraGradients } from '../engine.ts';
import type { GraphTraining } from './graph-training.ts';
import { FETCH } from './names.ts';

/** Products of gradients on {@link GraphEngine}: one number a matrix comes back. */
export class GraphGradients implements LoraGradients {
  readonly #training: GraphTraining;
  #keptScale = 1;

  /** @param training a run of an adapter without dropout, which takes no step. */
  constructor(training: GraphTraining) {
    this.#training = training;
  }

  async add(batch: TokenBatch, lossScale: number): Promise<void> {
    await this.#training.accumulate(batch, lossScale);
  }

  async keep(): Promise<void> {
    // In float16 it lowers the scale until the gradient is finite.
    await this.#training.gradNorm();
    this.#training.call(FETCH.keep);
    this.#keptScale = this.#training.scale;
    this.#training.clear();
  }

  async product(): Promise<number> {
    let product = this.#product();
    if (!Number.isFinite(product) && this.#training.scale > 1) {
      await this.#training.gradNorm();
      product = this.#product();
    }
    this.#training.clear();
    return product;
  }

  dispose(): void {
    this.#training.dispose();
  }

  #product(): number {
    const products = this.#training.call(FETCH.products);
    return products.reduce((sum, product) => sum + product, 0) / (this.#keptScale * this.#training.scale);
  }
}
