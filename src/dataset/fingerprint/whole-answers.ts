import type { FirstPlaces } from './first-places.ts';
import { type Fingerprint, isCommon, limitOf, weightOf } from './format.ts';
import { GrowingList } from './growing-list.ts';
import type { PairWeights } from './pair-weights.ts';
import { firstPairOf, isShort, numbersOf, pairOfWord } from './rows-of.ts';

/** Grams not common to many rows that tell a row from others of its template. */
export const FEWEST_DISTINCTIVE = 2;
/** What a number weighs, in symbols: rows of one template differ in little else. */
export const NUMBER_SYMBOLS = 16;
/** Grams of a long answer of the other's that the judged row holds, for it to be weighed as a whole. */
const FEWEST_OF_WHOLE = 4;

/**
 * How much of each long answer of a row of another is held by rows that are compared with it, one after another. That takes
 * time linear in what is held, not in the row of the other, which may be a megabyte.
 */
export class WholeAnswers {
  readonly #weights: PairWeights;
  #print: Fingerprint | undefined;
  #firstPair = 0;
  #endPair = 0;
  #level = 0;
  /** Per pair: to which level the row is sampled up to it. */
  #levels = new Uint8Array(0);
  /** Per pair, all 0 before and after {@link most}: its words that are held, how many are not common, and what some weigh. */
  #held = new Uint32Array(0);
  #distinctive = new Uint32Array(0);
  #weightHeld = new Float64Array(0);
  #weightBeyond = new Float64Array(0);
  /** The words that are held, by their indices in the print. */
  readonly #words = new GrowingList();

  constructor(weights: PairWeights) {
    this.#weights = weights;
  }

  load(print: Fingerprint, row: number): void {
    this.#print = print;
    [this.#firstPair, this.#endPair] = [firstPairOf(print, row), print.pairEnd[row]!];
    const pairs = this.#endPair - this.#firstPair;
    this.#makeRoom(pairs);
    this.#level = 0;
    for (let pair = 0; pair < pairs; pair++) {
      const at = this.#firstPair + pair;
      if (!isShort(print, at)) this.#level = Math.max(this.#level, print.levelOfPair[at]!);
      this.#levels[pair] = this.#level;
    }
  }

  /** To which level its long answers are sampled. */
  get level(): number {
    return this.#level;
  }

  /** From now on another row is compared. */
  begin(): void {
    this.#words.clear();
  }

  /** @param word that the compared row has, too, once, by its index in the print */
  hold(word: number): void {
    this.#words.add(word);
  }

  /** Whether it is worth asking for {@link most}. */
  get mayBeHeld(): boolean {
    return this.#words.length >= FEWEST_OF_WHOLE;
  }

  /**
   * The long answer of which most is held, as far as both rows are sampled.
   * @param level to which the compared row is sampled
   * @param numbers of the compared row
   */
  most(level: number, numbers: FirstPlaces): { share: number; symbols: number } {
    const most = { share: 0, symbols: 0 };
    for (const place of this.#weighHeld(level)) {
      const pair = this.#firstPair + place;
      const held = this.#weightHeld[place]!;
      const all = this.#weights.of(pair, this.#levelAt(place, level)) + this.#weightBeyond[place]!;
      if (this.#held[place]! >= FEWEST_OF_WHOLE && this.#distinctive[place]! >= FEWEST_DISTINCTIVE) {
        const share = Math.min(held / all, this.#shareWithNumbers(pair, held / all, numbers));
        const symbols = this.#print!.symbolsOfPair[pair]!;
        if (share * symbols > most.share * most.symbols) [most.share, most.symbols] = [share, symbols];
      }
      for (const list of [this.#held, this.#distinctive, this.#weightHeld, this.#weightBeyond]) list[place] = 0;
    }
    return most;
  }

  /** Weighs what is held of each long answer, of that what is not taken at the level of both. Returns their places, in order. */
  #weighHeld(level: number): number[] {
    const print = this.#print!;
    const places: number[] = [];
    const words = this.#words.view();
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      const pair = pairOfWord(print, this.#firstPair, this.#endPair, word);
      if (isShort(print, pair)) continue;
      const place = pair - this.#firstPair;
      if (this.#held[place]!++ === 0) places.push(place);
      const hash = print.words[word]!;
      this.#weightHeld[place]! += weightOf(hash);
      if (hash >= limitOf(this.#levelAt(place, level))) this.#weightBeyond[place]! += weightOf(hash);
      if (!isCommon(hash)) this.#distinctive[place]!++;
    }
    return places.sort((a, b) => a - b);
  }

  #levelAt(place: number, level: number): number {
    return Math.max(level, this.#levels[place]!);
  }

  #shareWithNumbers(pair: number, share: number, numbers: FirstPlaces): number {
    const symbols = this.#print!.symbolsOfPair[pair]!;
    const known = numbersOf(this.#print!, pair);
    const held = known.reduce((sum, number) => sum + (numbers.has(number) ? 1 : 0), 0);
    return (share * symbols + NUMBER_SYMBOLS * held) / (symbols + NUMBER_SYMBOLS * known.length);
  }

  #makeRoom(pairs: number): void {
    if (pairs <= this.#levels.length) return;
    this.#levels = new Uint8Array(2 * pairs);
    this.#held = new Uint32Array(2 * pairs);
    this.#distinctive = new Uint32Array(2 * pairs);
    this.#weightHeld = new Float64Array(2 * pairs);
    this.#weightBeyond = new Float64Array(2 * pairs);
  }
}
