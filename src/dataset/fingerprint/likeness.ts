import { type Fingerprint, gramOf, isCommon, limitOf } from './format.ts';
import { firstGramOf, firstPairOf, firstWordOfRow, isShort, numbersOf } from './rows-of.ts';

/** Share of either of two questions that is in the other when they ask the same. */
const SAME_QUESTION = 0.75;
/** Grams that two such questions share at least. */
const FEWEST_QUESTION_GRAMS = 4;
/** Grams not common to many rows that tell a row from others of its template. */
export const FEWEST_DISTINCTIVE = 2;
/**
 * Words of the judged row from one that the other holds to the next, in the same order, with what lies between held, too:
 * a copy with a word changed here and there.
 */
const BRIDGE = 4;
/** Level from which that holds: about 300 symbols. In shorter rows a few words changed are what makes it another row. */
const BRIDGED_LEVEL = 28;
/** Pairs of short answers whose questions are compared, of two rows: as many as two rows of 32 have. */
const MOST_QUESTIONS = 1024;
/** Rows with more grams are looked up in a Map, which no choice of grams makes slow. */
const MOST_IN_TABLE = 4096;

/** What a judged row has from a row of another. */
export interface Likeness {
  /** Per word of the judged row: 0 when the other lacks it, {@link HELD}, or {@link HELD_AS_COMMON}. */
  held: Uint8Array;
  /** Per pair of the judged row: 1 for a short answer that the other gives to the same question. */
  heldPairs: Uint8Array;
  /** Per pair of the judged row: a bit for each of its numbers that the other has, too. */
  heldNumbers: Uint16Array;
  /** Per pair of the judged row: 1 when the other asks the very same. */
  sameQuestions: Uint8Array;
  /** Level to which both rows are sampled. */
  level: number;
  /** Largest share (0..1) of a long answer of the other's that the judged row holds, and the symbols of that answer. */
  wholeShare: number;
  wholeSymbols: number;
}

/** What a common gram weighs. */
export const COMMON_WEIGHT = 0.2;
/** What a number weighs, in symbols: rows of one template differ in little else. */
export const NUMBER_SYMBOLS = 16;
export const HELD = 1;
/** Held, and common in the other's dataset. */
export const HELD_AS_COMMON = 2;

/** Share of a row, or of another's answer, that is worth keeping for a mixture. */
const WORTH_KEEPING = 0.08;

/** Whether a likeness may count alone or with others. */
export function heldSomething({ held, heldPairs, wholeShare }: Likeness): boolean {
  if (wholeShare >= 0.4 || heldPairs.includes(1)) return true;
  let count = 0;
  for (const state of held) if (state === HELD) count++;
  return count > 0 && count >= WORTH_KEEPING * held.length;
}

/** A row of another, looked up by its grams. One object serves for many rows, one after another. */
export class SourceRow {
  #print: Fingerprint | undefined;
  #row = 0;
  /** Open addressing: index of a word plus one. */
  readonly #slots = new Uint32Array(4 * MOST_IN_TABLE);
  #mask = 0;
  #map: Map<number, number> | undefined;
  /** Questions that may still be compared. */
  #questions = 0;

  load(print: Fingerprint, row: number): void {
    this.#slots.fill(0, 0, this.#mask + 1);
    this.#print = print;
    this.#row = row;
    this.#map = undefined;
    const words = firstWordOfRow(print, row + 1) - firstWordOfRow(print, row);
    if (words > MOST_IN_TABLE) this.#map = new Map();
    else this.#mask = 2 ** Math.ceil(Math.log2(2 * words + 2)) - 1;
    for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++)
      for (let i = firstGramOf(print, pair); i < print.wordEnd[pair]!; i++) this.#put(gramOf(print.words[i]!), i);
  }

  /** @param isTheirs whether the other was first with the word of the judged row, by the word's index in the print. */
  compare(judged: Fingerprint, row: number, isTheirs: (word: number, pair: number) => boolean): Likeness {
    const source = this.#print!;
    this.#questions = MOST_QUESTIONS;
    const [first, end] = [firstWordOfRow(judged, row), firstWordOfRow(judged, row + 1)];
    const firstPair = firstPairOf(judged, row);
    const held = new Uint8Array(end - first);
    const heldPairs = new Uint8Array(judged.pairEnd[row]! - firstPair);
    const heldNumbers = new Uint16Array(heldPairs.length);
    const sameQuestions = new Uint8Array(heldPairs.length);
    const likeness: Likeness = {
      held,
      heldPairs,
      heldNumbers,
      sameQuestions,
      level: 0,
      wholeShare: 0,
      wholeSymbols: 0,
    };
    const firstSource = firstWordOfRow(source, this.#row);
    const sourceHeld = new Uint8Array(firstWordOfRow(source, this.#row + 1) - firstSource);
    for (let pair = firstPair; pair < judged.pairEnd[row]!; pair++) {
      if (isShort(judged, pair)) {
        if (isTheirs(firstGramOf(judged, pair), pair) && this.#hasShortPair(judged, pair))
          heldPairs[pair - firstPair] = 1;
        continue;
      }
      likeness.level = Math.max(likeness.level, judged.levelOfPair[pair]!);
      if (this.#asks(judged.questionHashes[pair]!)) sameQuestions[pair - firstPair] = 1;
      for (const [i, number] of numbersOf(judged, pair).entries())
        if (this.#hasNumber(number)) heldNumbers[pair - firstPair]! |= 1 << i;
      // A pair that is there word for word is not only a template's, though no gram of its own was taken.
      const isSame = this.#hasPair(judged, pair);
      let [last, lastSource] = [-1, -1];
      for (let i = firstGramOf(judged, pair); i < judged.wordEnd[pair]!; i++) {
        const found = this.#indexOf(gramOf(judged.words[i]!));
        if (found < 0 || !isTheirs(i, pair)) continue;
        sourceHeld[found - firstSource] = 1;
        const isPhrase = isCommon(source.words[found]!);
        held[i - first] = isPhrase && !isSame ? HELD_AS_COMMON : HELD;
        if (isPhrase || isCommon(judged.words[i]!)) continue;
        const isNear =
          judged.levelOfPair[pair]! >= BRIDGED_LEVEL &&
          last >= 0 &&
          i - last <= BRIDGE &&
          found > lastSource &&
          found - lastSource <= 2 * BRIDGE;
        if (isNear) for (let j = last + 1; j < i; j++) held[j - first] ||= HELD;
        [last, lastSource] = [i, found];
      }
    }
    this.#weighWholePairs(likeness, sourceHeld, firstSource, numbersOfRow(judged, row));
    return likeness;
  }

  /** How much of each long answer of the other's is held, as far as both rows are sampled. */
  #weighWholePairs(likeness: Likeness, sourceHeld: Uint8Array, firstSource: number, numbers: Set<number>): void {
    const source = this.#print!;
    for (let pair = firstPairOf(source, this.#row); pair < source.pairEnd[this.#row]!; pair++) {
      if (isShort(source, pair)) continue;
      likeness.level = Math.max(likeness.level, source.levelOfPair[pair]!);
      const limit = limitOf(likeness.level);
      let [all, held, heldGrams, distinctive] = [0, 0, 0, 0];
      for (let i = firstGramOf(source, pair); i < source.wordEnd[pair]!; i++) {
        const word = source.words[i]!;
        const isHeld = sourceHeld[i - firstSource] === 1;
        if (!isHeld && word >= limit) continue;
        const weight = weightOf(word);
        all += weight;
        if (!isHeld) continue;
        held += weight;
        heldGrams++;
        if (weight === 1) distinctive++;
      }
      if (heldGrams < 4 || distinctive < FEWEST_DISTINCTIVE) continue;
      const symbols = source.symbolsOfPair[pair]!;
      const known = numbersOf(source, pair);
      const numbersHeld = known.reduce((sum, number) => sum + (numbers.has(number) ? 1 : 0), 0);
      const text = (held / all) * symbols;
      const withNumbers = (text + NUMBER_SYMBOLS * numbersHeld) / (symbols + NUMBER_SYMBOLS * known.length);
      const share = Math.min(held / all, withNumbers);
      if (share * symbols <= likeness.wholeShare * likeness.wholeSymbols) continue;
      likeness.wholeShare = share;
      likeness.wholeSymbols = symbols;
    }
  }

  #hasPair(judged: Fingerprint, pair: number): boolean {
    const source = this.#print!;
    for (let other = firstPairOf(source, this.#row); other < source.pairEnd[this.#row]!; other++)
      if (isSamePair(judged, pair, source, other)) return true;
    return false;
  }

  /** Whether the other has the same short answer to the same question; numbers may have been added, not changed. */
  #hasShortPair(judged: Fingerprint, pair: number): boolean {
    const source = this.#print!;
    if (this.#hasPair(judged, pair)) return true;
    for (let other = firstPairOf(source, this.#row); other < source.pairEnd[this.#row]!; other++) {
      if (!isShort(source, other) || this.#questions-- <= 0) continue;
      if (hasNumbersOf(judged, pair, source, other) && this.#isSameQuestion(judged, pair, other)) return true;
    }
    return false;
  }

  #isSameQuestion(judged: Fingerprint, pair: number, other: number): boolean {
    const source = this.#print!;
    const limit = limitOf(Math.max(judged.levelOfPair[pair]!, source.levelOfPair[other]!));
    const [start, end] = [firstGramOf(source, other), source.wordEnd[other]!];
    let [grams, distinctive, shared, asked, known] = [0, 0, 0, 0, 0];
    for (let i = firstGramOf(judged, pair); i < judged.wordEnd[pair]!; i++) {
      const found = this.#indexOf(gramOf(judged.words[i]!));
      if (found >= start && found < end) {
        const weight = Math.min(weightOf(judged.words[i]!), weightOf(source.words[found]!));
        grams++;
        shared += weight;
        if (!isCommon(source.words[found]!)) distinctive++;
      } else if (judged.words[i]! < limit) asked += weightOf(judged.words[i]!);
    }
    for (let i = start; i < end; i++) if (source.words[i]! < limit) known += weightOf(source.words[i]!);
    const shares = [shared / (shared + asked), shared / known];
    // Of a template alone both must be: other words of a question may just not be sampled.
    const share = distinctive >= FEWEST_QUESTION_GRAMS ? Math.max(...shares) : Math.min(...shares);
    return grams >= FEWEST_QUESTION_GRAMS && share >= SAME_QUESTION;
  }

  #asks(question: number): boolean {
    const source = this.#print!;
    if (question === 0) return false;
    for (let pair = firstPairOf(source, this.#row); pair < source.pairEnd[this.#row]!; pair++)
      if (source.questionHashes[pair] === question) return true;
    return false;
  }

  #hasNumber(number: number): boolean {
    const source = this.#print!;
    for (let pair = firstPairOf(source, this.#row); pair < source.pairEnd[this.#row]!; pair++)
      if (numbersOf(source, pair).includes(number)) return true;
    return false;
  }

  #put(gram: number, index: number): void {
    if (this.#map) {
      this.#map.set(gram, index);
      return;
    }
    let slot = Math.imul(gram, 0x9e3779b1) >>> 8;
    while (this.#slots[slot & this.#mask] !== 0) slot++;
    this.#slots[slot & this.#mask] = index + 1;
  }

  /** -1 when the row lacks it. */
  #indexOf(gram: number): number {
    if (this.#map) return this.#map.get(gram) ?? -1;
    for (let slot = Math.imul(gram, 0x9e3779b1) >>> 8; ; slot++) {
      const index = this.#slots[slot & this.#mask]! - 1;
      if (index < 0 || gramOf(this.#print!.words[index]!) === gram) return index;
    }
  }
}

/** A phrase that many rows of a dataset have says little of any of them. */
function weightOf(word: number): number {
  return isCommon(word) ? COMMON_WEIGHT : 1;
}

function isSamePair(a: Fingerprint, pairOfA: number, b: Fingerprint, pairOfB: number): boolean {
  return (
    a.pairHashes[2 * pairOfA] === b.pairHashes[2 * pairOfB] &&
    a.pairHashes[2 * pairOfA + 1] === b.pairHashes[2 * pairOfB + 1]
  );
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

function numbersOfRow(print: Fingerprint, row: number): Set<number> {
  const numbers = new Set<number>();
  for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++)
    for (const number of numbersOf(print, pair)) numbers.add(number);
  return numbers;
}
