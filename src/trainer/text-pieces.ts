export interface TextPiecesParameters {
  /** Contents of the tokens that are searched before anything else. */
  addedTokens: string[];
  /** A text this long, or shorter, is one piece. Default 4096. */
  pieceChars?: number;
  /** Where nothing breaks a word of this many characters, it is cut. Default 16,384. */
  longestPieceChars?: number;
}

/** How Qwen2, Qwen2.5 and Qwen3 split text before byte-pair encoding, as written in their tokenizer.json. */
export const QWEN_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/**
 * Cuts a text where the tokens of the parts, put together, are the tokens of the whole, so that the beginning of a long
 * text can be encoded alone. Holds for {@link QWEN_SPLIT} after NFC: a letter in front of something that is neither
 * letter nor mark ends a match, whatever comes before or after; no match looks past it, and NFC composes nothing across
 * it. Added tokens are searched before that, so no cut lies in front of a character of theirs.
 *
 * Only a word of more than 16,384 characters without such a place (no space, digit or punctuation) is cut elsewhere,
 * where an encoder of the whole might merge across: a megabyte of one word takes it 14 s and a gigabyte of memory.
 */
export function textPieces({
  addedTokens,
  pieceChars = 4096,
  longestPieceChars = 16_384,
}: TextPiecesParameters): (text: string) => Generator<string> {
  const added = [...new Set(addedTokens.join(''))].map((character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
  const lastLetter = new RegExp(`\\p{L}(?=[^\\p{L}\\p{M}${added.join('')}])`, 'gu');

  /** Length of the first piece of a text that is longer than one. */
  function cut(window: string): number | null {
    lastLetter.lastIndex = pieceChars;
    for (let match = lastLetter.exec(window); match; match = lastLetter.exec(window)) {
      const [letter] = match;
      // NFC takes a few letters apart, such as Hebrew presentation forms, and leaves a mark at their end.
      if (letter.normalize('NFC') === letter) return match.index + letter.length;
    }
    return window.length < longestPieceChars ? null : wholeCharacters(window);
  }

  return function* (text) {
    let start = 0;
    while (text.length - start > pieceChars) {
      const length = cut(text.slice(start, start + longestPieceChars));
      if (length === null) break;
      yield text.slice(start, start + length);
      start += length;
    }
    if (start < text.length) yield text.slice(start);
  };
}

/** Length without half a surrogate pair at the end. */
function wholeCharacters(text: string): number {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last < 0xdc00 ? text.length - 1 : text.length;
}
