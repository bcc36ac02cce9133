import { CONFUSABLES } from './confusables.ts';
import type { GrowingList } from './growing-list.ts';

/** White space, and punctuation that says nothing. */
export const GAP = 0;
/** An opening bracket. */
export const OPEN = 1;
/** A closing bracket. */
export const CLOSE = 2;

const OPERATORS = new Set('+-*/=<>^%!.,:');

export const isDigit = (unit: number) => unit >= 48 && unit <= 57;
export const isLetter = (unit: number) => unit >= 97;
export const isPart = (unit: number) => isDigit(unit) || isLetter(unit);
export const isOperator = (unit: number) => unit > CLOSE && !isPart(unit);

/**
 * A text as units: letters and digits as code points, operators as theirs, brackets, and gaps. Each character is taken by
 * itself, so no run of combining marks takes more than its length (String.normalize is quadratic in them); accents are
 * dropped, vowel signs of other scripts are letters.
 */
export function addUnits(units: GrowingList, text: string): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 128) {
      units.add(ASCII[code] ?? GAP);
      continue;
    }
    const point = text.codePointAt(i) ?? GAP;
    if (point > 0xffff) i++;
    const known = lookUp(point);
    if (known >= 0) units.add(known);
    else for (const unit of SEVERAL[-1 - known] ?? []) units.add(unit);
  }
}

/** Code points whose units have been asked for, in pages: their one unit, or -1 less the index in {@link SEVERAL}. */
const PAGES: (Int32Array | undefined)[] = [];
const PAGE_SIZE = 4096;
const UNKNOWN = -0x80000000;
const SEVERAL: (readonly number[])[] = [[]];

function lookUp(point: number): number {
  let page = PAGES[Math.floor(point / PAGE_SIZE)];
  if (!page) {
    page = new Int32Array(PAGE_SIZE).fill(UNKNOWN);
    PAGES[Math.floor(point / PAGE_SIZE)] = page;
  }
  const known = page[point % PAGE_SIZE] ?? UNKNOWN;
  if (known !== UNKNOWN) return known;
  const units = unitsOf(point);
  const found = units.length === 1 ? (units[0] ?? GAP) : units.length === 0 ? -1 : -SEVERAL.push(units);
  page[point % PAGE_SIZE] = found;
  return found;
}

const ACCENT =
  /(?=\p{M})[\p{Script=Inherited}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u;
const IGNORABLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
const DASH = /[\u2010-\u2015\u2212\u2043\ufe58]/;
/** Characters that stand for whole words give up to eighteen letters each; nobody writes them in prose. */
const WORD = /[\u3300-\u33ff\ufdf0-\ufdfd]/;

const ASCII = Uint8Array.from({ length: 128 }, (_, code) => unitsOf(code)[0] ?? GAP);

function unitsOf(point: number): number[] {
  const c = String.fromCodePoint(point);
  if (IGNORABLE.test(c) || ACCENT.test(c)) return [];
  if (WORD.test(c)) return [GAP];
  return [...c.normalize('NFKD').toLowerCase()].flatMap(unitsOfPart);
}

function unitsOfPart(c: string): number[] {
  const point = c.codePointAt(0) ?? GAP;
  if (ACCENT.test(c)) return [];
  if (DASH.test(c)) return [45];
  if (c === '\u2044') return [47];
  const like = CONFUSABLES.get(point);
  if (like) return [...like].map((letter) => letter.charCodeAt(0));
  if (/\p{Nd}/u.test(c)) return [48 + valueOfDigit(point)];
  if (/[\p{L}\p{N}\p{M}]/u.test(c) || OPERATORS.has(c)) return [point];
  if (/\p{Ps}/u.test(c)) return [OPEN];
  return /\p{Pe}/u.test(c) ? [CLOSE] : [GAP];
}

/** The ten digits of a script follow each other, zero first; those of several may stand side by side. */
function valueOfDigit(point: number): number {
  let zero = point;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return (point - zero) % 10;
}
