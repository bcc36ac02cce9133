import type { FirstPlaces } from './first-places.ts';
import { type Fingerprint, gramOf, isCommon, limitOf, weightOf } from './format.ts';
import type { PairWeights } from './pair-weights.ts';
import { firstGramOf, firstPairOf, isShort, numbersOf, pairOfWord } from './rows-of.ts';

/** Share of either of two questions that is in the other when they ask the same. */
const SAME_QUESTION = 0.75;
/** Grams that two such questions share at least. */
const FEWEST_QUESTION_GRAMS = 4;
/** Pairs of short answers whose questions are compared, of two rows: as many as two rows of 32 have. */
const MOST_QUESTIONS = 1024;

/** A question of the judged row, and what those of the other's short answers have of it. */
interface Asked {
  print: Fingerprint;
  pair: number;
  /** Per gram: the pair of the other's that has it, counted from the first; -1 for none. */
  pairOfGram: Int32Array;
  /** Per pair of the other's: grams that both have, those of them that are not common to many rows, and what all weigh. */
  grams: Uint32Array;
  distinctive: Uint32Array;
  shared: Float64Array;
  /** By level: the grams that are taken at it, by their index in the print. */
  taken: Map<number, number[]>;
}

/**
 * Short answers of a row of another. However many pairs the rows have, comparing them looks each gram up once: of two
 * questions no more is read than what they share, and as much again.
 */
export class ShortAnswers {
  readonly #grams: FirstPlaces;
  readonly #weights: PairWeights;
  #print: Fingerprint | undefined;
  #firstPair = 0;
  #endPair = 0;
  #pairs: number[] = [];
  #left = 0;

  /**
   * @param grams of the row that is loaded, by their index in its print
   * @param weights of its pairs
   */
  constructor(grams: FirstPlaces, weights: PairWeights) {
    this.#grams = grams;
    this.#weights = weights;
  }

  load(print: Fingerprint, row: number): void {
    this.#print = print;
    this.#firstPair = firstPairOf(print, row);
    this.#endPair = print.pairEnd[row]!;
    this.#pairs = [];
    for (let pair = this.#firstPair; pair < this.#endPair; pair++) if (isShort(print, pair)) this.#pairs.push(pair);
  }

  /** From now on pairs of another row are asked for. */
  begin(): void {
    this.#left = MOST_QUESTIONS;
  }

  /** Whether the row has the short answer of a pair to nearly the same question; numbers may have been added, not changed. */
  have(judged: Fingerprint, pair: number): boolean {
    if (this.#left <= 0 || this.#pairs.length === 0) return false;
    const asked = this.#lookUp(judged, pair);
    for (const other of this.#pairs) {
      if (this.#left-- <= 0) break;
      if (asked.grams[other - this.#firstPair]! < FEWEST_QUESTION_GRAMS) continue;
      if (hasNumbersOf(judged, pair, this.#print!, other) && this.#isSameQuestion(asked, other)) return true;
    }
    return false;
  }

  #lookUp(print: Fingerprint, pair: number): Asked {
    const source = this.#print!;
    const first = firstGramOf(print, pair);
    const pairs = this.#endPair - this.#firstPair;
    const asked: Asked = {
      print,
      pair,
      pairOfGram: new Int32Array(print.wordEnd[pair]! - first).fill(-1),
      grams: new Uint32Array(pairs),
      distinctive: new Uint32Array(pairs),
      shared: new Float64Array(pairs),
      taken: new Map(),
    };
    for (let i = first; i < print.wordEnd[pair]!; i++) {
      const found = this.#grams.of(gramOf(print.words[i]!));
      if (found < 0) continue;
      const other = pairOfWord(source, this.#firstPair, this.#endPair, found) - this.#firstPair;
      asked.pairOfGram[i - first] = other;
      asked.grams[other]!++;
      asked.shared[other]! += Math.min(weightOf(print.words[i]!), weightOf(source.words[found]!));
      if (!isCommon(source.words[found]!)) asked.distinctive[other]!++;
    }
    return asked;
  }

  /** Of two questions that share enough grams. */
  #isSameQuestion(asked: Asked, other: number): boolean {
    const level = Math.max(asked.print.levelOfPair[asked.pair]!, this.#print!.levelOfPair[other]!);
    const shared = asked.shared[other - this.#firstPair]!;
    const isMostOfTheirs = shared / this.#weights.of(other, level) >= SAME_QUESTION;
    // Of a template alone both must be: other words of a question may just not be sampled.
    const isOneEnough = asked.distinctive[other - this.#firstPair]! >= FEWEST_QUESTION_GRAMS;
    return isMostOfTheirs === isOneEnough ? isOneEnough : this.#isMostOfAsked(asked, other, level);
  }

  #isMostOfAsked({ print, pair, pairOfGram, shared, taken }: Asked, other: number, level: number): boolean {
    const first = firstGramOf(print, pair);
    const [theirs, held] = [other - this.#firstPair, shared[other - this.#firstPair]!];
    let grams = taken.get(level);
    if (!grams) {
      grams = [];
      const limit = limitOf(level);
      for (let i = first; i < print.wordEnd[pair]!; i++) if (print.words[i]! < limit) grams.push(i);
      taken.set(level, grams);
    }
    let missing = 0;
    for (const i of grams) {
      if (pairOfGram[i - first] === theirs) continue;
      missing += weightOf(print.words[i]!);
      // It only falls.
      if (held / (held + missing) < SAME_QUESTION) return false;
    }
    return true;
  }
}

function hasNumbersOf(judged: Fingerprint, pair: number, source: Fingerprint, other: number): boolean {
  const numbers = [...numbersOf(judged, pair)];
  for (const number of numbersOf(source, other)) {
    const place = numbers.indexOf(number);
    if (place < 0) return false;
    numbers.splice(place, 1);
  }
  return true;
}
