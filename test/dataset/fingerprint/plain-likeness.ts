import { type Fingerprint, gramOf, isCommon, limitOf, weightOf } from '../../../src/dataset/fingerprint/format.ts';
import { HELD, HELD_AS_COMMON, type Likeness } from '../../../src/dataset/fingerprint/likeness.ts';
import {
  firstGramOf,
  firstPairOf,
  firstWordOfRow,
  isShort,
  numbersOf,
} from '../../../src/dataset/fingerprint/rows-of.ts';

interface Pair {
  isShort: boolean;
  level: number;
  symbols: number;
  question: number;
  whole: string;
  numbers: number[];
  /** Indices of its grams in the print. */
  grams: number[];
}

function pairsOf(print: Fingerprint, row: number): Pair[] {
  const pairs: Pair[] = [];
  for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++) {
    const [first, end] = [firstGramOf(print, pair), print.wordEnd[pair]!];
    pairs.push({
      ...{ isShort: isShort(print, pair), level: print.levelOfPair[pair]!, symbols: print.symbolsOfPair[pair]! },
      ...{ question: print.questionHashes[pair]!, whole: print.pairHashes.slice(2 * pair, 2 * pair + 2).join() },
      ...{ numbers: [...numbersOf(print, pair)], grams: Array.from({ length: end - first }, (_, i) => first + i) },
    });
  }
  return pairs;
}

/** What {@link SourceRow} has to find, as plainly as it can be said: every pair with every pair, however long that takes. */
export function plainLikeness(
  source: Fingerprint,
  sourceRow: number,
  judged: Fingerprint,
  row: number,
  isTheirs: (word: number, pair: number) => boolean,
): Likeness {
  const [theirs, ours] = [pairsOf(source, sourceRow), pairsOf(judged, row)];
  const first = firstWordOfRow(judged, row);
  const places = new Map<number, number>();
  for (const i of theirs.flatMap(({ grams }) => grams).reverse()) places.set(gramOf(source.words[i]!), i);
  const placeOf = (i: number) => places.get(gramOf(judged.words[i]!)) ?? -1;
  let left = 1024;

  const isSameQuestion = (asked: Pair, other: Pair) => {
    const limit = limitOf(Math.max(asked.level, other.level));
    let [grams, distinctive, shared, missing, known] = [0, 0, 0, 0, 0];
    for (const i of asked.grams) {
      const word = judged.words[i]!;
      if (other.grams.includes(placeOf(i))) {
        const there = source.words[placeOf(i)]!;
        grams++;
        shared += Math.min(weightOf(word), weightOf(there));
        if (!isCommon(there)) distinctive++;
      } else if (word < limit) missing += weightOf(word);
    }
    for (const i of other.grams) if (source.words[i]! < limit) known += weightOf(source.words[i]!);
    const shares = [shared / (shared + missing), shared / known];
    return grams >= 4 && (distinctive >= 4 ? Math.max(...shares) : Math.min(...shares)) >= 0.75;
  };
  const hasNumbersOf = (asked: Pair, other: Pair) => {
    const count = (of: Pair, number: number) => of.numbers.filter((one) => one === number).length;
    return other.numbers.every((number) => count(asked, number) >= count(other, number));
  };
  const hasShortAnswer = (asked: Pair) => {
    if (theirs.some(({ whole }) => whole === asked.whole)) return true;
    return theirs.some(
      (other) => other.isShort && left-- > 0 && hasNumbersOf(asked, other) && isSameQuestion(asked, other),
    );
  };

  const held = new Uint8Array(firstWordOfRow(judged, row + 1) - first);
  const [heldPairs, sameQuestions] = [new Uint8Array(ours.length), new Uint8Array(ours.length)];
  const heldNumbers = new Uint16Array(ours.length);
  const sourceHeld = new Set<number>();
  let [level, firstHeld] = [0, -1];
  for (const [p, pair] of ours.entries()) {
    const number = firstPairOf(judged, row) + p;
    if (pair.isShort) {
      if (isTheirs(firstGramOf(judged, number), number) && hasShortAnswer(pair)) heldPairs[p] = 1;
      continue;
    }
    level = Math.max(level, pair.level);
    if (pair.question !== 0 && theirs.some(({ question }) => question === pair.question)) sameQuestions[p] = 1;
    for (const [i, one] of pair.numbers.entries())
      if (theirs.some(({ numbers }) => numbers.includes(one))) heldNumbers[p]! |= 1 << i;
    const isSame = theirs.some(({ whole }) => whole === pair.whole);
    let [last, lastPlace] = [-1, -1];
    for (const i of pair.grams) {
      const place = placeOf(i);
      if (place < 0 || !isTheirs(i, number)) continue;
      sourceHeld.add(place);
      if (isSame) heldPairs[p] = 1;
      const isPhrase = isCommon(source.words[place]!);
      held[i - first] = isPhrase && !isSame ? HELD_AS_COMMON : HELD;
      if (isPhrase || isCommon(judged.words[i]!)) continue;
      if (firstHeld < 0) firstHeld = i - first;
      const isNear = last >= 0 && i - last <= 4 && place > lastPlace && place - lastPlace <= 8;
      if (isNear && pair.level >= 28) for (let j = last + 1; j < i; j++) held[j - first] ||= HELD;
      [last, lastPlace] = [i, place];
    }
  }

  const ourNumbers = ours.flatMap(({ numbers }) => numbers);
  let [wholeShare, wholeSymbols] = [0, 0];
  for (const pair of theirs) {
    if (pair.isShort) continue;
    level = Math.max(level, pair.level);
    const limit = limitOf(level);
    const taken = pair.grams.filter((i) => sourceHeld.has(i) || source.words[i]! < limit);
    const there = taken.filter((i) => sourceHeld.has(i));
    const weigh = (grams: number[]) => grams.reduce((sum, i) => sum + weightOf(source.words[i]!), 0);
    if (there.length < 4 || there.filter((i) => !isCommon(source.words[i]!)).length < 2) continue;
    const ofText = weigh(there) / weigh(taken);
    const { symbols, numbers } = pair;
    const numbersHeld = numbers.filter((number) => ourNumbers.includes(number)).length;
    const withNumbers = (ofText * symbols + 16 * numbersHeld) / (symbols + 16 * numbers.length);
    const share = Math.min(ofText, withNumbers);
    if (share * symbols > wholeShare * wholeSymbols) [wholeShare, wholeSymbols] = [share, symbols];
  }
  return { held, firstHeld, heldPairs, heldNumbers, sameQuestions, level, wholeShare, wholeSymbols };
}
