import { FirstPlaces } from './first-places.ts';
import { type Fingerprint, gramOf, isCommon } from './format.ts';
import { PairWeights } from './pair-weights.ts';
import { firstGramOf, firstPairOf, firstWordOf, firstWordOfRow, isShort } from './rows-of.ts';
import { ShortAnswers } from './short-answers.ts';
import { WholeAnswers } from './whole-answers.ts';

/**
 * Words of the judged row from one that the other holds to the next, in the same order, with what lies between held, too:
 * a copy with a word changed here and there.
 */
const BRIDGE = 4;
/** Level from which that holds: about 300 symbols. In shorter rows a few words changed are what makes it another row. */
const BRIDGED_LEVEL = 28;

/** What a judged row has from a row of another. */
export interface Likeness {
  /** Per word of the judged row: 0 when the other lacks it, {@link HELD}, or {@link HELD_AS_COMMON}. */
  held: Uint8Array;
  /** The first word of the judged row that is held and common in neither dataset, counted from its first; -1 for none. */
  firstHeld: number;
  /**
   * Per pair of the judged row: 1 for a short answer that the other gives to the same question, and for a question and answer
   * that it has word for word.
   */
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

export const HELD = 1;
/** Held, and common in the other's dataset. */
export const HELD_AS_COMMON = 2;

/** Share of a row, or of another's answer, that is worth keeping for a mixture. */
const WORTH_KEEPING = 0.05;

/** Whether a likeness may count alone or with others. */
export function heldSomething(likeness: Likeness): boolean {
  return likeness.wholeShare >= 0.4 || likeness.heldPairs.includes(1) || heldEnough(likeness);
}

/** Whether so much of the row is held that it may be a part of a mixture. */
export function heldEnough({ held }: Likeness): boolean {
  let count = 0;
  for (const state of held) if (state === HELD) count++;
  return count > 0 && count >= WORTH_KEEPING * held.length;
}

/**
 * A row of another, looked up by what it says. One object serves for many rows, one after another. Loading a row takes time
 * linear in its words; comparing another with it, in the words of that one, however long this one is.
 */
export class SourceRow {
  #print: Fingerprint | undefined;
  /** Of its grams and numbers: their indices in the print; of questions and of pairs as a whole: the pairs. */
  readonly #grams = new FirstPlaces();
  readonly #numbers = new FirstPlaces();
  readonly #questions = new FirstPlaces();
  readonly #pairs = new FirstPlaces();
  readonly #weights = new PairWeights();
  readonly #shortAnswers = new ShortAnswers(this.#grams, this.#weights);
  readonly #wholeAnswers = new WholeAnswers(this.#weights);
  readonly #judgedNumbers = new FirstPlaces();

  load(print: Fingerprint, row: number): void {
    this.#print = print;
    const [firstPair, endPair] = [firstPairOf(print, row), print.pairEnd[row]!];
    this.#grams.clear(firstWordOfRow(print, row + 1) - firstWordOfRow(print, row));
    this.#questions.clear(endPair - firstPair);
    this.#pairs.clear(endPair - firstPair);
    for (let pair = firstPair; pair < endPair; pair++) {
      for (let i = firstGramOf(print, pair); i < print.wordEnd[pair]!; i++) this.#grams.add(i, gramOf(print.words[i]!));
      if (print.questionHashes[pair] !== 0) this.#questions.add(pair, print.questionHashes[pair]!);
      this.#pairs.add(pair, print.pairHashes[2 * pair]!, print.pairHashes[2 * pair + 1]!);
    }
    addNumbers(this.#numbers, print, row);
    this.#weights.load(print);
    this.#shortAnswers.load(print, row);
    this.#wholeAnswers.load(print, row);
  }

  /** @param isTheirs whether the other was first with the word of the judged row, by the word's index in the print. */
  compare(judged: Fingerprint, row: number, isTheirs: (word: number, pair: number) => boolean): Likeness {
    const source = this.#print!;
    this.#shortAnswers.begin();
    this.#wholeAnswers.begin();
    const [first, end] = [firstWordOfRow(judged, row), firstWordOfRow(judged, row + 1)];
    const firstPair = firstPairOf(judged, row);
    const held = new Uint8Array(end - first);
    const heldPairs = new Uint8Array(judged.pairEnd[row]! - firstPair);
    const heldNumbers = new Uint16Array(heldPairs.length);
    const sameQuestions = new Uint8Array(heldPairs.length);
    const likeness: Likeness = {
      held,
      firstHeld: -1,
      heldPairs,
      heldNumbers,
      sameQuestions,
      level: 0,
      wholeShare: 0,
      wholeSymbols: 0,
    };
    for (let pair = firstPair; pair < judged.pairEnd[row]!; pair++) {
      if (isShort(judged, pair)) {
        const isHeld =
          isTheirs(firstGramOf(judged, pair), pair) &&
          (this.#hasPair(judged, pair) || this.#shortAnswers.have(judged, pair));
        if (isHeld) heldPairs[pair - firstPair] = 1;
        continue;
      }
      likeness.level = Math.max(likeness.level, judged.levelOfPair[pair]!);
      if (this.#questions.has(judged.questionHashes[pair]!)) sameQuestions[pair - firstPair] = 1;
      const [firstNumber, endNumber] = [firstWordOf(judged, pair), firstGramOf(judged, pair)];
      for (let i = firstNumber; i < endNumber; i++)
        if (this.#numbers.has(judged.words[i]!)) heldNumbers[pair - firstPair]! |= 1 << (i - firstNumber);
      // A pair that is there word for word is not only a template's, though no gram of its own was taken.
      const isSame = this.#hasPair(judged, pair);
      let [last, lastSource] = [-1, 0];
      for (let i = firstGramOf(judged, pair); i < judged.wordEnd[pair]!; i++) {
        const found = this.#grams.of(gramOf(judged.words[i]!));
        if (found < 0 || !isTheirs(i, pair)) continue;
        this.#wholeAnswers.hold(found);
        if (isSame) heldPairs[pair - firstPair] = 1;
        const isPhrase = isCommon(source.words[found]!);
        held[i - first] = isPhrase && !isSame ? HELD_AS_COMMON : HELD;
        if (isPhrase || isCommon(judged.words[i]!)) continue;
        if (likeness.firstHeld < 0) likeness.firstHeld = i - first;
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
    if (this.#wholeAnswers.mayBeHeld) {
      addNumbers(this.#judgedNumbers, judged, row);
      const { share, symbols } = this.#wholeAnswers.most(likeness.level, this.#judgedNumbers);
      [likeness.wholeShare, likeness.wholeSymbols] = [share, symbols];
    }
    likeness.level = Math.max(likeness.level, this.#wholeAnswers.level);
    return likeness;
  }

  #hasPair({ pairHashes }: Fingerprint, pair: number): boolean {
    return this.#pairs.has(pairHashes[2 * pair]!, pairHashes[2 * pair + 1]!);
  }
}

/** Clears what is known, and takes the numbers of a row. */
function addNumbers(numbers: FirstPlaces, print: Fingerprint, row: number): void {
  const [firstPair, endPair] = [firstPairOf(print, row), print.pairEnd[row]!];
  let count = 0;
  for (let pair = firstPair; pair < endPair; pair++) count += firstGramOf(print, pair) - firstWordOf(print, pair);
  numbers.clear(count);
  for (let pair = firstPair; pair < endPair; pair++)
    for (let i = firstWordOf(print, pair); i < firstGramOf(print, pair); i++) numbers.add(i, print.words[i]!);
}
