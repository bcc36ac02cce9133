const SIZE = 624;
const PERIOD = 397;

export interface MersenneTwisterState {
  /** 624 words. */
  state: number[];
  index: number;
}

/**
 * MT19937, the generator of PyTorch on the CPU (Matsumoto and Nishimura, 1998).
 * Only the low 32 bits of the seed count, as in `init_genrand`.
 */
export class MersenneTwister {
  readonly #state = new Uint32Array(SIZE);
  #index = SIZE;

  constructor(seed: number) {
    this.#state[0] = seed >>> 0;
    for (let i = 1; i < SIZE; i++) {
      const previous = this.#state[i - 1]! ^ (this.#state[i - 1]! >>> 30);
      this.#state[i] = Math.imul(1812433253, previous) + i;
    }
  }

  /** Where the sequence stands, to go on from there later. */
  toJSON(): MersenneTwisterState {
    return { state: [...this.#state], index: this.#index };
  }

  static fromJSON({ state, index }: MersenneTwisterState): MersenneTwister {
    const random = new MersenneTwister(0);
    random.#state.set(state);
    random.#index = index;
    return random;
  }

  /** A whole number in 0 .. 2^32 - 1. */
  nextUint32(): number {
    if (this.#index === SIZE) this.#refill();
    let y = this.#state[this.#index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** A number in [0, 1) with 24 random bits: exact in float32. */
  nextUniform(): number {
    return (this.nextUint32() >>> 8) / 2 ** 24;
  }

  /** A number from the standard normal distribution (Box-Muller). */
  nextNormal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.nextUniform()));
    return radius * Math.cos(2 * Math.PI * this.nextUniform());
  }

  #refill(): void {
    const state = this.#state;
    for (let i = 0; i < SIZE; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff);
      state[i] = state[(i + PERIOD) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#index = 0;
  }
}

/** The order `torch.randperm(length)` gives after `manual_seed(seed)` on the CPU: what Trainer visits in one epoch. */
export function randomPermutation(length: number, seed: number): number[] {
  const random = new MersenneTwister(seed);
  const order = Array.from({ length }, (_, i) => i);
  for (let i = 0; i < length - 1; i++) {
    const j = i + (random.nextUint32() % (length - i));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
