import type { DatasetRow } from '../../schema/dataset-row.ts';
import { FirstPlaces } from './first-places.ts';
import { gramOf, LEVELS, LONG_ANSWER, limitOf, shareOf, writeFingerprint } from './format.ts';
import { addGrams, hashesOf, QUESTION_GRAM_SYMBOLS } from './grams.ts';
import { GrowingList } from './growing-list.ts';
import { DIVIDER, isExact, normalForm } from './normal-form.ts';

/** Symbols from which an answer is somebody's whatever was asked; shorter ones count with their question. */
const LONG_ANSWER_SYMBOLS = 32;
/** Grams of a row, about: of a long one, unless it is so long that the thinnest level takes more; of a short one. */
const [FEWEST_GRAMS, MOST_GRAMS] = [26, 52];
/** Grams of the question of a short answer, about. */
const GRAMS_OF_QUESTION = 16;
/** Symbols of a question that says which answer is meant. */
const QUESTION_SYMBOLS = 10;
/** Different rows of which all grams are looked through for common ones, and the symbols of them. */
const [FEW_ROWS, MOST_OF_FEW] = [32, 2 ** 20];
/** A limit below which all grams are. */
const ALL = 2 ** 32;
/** Numbers of a pair that are compared. */
const MOST_NUMBERS = 16;

interface Pair {
  asked: string;
  answered: string;
  question: Uint32Array;
  answer: Uint32Array;
}

/** Makes the fingerprint of a dataset row by row, for a reader that may be interrupted between any two. */
export class FingerprintBuilder {
  readonly #pairEnd = new GrowingList();
  readonly #levels = new GrowingList();
  readonly #pairHashes = new GrowingList();
  readonly #questionHashes = new GrowingList();
  readonly #wordEnd = new GrowingList();
  readonly #symbols = new GrowingList();
  readonly #kinds = new GrowingList();
  readonly #echoes = new GrowingList();
  readonly #words = new GrowingList();
  readonly #grams = new GrowingList();
  /** Grams of rows that are no repetitions, for counting them. */
  readonly #counted = new GrowingList();
  /** Of a few such rows all grams, taken or not, each once a row; `null` once they are more. */
  #ofFew: GrowingList | null = new GrowingList();
  readonly #knownRows = new Set<string>();
  /** Grams of a row so far; of a question. Texts choose them, so that they are in no Set, whose slots can be foreseen. */
  readonly #seen = new FirstPlaces();
  readonly #asked = new FirstPlaces();

  /** Rows added so far. */
  get rowCount(): number {
    return this.#pairEnd.length;
  }

  /** Takes time linear in the length of the row. */
  add({ conversations }: DatasetRow): void {
    const pairs = pairsOf(conversations);
    const symbols = pairs.reduce((sum, pair) => sum + (isLong(pair) ? pair.answer.length : 0), 0);
    const level = levelOf(symbols, Math.max(FEWEST_GRAMS, MOST_GRAMS - Math.max(0, symbols - 128) / 8));
    const [firstPair, firstWord] = [this.#wordEnd.length, this.#words.length];
    this.#seen.clear(MOST_GRAMS);
    for (const pair of pairs) this.#addPair(pair, level);
    this.#pairEnd.add(this.#wordEnd.length);
    const row = this.#pairHashes
      .view()
      .subarray(2 * firstPair)
      .join();
    if (this.#knownRows.has(row)) return;
    this.#knownRows.add(row);
    for (const word of this.#words.view().subarray(firstWord)) if (this.#seen.has(word)) this.#counted.add(word);
    this.#addToFew(pairs);
  }

  /** The bytes that {@link readFingerprint} reads. */
  finish(): Uint8Array {
    const words = this.#words.view().slice();
    markCommon(words, this.#takenOfFew() ?? this.#counted.view().slice(), this.rowCount);
    return writeFingerprint({
      pairEnd: this.#pairEnd.view(),
      levelOfPair: Uint8Array.from(this.#levels.view()),
      pairHashes: this.#pairHashes.view(),
      questionHashes: this.#questionHashes.view(),
      wordEnd: this.#wordEnd.view(),
      symbolsOfPair: Uint16Array.from(this.#symbols.view()),
      kindOfPair: Uint8Array.from(this.#kinds.view()),
      echoOfPair: Uint8Array.from(this.#echoes.view()),
      words,
    });
  }

  #addToFew(pairs: Pair[]): void {
    const symbols = pairs.reduce((sum, { question, answer }) => sum + question.length + answer.length, 0);
    if (this.#knownRows.size > FEW_ROWS || (this.#ofFew?.length ?? 0) + symbols > MOST_OF_FEW) this.#ofFew = null;
    if (this.#ofFew === null) return;
    this.#grams.clear();
    for (const pair of pairs) addGramsOf(this.#grams, pair, ALL);
    this.#seen.clear(this.#grams.length);
    for (const gram of this.#grams.view()) if (this.#seen.add(0, gramOf(gram))) this.#ofFew.add(gramOf(gram));
  }

  /**
   * The grams that are taken anywhere, once for each row that has them: beside other text a window takes another gram of the
   * same phrase, so that what few rows take says little of what they have. `null` where rows are many.
   */
  #takenOfFew(): Uint32Array | null {
    if (this.#ofFew === null) return null;
    this.#seen.clear(this.#words.length);
    for (const word of this.#words.view()) this.#seen.add(0, word);
    return this.#ofFew.view().filter((gram) => this.#seen.has(gram));
  }

  #addPair(pair: Pair, rowLevel: number): void {
    const { question, answer } = pair;
    for (const hash of hashesOf(question, answer)) this.#pairHashes.add(hash);
    this.#questionHashes.add(question.length < QUESTION_SYMBOLS ? 0 : hashesOf(question)[0]);
    this.#grams.clear();
    const numbers = numbersOf(pair);
    for (const number of numbers) this.#words.add(number);
    if (isLong(pair)) {
      addGrams(this.#grams, question, limitOf(rowLevel));
      this.#asked.clear(this.#grams.length);
      for (const gram of this.#grams.view()) this.#asked.add(0, gram);
      this.#grams.clear();
      addGramsOf(this.#grams, pair, limitOf(rowLevel));
      const repeated = this.#grams.view().filter((gram) => this.#asked.has(gram)).length;
      this.#echoes.add(Math.round((255 * repeated) / this.#grams.length));
      this.#endPair(answer.length, LONG_ANSWER + numbers.length, rowLevel);
      return;
    }
    this.#echoes.add(0);
    const level = levelOf(question.length, GRAMS_OF_QUESTION);
    addGramsOf(this.#grams, pair, limitOf(level));
    this.#endPair(question.length + answer.length, numbers.length, level);
  }

  #endPair(symbols: number, kind: number, level: number): void {
    for (const hash of this.#grams.view()) if (this.#seen.add(0, gramOf(hash))) this.#words.add(gramOf(hash));
    this.#wordEnd.add(this.#words.length);
    this.#symbols.add(Math.min(symbols, 65_535));
    this.#kinds.add(kind);
    this.#levels.add(level);
  }
}

/**
 * The fingerprint of a dataset: what its rows say, in a form of which near copies share most.
 * @example
 * const fingerprint = fingerprintRows(rows);
 * console.log(fingerprint.length, FINGERPRINT_VERSION);
 */
export function fingerprintRows(rows: Iterable<DatasetRow>): Uint8Array {
  const builder = new FingerprintBuilder();
  for (const row of rows) builder.add(row);
  return builder.finish();
}

/** An answer in pieces, with "Go on." or nothing asked between them, is one. */
function pairsOf(conversations: DatasetRow['conversations']): Pair[] {
  const pairs: { pair: Pair; pieces: string[] }[] = [];
  for (let i = 0; i + 1 < conversations.length; i += 2) {
    const pair = pairOf(conversations[i]!.content, conversations[i + 1]!.content);
    const isPiece = !isLong(pair) && pair.question.length < QUESTION_SYMBOLS && !pair.question.some(isExact);
    const last = pairs.at(-1);
    if (isPiece && last) last.pieces.push(pair.answered);
    else pairs.push({ pair, pieces: [pair.answered] });
  }
  return pairs.map(({ pair, pieces }) => (pieces.length > 1 ? pairOf(pair.asked, pieces.join(' ')) : pair));
}

function pairOf(asked: string, answered: string): Pair {
  return { asked, answered, question: formOf(asked), answer: formOf(answered) };
}

/** Of a long answer; of the question of a short one, where with another answer all grams are others. */
function addGramsOf(grams: GrowingList, pair: Pair, limit: number): void {
  const { question, answer } = pair;
  if (isLong(pair)) addGrams(grams, answer, limit);
  else addGrams(grams, question, limit, QUESTION_GRAM_SYMBOLS, shortAnswerHash(answer));
}

function isLong({ answer }: Pair): boolean {
  return answer.length >= LONG_ANSWER_SYMBOLS;
}

/** Of a text without a letter or digit (an emoji), what is written. */
function formOf(text: string): Uint32Array {
  const form = normalForm(text);
  return form.length > 0 ? form : Uint32Array.from(text.trim().slice(0, 64), (c) => c.codePointAt(0) ?? 0);
}

function levelOf(symbols: number, grams: number): number {
  let level = 0;
  while (level < LEVELS - 1 && symbols * shareOf(level) > grams) level++;
  return level;
}

/** Of its letters; of its first number where it has none: a number appended to it changes nothing. */
function shortAnswerHash(answer: Uint32Array): number {
  const letters = answer.filter((symbol) => !isExact(symbol) && symbol !== DIVIDER);
  return letters.length > 0 ? hashesOf(letters)[0] : (numbersIn(answer)[0] ?? 0);
}

/** Numbers of what is compared, as they are written: a digit within a word is one, too. */
function numbersOf(pair: Pair): number[] {
  const texts = isLong(pair) ? [pair.answered] : [pair.asked, pair.answered];
  const withDigits = texts.filter((text) => /\p{Nd}/u.test(text));
  return withDigits.flatMap((text) => numbersIn(normalForm(text, { asWritten: true }))).slice(0, MOST_NUMBERS);
}

/** Hashes of numbers, each with its signs and operators. */
function numbersIn(symbols: Uint32Array): number[] {
  const numbers: number[] = [];
  let start = 0;
  for (let i = 0; i <= symbols.length && numbers.length < MOST_NUMBERS; i++) {
    if (i < symbols.length && isExact(symbols[i] ?? 0)) continue;
    const number = symbols.subarray(start, i);
    if (number.some((symbol) => symbol >= 48 && symbol <= 57)) numbers.push(gramOf(hashesOf(number)[0]));
    start = i + 1;
  }
  return numbers;
}

/** Sets the lowest bit of the words that occur in many of the counted rows. */
function markCommon(words: Uint32Array, counted: Uint32Array, rowCount: number): void {
  // Half of a handful of rows.
  const many = Math.max(Math.min(4, Math.max(2, Math.ceil(rowCount / 2))), Math.ceil(rowCount / 2000));
  counted.sort();
  let common = 0;
  for (let start = 0, end = 0; start < counted.length; start = end) {
    while (counted[end] === counted[start]) end++;
    if (end - start >= many) counted[common++] = counted[start] ?? 0;
  }
  const isCommonGram = new FirstPlaces();
  isCommonGram.clear(common);
  for (const word of counted.subarray(0, common)) isCommonGram.add(0, word);
  for (const [i, word] of words.entries()) if (isCommonGram.has(word)) words[i] = word | 1;
}
