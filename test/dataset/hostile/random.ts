import { MersenneTwister } from '../../../src/shared/random.ts';

/** Choices that a seed determines. */
export interface Random {
  /** A whole number from 0 up to one less than `most`. */
  below(most: number): number;
  pick<T>(items: readonly T[]): T;
  bytes(length: number): Buffer;
}

export function createRandom(seed: number): Random {
  const twister = new MersenneTwister(seed);
  const below = (most: number) => Math.floor(twister.nextUniform() * most);
  return {
    below,
    pick: (items) => items[below(items.length)]!,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}
