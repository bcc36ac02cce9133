import { COMMON, type Fingerprint, LONG_ANSWER, limitOf } from '../../../src/dataset/fingerprint/format.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';

/** Of a text as long as a book, from which long rows are. */
const MANY = Array.from({ length: 700 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) & ~COMMON) >>> 0);

/** Fingerprints of no text: small ones, in which shares are fractions of small numbers, so that every threshold is met exactly. */
export class AnyFingerprints {
  readonly #random: MersenneTwister;
  readonly #grams: number[];
  readonly #numbers: number[];
  readonly #questions: number[];

  constructor(seed: number) {
    this.#random = new MersenneTwister(seed);
    this.#grams = Array.from({ length: this.oneOf([12, 24, 40]) }, () => this.#hash());
    // Exactly where the eighth level ends.
    this.#grams[5] = limitOf(8);
    this.#numbers = Array.from({ length: 4 }, () => this.#hash());
    this.#questions = [0, 0, this.#hash(), this.#hash()];
  }

  #hash(): number {
    // Small ones are taken at every level.
    const bits = this.oneOf([20, 28, 30, 32]);
    return (Math.floor(this.#random.nextUniform() * 2 ** bits) & ~COMMON) >>> 0;
  }

  below(n: number): number {
    return Math.floor(this.#random.nextUniform() * n);
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(share: number): boolean {
    return this.#random.nextUniform() < share;
  }

  /** @param longShare how many of its rows have some hundred grams. */
  print(rows = 2, longShare = 0): Fingerprint {
    const [pairEnd, wordEnd, pairHashes, questionHashes]: number[][] = [[], [], [], []];
    const [symbols, kinds, levels, echoes, words]: number[][] = [[], [], [], [], []];
    for (let row = 0; row < rows; row++) {
      const seen = new Set<number>();
      for (let pair = this.oneOf([0, 1, 1, 1, 2, 3, 5]); pair > 0; pair--) {
        const isLong = this.chance(0.6);
        const numbers = this.chance(0.5) ? 0 : 1 + this.below(3);
        for (let i = 0; i < numbers; i++) words!.push(this.oneOf(this.#numbers));
        const commonShare = this.oneOf([0, 0, 0.3, 1]);
        const few = this.oneOf([0, 2, 4, 5, 8, 10, 12, 20]);
        const isMany = longShare > 0 && this.chance(longShare);
        const grams = isMany ? MANY : this.#grams;
        const count = isMany ? 200 + this.below(500) : few;
        const begin = this.oneOf([0, 0, 3, this.below(40)]);
        for (let gram = count, at = begin; gram > 0; gram--, at++) {
          // In the order of a text that many share, with gaps and repetitions of others.
          if (this.chance(0.1)) at += this.below(10);
          const word = this.chance(0.9) ? grams[at % grams.length]! : this.#hash();
          if (seen.has(word)) continue;
          seen.add(word);
          words!.push((word | (this.chance(commonShare) ? COMMON : 0)) >>> 0);
        }
        pairHashes!.push(this.below(3), this.below(2) * 2 ** 31);
        questionHashes!.push(this.oneOf(this.#questions));
        wordEnd!.push(words!.length);
        symbols!.push(this.oneOf([8, 16, 32, 48, 60, 64, 96, 128, 200, 256, 300, 800]));
        kinds!.push(numbers + (isLong ? LONG_ANSWER : 0));
        levels!.push(this.oneOf([0, 0, 8, 27, 28, 32]));
        echoes!.push(isLong ? this.oneOf([0, 0, 51, 102, 204, 255]) : 0);
      }
      pairEnd!.push(wordEnd!.length);
    }
    return {
      rowCount: rows,
      ...{ pairEnd: Uint32Array.from(pairEnd!), wordEnd: Uint32Array.from(wordEnd!) },
      ...{ pairHashes: Uint32Array.from(pairHashes!), questionHashes: Uint32Array.from(questionHashes!) },
      ...{ symbolsOfPair: Uint16Array.from(symbols!), kindOfPair: Uint8Array.from(kinds!) },
      ...{
        levelOfPair: Uint8Array.from(levels!),
        echoOfPair: Uint8Array.from(echoes!),
        words: Uint32Array.from(words!),
      },
    };
  }
}
