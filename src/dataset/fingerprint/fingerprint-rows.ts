import type { DatasetRow } from '../../schema/dataset-row.ts';
import { gramOf, LEVELS, LONG_ANSWER, limitOf, writeFingerprint } from './format.ts';
import { addGrams, hashesOf } from './grams.ts';
import { GrowingList } from './growing-list.ts';
import { isExact, normalForm } from './normal-form.ts';

/** Symbols from which an answer is somebody's whatever was asked; shorter ones count with their question. */
const LONG_ANSWER_SYMBOLS = 48;
/** Grams of a row, about, unless it is so long that the thinnest level takes more. */
const GRAMS_OF_ROW = 26;
/** Grams of the question of a short answer, about. */
const GRAMS_OF_QUESTION = 16;
/** Numbers of a short pair that are compared. */
const MOST_NUMBERS = 16;

interface Pair {
  question: Uint32Array;
  answer: Uint32Array;
  /** What grams are taken of. */
  main: Uint32Array;
}

/** Makes the fingerprint of a dataset row by row, for a reader that may be interrupted between any two. */
export class FingerprintBuilder {
  readonly #pairEnd = new GrowingList();
  readonly #levels = new GrowingList();
  readonly #pairHashes = new GrowingList();
  readonly #wordEnd = new GrowingList();
  readonly #symbols = new GrowingList();
  readonly #kinds = new GrowingList();
  readonly #words = new GrowingList();
  readonly #grams = new GrowingList();
  /** Grams of rows that are no repetitions, for counting them. */
  readonly #counted = new GrowingList();
  readonly #knownRows = new Set<string>();

  /** Rows added so far. */
  get rowCount(): number {
    return this.#pairEnd.length;
  }

  /** Takes time linear in the length of the row. */
  add({ conversations }: DatasetRow): void {
    const pairs: Pair[] = [];
    for (let i = 0; i + 1 < conversations.length; i += 2)
      pairs.push(pairOf(conversations[i]?.content ?? '', conversations[i + 1]?.content ?? ''));
    const symbols = pairs.reduce((sum, { main, answer }) => sum + (main === answer ? main.length : 0), 0);
    const level = levelOf(symbols, GRAMS_OF_ROW);
    const [firstPair, firstWord] = [this.#wordEnd.length, this.#words.length];
    const seen = new Set<number>();
    for (const pair of pairs) this.#addPair(pair, level, seen);
    this.#pairEnd.add(this.#wordEnd.length);
    const row = this.#pairHashes
      .view()
      .subarray(2 * firstPair)
      .join();
    if (this.#knownRows.has(row)) return;
    this.#knownRows.add(row);
    for (const word of this.#words.view().subarray(firstWord)) if (seen.has(word)) this.#counted.add(word);
  }

  /** The bytes that {@link readFingerprint} reads. */
  finish(): Uint8Array {
    const words = this.#words.view().slice();
    markCommon(words, this.#counted.view().slice(), this.rowCount);
    return writeFingerprint({
      pairEnd: this.#pairEnd.view(),
      levelOfPair: Uint8Array.from(this.#levels.view()),
      pairHashes: this.#pairHashes.view(),
      wordEnd: this.#wordEnd.view(),
      symbolsOfPair: Uint16Array.from(this.#symbols.view()),
      kindOfPair: Uint8Array.from(this.#kinds.view()),
      words,
    });
  }

  #addPair({ question, answer, main }: Pair, rowLevel: number, seen: Set<number>): void {
    for (const hash of hashesOf(question, answer)) this.#pairHashes.add(hash);
    let [symbols, kind, level] = [answer.length, LONG_ANSWER, rowLevel];
    if (main !== answer) {
      const numbers = numbersOf(question, answer).slice(0, MOST_NUMBERS);
      this.#words.add(gramOf(shortAnswerHash(answer)));
      for (const number of numbers) this.#words.add(gramOf(number));
      symbols = question.length + answer.length;
      kind = numbers.length;
      level = levelOf(question.length, GRAMS_OF_QUESTION);
    }
    this.#grams.clear();
    addGrams(this.#grams, main, limitOf(level));
    for (const hash of this.#grams.view()) {
      const gram = gramOf(hash);
      if (seen.has(gram)) continue;
      seen.add(gram);
      this.#words.add(gram);
    }
    this.#wordEnd.add(this.#words.length);
    this.#symbols.add(Math.min(symbols, 65_535));
    this.#kinds.add(kind);
    this.#levels.add(level);
  }
}

/** The fingerprint of a dataset: what its rows say, in a form of which near copies share most. */
export function fingerprintRows(rows: Iterable<DatasetRow>): Uint8Array {
  const builder = new FingerprintBuilder();
  for (const row of rows) builder.add(row);
  return builder.finish();
}

function pairOf(asked: string, answered: string): Pair {
  const question = formOf(asked);
  const answer = formOf(answered);
  return { question, answer, main: answer.length >= LONG_ANSWER_SYMBOLS ? answer : question };
}

/** Of a text without a letter or digit (an emoji), what is written. */
function formOf(text: string): Uint32Array {
  const form = normalForm(text);
  return form.length > 0 ? form : Uint32Array.from(text.trim().slice(0, 64), (c) => c.codePointAt(0) ?? 0);
}

function levelOf(symbols: number, grams: number): number {
  let level = 0;
  while (level < LEVELS - 1 && symbols * limitOf(level) > grams * 2 ** 32) level++;
  return level;
}

/** Of its letters; of its first number where it has none: a number appended to it changes nothing. */
function shortAnswerHash(answer: Uint32Array): number {
  const letters = answer.filter((symbol) => !isExact(symbol) && symbol !== 32);
  if (letters.length > 0) return hashesOf(letters)[0];
  return numbersOf(answer)[0] ?? 0;
}

/** Hashes of the numbers in a text, each with its signs and operators. */
function numbersOf(...texts: Uint32Array[]): number[] {
  const numbers: number[] = [];
  for (const symbols of texts) {
    let start = 0;
    for (let i = 0; i <= symbols.length; i++) {
      if (i < symbols.length && isExact(symbols[i] ?? 0)) continue;
      const number = symbols.subarray(start, i);
      if (number.some((symbol) => symbol >= 48 && symbol <= 57)) numbers.push(hashesOf(number)[0]);
      start = i + 1;
    }
  }
  return numbers;
}

/** Sets the lowest bit of the words that occur in many of the counted rows. */
function markCommon(words: Uint32Array, counted: Uint32Array, rowCount: number): void {
  const many = Math.max(4, Math.ceil(rowCount / 2000));
  counted.sort();
  let common = 0;
  for (let start = 0, end = 0; start < counted.length; start = end) {
    while (end < counted.length && counted[end] === counted[start]) end++;
    if (end - start >= many) counted[common++] = counted[start] ?? 0;
  }
  const isCommonGram = new Set(counted.subarray(0, common));
  for (const [i, word] of words.entries()) if (isCommonGram.has(word)) words[i] = word | 1;
}
