import { type Fingerprint, limitOf, weightOf } from './format.ts';
import { firstGramOf } from './rows-of.ts';

/** What the grams of pairs weigh that are taken at a level. Those of a pair are looked at once a level, however often it is asked. */
export class PairWeights {
  #print: Fingerprint | undefined;
  /** By pair and level. */
  readonly #weights = new Map<number, number>();

  load(print: Fingerprint): void {
    this.#print = print;
    if (this.#weights.size > 0) this.#weights.clear();
  }

  of(pair: number, level: number): number {
    const key = pair * 256 + level;
    const known = this.#weights.get(key);
    if (known !== undefined) return known;
    const { words, wordEnd } = this.#print!;
    const limit = limitOf(level);
    let weight = 0;
    for (let i = firstGramOf(this.#print!, pair); i < wordEnd[pair]!; i++)
      if (words[i]! < limit) weight += weightOf(words[i]!);
    this.#weights.set(key, weight);
    return weight;
  }
}
