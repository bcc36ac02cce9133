import { GrowingList } from './growing-list.ts';
import { addUnits, CLOSE, GAP, isDigit, isLetter, isOperator, isPart, OPEN } from './units.ts';

/** Between two numbers that only white space or punctuation divides: 1 2 is not 12. */
export const DIVIDER = 32;

/** Special tokens of chat templates, and tags; `<b and c>` is none. */
const MARKUP =
  /<\|[^|<>\n]{1,64}\|>|<\/?[a-z][a-z0-9]{0,15}(?:\s[^<>]{0,128}=[^<>]{0,128})?\s?\/?>|\[\/?INST\]|<<\/?SYS>>/gi;
const ENTITY = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos|nbsp));/gi;
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };
/** "1. ", "(2) ", "#3: " where a line starts. */
const NUMBERING = /^[ \t]*(?:[-*+\u2022>#]+[ \t]+)?(?:\(?\d{1,6}[.)]{1,2}|#\d{1,6}[.:)]?|\[\d{1,6}\])[ \t]+(?=\S)/gm;
/** Letters between signs, one by one, from which a text may be a spelled one rather than a formula. */
const FEWEST_SPELLED = 16;
/** What digits are read as in words with letters (h3llo); no two are the same, so mp3 is not mp4. */
const LETTERS_OF_DIGITS = [...'olzeasgtbq'].map((c) => c.charCodeAt(0));

/**
 * What a text says, as numbers: letters and digits of all scripts, without case, accents, white space, punctuation, markup
 * and numbering, look-alikes as the ASCII letters they are taken for; numbers keep sign, point and operators. A character
 * of Chinese or Japanese, which says more than a letter, gives two or three. Linear in the length of the text.
 *
 * @param asWritten whether digits in words stay digits; else they are read as letters
 */
export function normalForm(text: string, { asWritten = false } = {}): Uint32Array {
  const list = new GrowingList(text.length);
  addUnits(list, prepare(text));
  const units = list.view();
  joinSpelledWords(units);
  const symbols = new GrowingList(units.length);
  let end: number;
  for (let start = 0; start < units.length; start = end) {
    end = start + 1;
    const unit = at(units, start);
    if (isPart(unit)) {
      while (isPart(at(units, end))) end++;
      addWord(symbols, units, start, end, asWritten);
    } else if (isOperator(unit)) {
      while (isOperator(at(units, end))) end++;
      addOperators(symbols, units, start, end);
    }
  }
  return symbols.view();
}

/** True for symbols of numbers and operators. */
export function isExact(symbol: number): boolean {
  return symbol < 97 && symbol !== DIVIDER;
}

function prepare(text: string): string {
  let prepared = text;
  if (prepared.includes('&')) prepared = prepared.replace(ENTITY, decodeEntity);
  if (prepared.includes('<') || prepared.includes('[')) prepared = prepared.replace(MARKUP, ' ');
  return prepared.replace(NUMBERING, '');
}

function decodeEntity(written: string, decimal?: string, hex?: string, name?: string): string {
  if (name) return ENTITIES[name.toLowerCase()] ?? written;
  const point = decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hex ?? '', 16);
  return point <= 0x10ffff ? String.fromCodePoint(point) : written;
}

function addWord(symbols: GrowingList, units: Uint32Array, start: number, end: number, asWritten: boolean): void {
  const isSpelt = !asWritten && hasLetters(units, start, end);
  if (isDigit(at(units, start)) && !isSpelt && isDigit(symbols.last) && !isOperator(at(units, start - 1)))
    symbols.add(DIVIDER);
  for (let i = start; i < end; i++) {
    const unit = at(units, i);
    addLetter(symbols, isSpelt && isDigit(unit) ? (LETTERS_OF_DIGITS[unit - 48] ?? unit) : unit);
  }
}

function hasLetters(units: Uint32Array, start: number, end: number): boolean {
  let digits = 0;
  for (let i = start; i < end; i++) if (isDigit(at(units, i))) digits++;
  return digits < end - start;
}

/** I looks like l, and m like rn (UTS #39). */
function addLetter(symbols: GrowingList, letter: number): void {
  if (letter === 105) symbols.add(108);
  else if (letter === 109) {
    symbols.add(114);
    symbols.add(110);
  } else {
    symbols.add(letter);
    for (let i = 1; i < weightOf(letter); i++) symbols.add(letter + 0x200000 * i);
  }
}

function weightOf(letter: number): number {
  if (letter < 0x3040) return 1;
  if (letter <= 0x30ff) return 2;
  return (letter >= 0x3400 && letter <= 0x9fff) || (letter >= 0x20000 && letter <= 0x3ffff) ? 3 : 1;
}

/**
 * Drops the signs within words that are spelled letter by letter: four letters or more between hyphens, and any sign where
 * half of a text is spelled with it. Other signs between letters, as in x - y, are operators.
 */
function joinSpelledWords(units: Uint32Array): void {
  const runs: { start: number; end: number; letters: number; sign: string }[] = [];
  let [letters, last] = [0, 0];
  for (let i = 0; i < units.length; i++) {
    if (isLetter(at(units, i))) letters++;
    if (!isLetter(at(units, i)) || isPart(at(units, i - 1)) || isPart(at(units, i + 1))) continue;
    const sign = signBetween(units, last + 1, i);
    const run = runs.at(-1);
    if (run && sign !== '' && (run.sign === sign || run.letters === 1)) {
      runs[runs.length - 1] = { start: run.start, end: i, letters: run.letters + 1, sign };
    } else runs.push({ start: i, end: i, letters: 1, sign: '' });
    last = i;
  }
  const spelled = runs.reduce((sum, run) => sum + (run.letters >= 3 ? run.letters : 0), 0);
  const isSpelled = spelled >= FEWEST_SPELLED && 2 * spelled >= letters;
  for (const run of runs) {
    if (!isSpelled && (run.letters < 4 || run.sign !== '-')) continue;
    for (let i = run.start; i < run.end; i++) if (isOperator(at(units, i))) units[i] = GAP;
  }
}

/** The operators between two places where there is nothing else but a little white space; else an empty text. */
function signBetween(units: Uint32Array, start: number, end: number): string {
  let sign = '';
  for (let i = start; i < end; i++) {
    const unit = at(units, i);
    if (end - start > 8 || isPart(unit) || unit === OPEN || unit === CLOSE) return '';
    if (isOperator(unit)) sign += String.fromCharCode(unit);
  }
  return sign;
}

/** Keeps what stands between operands, a sign before a digit, and points within a number; else it is punctuation. */
function addOperators(symbols: GrowingList, units: Uint32Array, start: number, end: number): void {
  const [before, after] = [at(units, start - 1), at(units, end)];
  const first = at(units, start);
  const isPoint = end === start + 1 && '.,:'.includes(String.fromCharCode(first));
  if (isPoint) {
    if (!isDigit(before) || !isDigit(after)) return;
    if (first !== 44 || !isGroupOfThree(units, end)) symbols.add(first);
    return;
  }
  const isSign = first === 45 && isDigit(after) && !isPart(before) && end === start + 1;
  const isPercent = first === 37 && isDigit(before);
  if (!isSign && !isPercent && !(endsOperand(units, start) && startsOperand(units, end))) return;
  for (let i = start; i < end; i++) symbols.add(at(units, i));
}

/** 1,000 is 1000. */
function isGroupOfThree(units: Uint32Array, start: number): boolean {
  for (let i = start; i < start + 3; i++) if (!isDigit(at(units, i))) return false;
  return !isPart(at(units, start + 3));
}

/** Whether a number, a letter alone or a bracket ends before `end`. */
function endsOperand(units: Uint32Array, end: number): boolean {
  let i = end - 1;
  while (i >= end - 3 && at(units, i) === GAP) i--;
  const unit = at(units, i);
  return isDigit(unit) || unit === CLOSE || (isLetter(unit) && !isLetter(at(units, i - 1)));
}

function startsOperand(units: Uint32Array, start: number): boolean {
  let i = start;
  while (i < start + 3 && at(units, i) === GAP) i++;
  const unit = at(units, i);
  return isDigit(unit) || unit === OPEN || (isLetter(unit) && !isLetter(at(units, i + 1)));
}

function at(units: Uint32Array, i: number): number {
  return units[i] ?? GAP;
}
