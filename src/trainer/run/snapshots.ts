import type { LoraAdapter } from '../model/lora-adapter.ts';

/** An adapter after some steps of its training. */
export interface AdapterSnapshot {
  adapter: LoraAdapter;
  /** Sum of the learning rates of the steps for which it stands. */
  learningRates: number;
}

export interface SnapshotsParameters {
  count: number;
  /** Of the whole run. */
  steps: number;
  /** Learning rate of a step, from 0. */
  rateOf: (step: number) => number;
}

/** Takes the adapter at the end of each of so many parts of a run. */
export class Snapshots {
  readonly taken: AdapterSnapshot[] = [];
  readonly #waiting: { step: number; learningRates: number }[];

  constructor({ count, steps, rateOf }: SnapshotsParameters) {
    const parts = Math.min(count, steps);
    this.#waiting = Array.from({ length: parts }, (_, i) => {
      const [from, to] = [Math.floor((i * steps) / parts), Math.floor(((i + 1) * steps) / parts)];
      let learningRates = 0;
      for (let step = from; step < to; step++) learningRates += rateOf(step);
      return { step: to, learningRates };
    });
  }

  /** Asks for the adapter where one is due after so many steps, or was when a step without targets was left out. */
  async take(step: number, adapter: () => Promise<LoraAdapter>): Promise<void> {
    for (let next = this.#waiting[0]; next && next.step <= step; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.taken.push({ adapter: await adapter(), learningRates: next.learningRates });
    }
  }
}
