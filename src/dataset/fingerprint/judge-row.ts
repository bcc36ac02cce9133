import { COMMON_WEIGHT, type Fingerprint, isCommon, LONG_ANSWER, limitOf, shareOf } from './format.ts';
import { HELD, HELD_AS_COMMON, type Likeness } from './likeness.ts';
import { firstGramOf, firstPairOf, firstWordOfRow, isShort } from './rows-of.ts';
import { FEWEST_DISTINCTIVE, NUMBER_SYMBOLS } from './whole-answers.ts';

/**
 * Share of a row from which it is another's: half of a long one. Of a short one more: rows of one template differ in a word
 * or two.
 */
function mostOf(symbols: number): number {
  return symbols >= 256 ? 0.5 : symbols >= 64 ? 0.65 - (0.15 * (symbols - 64)) / 192 : 0.75;
}
/** The same of a row in which next to nothing is common to many rows: it is of no template. */
const UNIQUE = { symbols: 48, share: 0.95, most: 0.5 };
/** Share from which a row is of the evaluation set, however short. */
const OF_EVALUATION = 0.5;
/** Symbols from which an answer that is held whole makes the row another's, whatever else is in it. */
const LONG_SYMBOLS = 200;
/** Of a shorter answer held whole: what share of the row it must be. */
const WHOLE_SHARE_OF_ROW = 1 / 3;
/** How many such answers and short pairs make the row another's, and symbols of them. */
const SEVERAL = { count: 3, symbols: 400 };
/** Symbols of answers that do so of which half is held, or more. */
const [HALF, SYMBOLS_OF_HALVES] = [0.5, 2000];
/** Sources of which parts make a row another's. */
const MOST_SOURCES = 3;
/** By how much more of a row several must hold together than one alone, at least. */
const MIXTURE_MARGIN = 0.1;
/**
 * The same in standard deviations of what each of them adds, since grams are a sample of what a run says: of many short runs
 * some have many grams by chance. One alone must hold more, too, where its row is so long that few of the grams are in it.
 */
const DOUBT = 0.55;
/**
 * What of a row is held at least, one of both, with all grams weighing the same: a phrase beside others that the dataset
 * repeats is not most of a row.
 */
const IN_FULL = { share: 0.4, symbols: 150 };
/** Share of another's answer of which less of the row is enough: a phrase repeated in all rows hides nothing. */
const SOME_OF_ANSWER = 0.25;
/** Share of an answer from which it is another's when the question is, too. What repeats the question counts on neither side. */
const OF_SAME_QUESTION = 0.45;
/** What a gram weighs that the other lacks, and might lack though he had the text: it is taken for its window only. */
const UNSURE_WEIGHT = 0.25;
/**
 * Of a row's grams so many are taken in a much longer row, too, or fewer: what is not taken there then tells nothing, but for
 * those taken for their window, about one in 140 letters. More must be held that are not common: a few are soon held by chance.
 */
const THINNED = { share: 0.5, ofWindows: 1 / 140, distinctive: 2 * FEWEST_DISTINCTIVE };
/** Symbols a part of a mixture has at least. */
const FEWEST_SYMBOLS = 64;

/** One to three of the likenesses, by index, that make the row another's, and how much of it they are. */
export interface Judgement {
  sources: number[];
  alike: number;
  /** Whether an answer is held whole among more, which makes less than most of the row. */
  isWhole: boolean;
}

interface JudgedRow {
  print: Fingerprint;
  row: number;
  /** Words of the row that are nobody's and count on neither side. */
  nobodys?: Uint8Array | undefined;
  /** Whether it is compared with the evaluation set: eight copies of that make all of it common in the judged dataset. */
  isEvaluation: boolean;
}

/** Whether what other rows hold of a row makes it theirs; `null` when it does not. */
export function judgeRow(judged: JudgedRow, likenesses: readonly Likeness[]): Judgement | null {
  const all = [...likenesses.keys()];
  // Of those that hold next to nothing of a long row, no more is known than the answer that it has from them.
  const held = new Map(
    all.filter((i) => holdsAny(likenesses[i]!)).map((i) => [i, weigh(judged, [likenesses[i]!]).held]),
  );
  const parts = [...held.keys()].sort((a, b) => held.get(b)! - held.get(a)!);
  const order = [...parts, ...all.filter((i) => !held.has(i))];
  const symbols = symbolsOf(judged);
  return judgeParts(judged, likenesses, parts, symbols) ?? judgeAnswers(judged, likenesses, order, symbols);
}

/** Whether most of a row with so many symbols is theirs, together. */
function judgeParts(
  judged: JudgedRow,
  likenesses: readonly Likeness[],
  order: readonly number[],
  symbols: number,
): Judgement | null {
  const most = mostFor(judged);
  const chosen: number[] = [];
  let best: ReturnType<typeof weigh> | undefined;
  let [pieces, doubt] = [0, 0];
  for (const i of order) {
    const likeness = likenesses[i]!;
    const together = weigh(
      judged,
      [...chosen, i].map((k) => likenesses[k]!),
    );
    const isWhole = likeness.wholeShare >= 0.8 || likeness.heldPairs.includes(1);
    const fewestAdded = isWhole ? FEWEST_SYMBOLS / 2 : FEWEST_SYMBOLS;
    if (best && Math.min(together.held - best.held, best.held) < fewestAdded) continue;
    if (!isWhole && pieces === MOST_SOURCES) continue;
    if (!isWhole) {
      pieces++;
      const added = together.held - (best?.held ?? 0);
      doubt += DOUBT * Math.sqrt(added * Math.max(0, together.symbolsOfGram - 1));
    }
    chosen.push(i);
    best = together;
    const isUnique = best.total >= Math.max(UNIQUE.symbols, UNIQUE.share * symbols);
    const fewest = isUnique ? Math.min(UNIQUE.most, most(best.total)) : most(best.total);
    const chance = judged.isEvaluation ? 0 : doubt;
    const margin = pieces > 1 ? Math.max(chance, MIXTURE_MARGIN * best.total) : best.isThinned ? doubt : 0;
    const isMost =
      best.held >= fewest * best.total + margin &&
      (best.plainHeld >= Math.min(IN_FULL.symbols, IN_FULL.share * symbols) ||
        chosen.some((k) => likenesses[k]!.wholeShare >= SOME_OF_ANSWER));
    const distinctive = best.isThinned ? THINNED.distinctive : FEWEST_DISTINCTIVE;
    // What many rows of a template have makes a row another's only when there is nothing else in it.
    if (best.total > 0 && isMost && (best.distinctive >= distinctive || best.isAll))
      return { sources: chosen.slice(0, MOST_SOURCES), alike: best.held / best.total, isWhole: false };
  }
  return null;
}

/** Whether answers of theirs stand in a row with so many symbols, among whatever else. */
function judgeAnswers(
  judged: JudgedRow,
  likenesses: readonly Likeness[],
  order: readonly number[],
  symbols: number,
): Judgement | null {
  const most = mostFor(judged);
  const [wholes, halves] = [new Sum(), new Sum()];
  const [counted, countedPairs] = [new Set<string>(), new Set<number>()];
  const firstPair = firstPairOf(judged.print, judged.row);
  for (const i of order) {
    const { wholeShare, wholeSymbols, sameQuestions, heldPairs, firstHeld } = likenesses[i]!;
    const shareOfRow = judged.isEvaluation ? WHOLE_SHARE_OF_ROW / 2 : WHOLE_SHARE_OF_ROW;
    const isLong = wholeSymbols >= LONG_SYMBOLS || wholeSymbols >= shareOfRow * symbols;
    const echo = echoOf(judged, sameQuestions);
    if (echo < 1 && wholeShare - echo >= 0.5 * (1 - echo)) return { sources: [i], alike: wholeShare, isWhole: false };
    const isWhole = wholeShare >= Math.min(0.85, most(wholeSymbols) + 0.15);
    if (isWhole && isLong) return { sources: [i], alike: wholeShare, isWhole: true };
    // However long the row is: what is beyond the context is not trained on. What two others have counts once.
    if (heldPairs.includes(1)) {
      for (const [pair, isHeld] of heldPairs.entries()) {
        if (isHeld === 0 || countedPairs.has(pair)) continue;
        countedPairs.add(pair);
        wholes.add(i, judged.print.symbolsOfPair[firstPair + pair]!, 1);
      }
    } else if (wholeShare >= HALF && !counted.has(`${firstHeld} ${wholeSymbols}`)) {
      if (isWhole) wholes.add(i, wholeSymbols, wholeShare);
      halves.add(i, wholeSymbols, wholeShare);
      counted.add(`${firstHeld} ${wholeSymbols}`);
    }
    const areSeveral = wholes.count >= SEVERAL.count && wholes.all >= SEVERAL.symbols;
    const enough = areSeveral ? wholes : halves.held >= SYMBOLS_OF_HALVES ? halves : null;
    if (enough)
      return { sources: enough.sources.slice(0, MOST_SOURCES), alike: enough.held / enough.all, isWhole: true };
  }
  return null;
}

function mostFor({ isEvaluation }: JudgedRow): (symbols: number) => number {
  return isEvaluation ? () => OF_EVALUATION : mostOf;
}

function holdsAny({ held, heldPairs }: Likeness): boolean {
  return held.includes(HELD) || held.includes(HELD_AS_COMMON) || heldPairs.includes(1);
}

function symbolsOf({ print, row }: JudgedRow): number {
  return print.symbolsOfPair.subarray(firstPairOf(print, row), print.pairEnd[row]).reduce((sum, one) => sum + one, 0);
}

/** Answers of others that are in a row, however long it is. */
class Sum {
  readonly sources: number[] = [];
  count = 0;
  /** Symbols that are in it, and that they have. */
  held = 0;
  all = 0;

  add(source: number, symbols: number, share: number): void {
    if (this.sources.at(-1) !== source) this.sources.push(source);
    this.count++;
    this.held += share * symbols;
    this.all += symbols;
  }
}

/**
 * Symbols of a row that some rows hold together: weighed, and plain; all it has, weighed; whether they lack nothing of it; for
 * how many symbols a gram stands; whether theirs are so long that few of its grams are in them.
 */
function weigh({ print, row, nobodys, isEvaluation }: JudgedRow, likenesses: readonly Likeness[]) {
  const level = Math.max(...likenesses.map((likeness) => likeness.level));
  const [firstPair, first] = [firstPairOf(print, row), firstWordOfRow(print, row)];
  const sum = {
    held: 0,
    total: 0,
    plainHeld: 0,
    distinctive: 0,
    isAll: true,
    symbolsOfGram: 0,
    isThinned: false,
  };
  let [long, grams] = [0, 0];
  for (let pair = firstPair; pair < print.pairEnd[row]!; pair++) {
    const symbols = print.symbolsOfPair[pair]!;
    if (isShort(print, pair)) {
      const isHeld = likenesses.some(({ heldPairs }) => heldPairs[pair - firstPair] === 1);
      sum.total += symbols;
      if (!isHeld) {
        sum.isAll = false;
        continue;
      }
      sum.held += symbols;
      sum.plainHeld += symbols;
      sum.distinctive += FEWEST_DISTINCTIVE;
      continue;
    }
    const bothLevel = Math.max(level, print.levelOfPair[pair]!);
    const limit = limitOf(bothLevel);
    const [own, both] = [shareOf(print.levelOfPair[pair]!), shareOf(bothLevel)];
    const isThinned = both < THINNED.share * own;
    const unsure = isThinned ? THINNED.ofWindows / (own - both) : UNSURE_WEIGHT;
    if (isThinned) sum.isThinned = true;
    let [held, plain, all, count] = [0, 0, 0, 0];
    for (let i = firstGramOf(print, pair); i < print.wordEnd[pair]!; i++) {
      if (nobodys?.[i - first]) continue;
      const state = stateOf(likenesses, i - first);
      const word = print.words[i]!;
      if (state === 0) sum.isAll = false;
      const weight = state === HELD_AS_COMMON || (!isEvaluation && isCommon(word)) ? COMMON_WEIGHT : 1;
      if (state === 0 && word >= limit) {
        all += weight * unsure;
        count += unsure;
        continue;
      }
      count++;
      all += weight;
      if (state === 0) continue;
      held += weight;
      plain++;
      if (state === HELD) sum.distinctive++;
    }
    const each = count === 0 ? 0 : symbols / count;
    const heldNumbers = likenesses.reduce((bits, likeness) => bits | likeness.heldNumbers[pair - firstPair]!, 0);
    // Of the numbers no more counts than of the text: a row of them would hide what it is added to.
    const numbers = print.kindOfPair[pair]! - LONG_ANSWER;
    const ofNumber = Math.min(NUMBER_SYMBOLS, symbols / Math.max(1, numbers));
    const [text, textHeld] = [count === 0 ? symbols : all * each, held * each];
    const numbersHeld = ofNumber * bitsIn(heldNumbers);
    // Other numbers make it another row; the same ones alone make it none of another's.
    const heldHere = Math.min(textHeld, ((textHeld + numbersHeld) * text) / (text + ofNumber * numbers || 1));
    const isSameQuestion = likenesses.some(({ sameQuestions }) => sameQuestions[pair - firstPair] === 1);
    sum.total += text;
    const echo = (text * print.echoOfPair[pair]!) / 255;
    const isAnswerTheirs = isSameQuestion && heldHere - echo > OF_SAME_QUESTION * (text - echo);
    sum.held += isAnswerTheirs ? text : heldHere;
    sum.plainHeld += isAnswerTheirs ? symbols : plain * each;
    long += symbols;
    grams += count;
  }
  if (grams > 0) sum.symbolsOfGram = long / grams;
  return sum;
}

/** Largest share of an answer under the same question that repeats it; 1 when no question is the same. */
function echoOf({ print, row }: JudgedRow, sameQuestions: Uint8Array): number {
  const first = firstPairOf(print, row);
  let most = -1;
  for (const [i, isSame] of sameQuestions.entries()) if (isSame) most = Math.max(most, print.echoOfPair[first + i]!);
  return most < 0 ? 1 : most / 255;
}

function bitsIn(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function stateOf(likenesses: readonly Likeness[], word: number): number {
  let state = 0;
  for (const { held } of likenesses) {
    if (held[word] === HELD) return HELD;
    state = Math.max(state, held[word]!);
  }
  return state;
}
