import { toNfc } from './normal-form.ts';

/** A part of a text that is encoded alone: an added token, or a word in NFC. */
export interface TextPiece {
  kind: 'added' | 'word';
  text: string;
}

/** How Qwen2, Qwen2.5 and Qwen3 split text into words before byte-pair encoding, as written in their tokenizer.json. */
export const QWEN_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

// The same for JavaScript, which has no inline flags yet and means other characters by \s. The long s has the same capital.
const WORDS = new RegExp(
  QWEN_SPLIT.replace(/\(\?i:([^)]*)\)/, (_, contractions: string) =>
    contractions.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}${letter === 's' ? 'ſ' : ''}]`),
  )
    .replaceAll('[^\\s', '[^\\p{White_Space}')
    .replaceAll('\\s', '\\p{White_Space}')
    .replaceAll('\\S', '\\P{White_Space}'),
  'uy',
);

/**
 * Cuts a text where the tokens of the parts, put together, are the tokens of the whole, so that the beginning of a long
 * text can be encoded alone: around added tokens, which are searched first, as written, and then between the words of
 * {@link QWEN_SPLIT} after NFC. What looks like an added token only after NFC is none.
 * @param addedTokens their contents: of tokens that are not normalised, and strip no space around them.
 */
export function textPieces(addedTokens: string[]): (text: string) => Generator<TextPiece> {
  // Where several begin at one position, the longest counts.
  const longestFirst = [...new Set(addedTokens)].filter(Boolean).sort((a, b) => b.length - a.length);
  const added = new RegExp(longestFirst.map((token) => token.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'g');
  const hasAdded = longestFirst.length > 0;

  return function* (text) {
    let start = 0;
    while (hasAdded) {
      added.lastIndex = start;
      const match = added.exec(text);
      if (!match) break;
      yield* words(toNfc(text.slice(start, match.index)));
      yield { kind: 'added', text: match[0] };
      start = match.index + match[0].length;
    }
    yield* words(toNfc(text.slice(start)));
  };
}

function* words(text: string): Generator<TextPiece> {
  for (let start = 0; start < text.length; ) {
    const end = wordEnd(text, start);
    yield { kind: 'word', text: text.slice(start, end) };
    start = end;
  }
}

function wordEnd(text: string, start: number): number {
  WORDS.lastIndex = start;
  WORDS.test(text);
  return WORDS.lastIndex;
}
