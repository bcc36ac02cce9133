import { toNfc } from './normal-form.ts';

export interface TextPiecesParameters {
  /** Contents of the tokens that are searched before anything else, as written: not normalised, no space stripped around. */
  addedTokens: string[];
  /** Words are put together to pieces of at most so many characters. Default 4096. */
  pieceChars?: number;
}

/** A part of a text that is encoded alone. */
export interface TextPiece {
  /** `added`: one of the added tokens. `word`: a single word longer than a piece. `text`: anything else, of a cut text in NFC. */
  kind: 'added' | 'text' | 'word';
  text: string;
}

/** How Qwen2, Qwen2.5 and Qwen3 split text into words before byte-pair encoding, as written in their tokenizer.json. */
export const QWEN_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

// The same for JavaScript, which has no inline flags yet and means other characters by \s.
const WORDS = new RegExp(
  QWEN_SPLIT.replace(/\(\?i:([^)]*)\)/, (_, contractions: string) =>
    contractions.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`),
  )
    .replaceAll('[^\\s', '[^\\p{White_Space}')
    .replaceAll('\\s', '\\p{White_Space}')
    .replaceAll('\\S', '\\P{White_Space}'),
  'uy',
);

/**
 * Cuts a text where the tokens of the parts, put together, are the tokens of the whole, so that the beginning of a long
 * text can be encoded alone: around added tokens, which are searched first, and then between two words of
 * {@link QWEN_SPLIT} after NFC. A word is found from its beginning on, whatever lies before it, and only white space looks
 * at what comes behind it; so both sides of such a cut are split as they were in the whole.
 */
export function textPieces({
  addedTokens,
  pieceChars = 4096,
}: TextPiecesParameters): (text: string) => Generator<TextPiece> {
  // Where several begin at one position, the longest counts.
  const longestFirst = [...new Set(addedTokens)].filter(Boolean).sort((a, b) => b.length - a.length);
  const added = new RegExp(longestFirst.map((token) => token.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'g');
  const hasAdded = longestFirst.length > 0;

  return function* (text) {
    if (text.length <= pieceChars) {
      if (text !== '') yield { kind: 'text', text };
      return;
    }
    let start = 0;
    while (hasAdded) {
      added.lastIndex = start;
      const match = added.exec(text);
      if (!match) break;
      yield* between(text.slice(start, match.index));
      yield { kind: 'added', text: match[0] };
      start = match.index + match[0].length;
    }
    yield* between(text.slice(start));
  };

  /** Of a text without added tokens. */
  function* between(text: string): Generator<TextPiece> {
    if (text === '') return;
    const normal = toNfc(text);
    // NFC turns a few characters into ASCII. What looks like an added token only then is none, so it is not shown as one.
    const looksAdded = hasAdded && normal !== text && normal.search(added) >= 0;
    if (text.length <= pieceChars || looksAdded) yield { kind: 'text', text };
    else yield* words(normal);
  }

  function* words(text: string): Generator<TextPiece> {
    let start = 0;
    let safe = 0;
    for (let end = 0; end < text.length; ) {
      const next = wordEnd(text, end);
      const isLong = next - end > pieceChars;
      if (isSafe(text, end)) safe = end;
      if (next - start > pieceChars && safe > start) {
        yield { kind: 'text', text: text.slice(start, safe) };
        start = safe;
      }
      // At most one word is left in front of a long one, which is the same alone.
      if (isLong && end > start) yield { kind: 'text', text: text.slice(start, end) };
      if (isLong) {
        yield { kind: 'word', text: text.slice(end, next) };
        start = next;
      }
      end = next;
    }
    if (start < text.length) yield { kind: 'text', text: text.slice(start) };
  }
}

function wordEnd(text: string, start: number): number {
  WORDS.lastIndex = start;
  WORDS.test(text);
  return WORDS.lastIndex;
}

/**
 * Between two words. A run of white space leaves its last character to what comes behind it; where that does not take it,
 * it is a word of its own, and would not be one without what comes behind.
 */
function isSafe(text: string, place: number): boolean {
  return !/[^\P{White_Space}\r\n]/u.test(text.charAt(place - 1)) || /\p{White_Space}/u.test(text.charAt(place));
}
