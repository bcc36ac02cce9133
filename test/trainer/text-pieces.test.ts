import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { TINY_BASE } from '../../src/local/tiny-base.ts';
import { textPieces } from '../../src/trainer/text-pieces.ts';
import { loadTokenizer, type TextTokenizer } from '../../src/trainer/tokenizer.ts';

let tokenizer: TextTokenizer;
beforeAll(async () => {
  // A real one can be named: the pieces of a larger vocabulary are longer.
  tokenizer = await loadTokenizer({ folder: process.env.TOKENIZER ?? TINY_BASE });
});

const addedTokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];
/** What matches, compositions and added tokens are made of, more often than chance would have it. */
const TELLING = [
  ...[' ', '  ', '\n', '\r\n', '\t', '\u00a0', '\ufeff', "'s", "'LL", "'", '"', '.', '。', '—', '<', '|', '_', '>'],
  ...[
    'a',
    'the',
    ' of',
    'é',
    'e\u0301',
    '\u0301',
    '\u0300',
    'ก็',
    '각',
    '\u1100',
    '\u1161',
    '\u11a8',
    '漢字',
    '7',
    '½',
    'Ⅷ',
  ],
  ...[
    ' the',
    'and ',
    ' a',
    '\ufb1d',
    '\u212a',
    '\u037e',
    '\u2126',
    '\u200d',
    '\ud800',
    '\udc00',
    '👍🏽',
    '𝔄',
    '<|im_end|>',
    '<|im',
    'im_start|>',
  ],
];
const text = fc
  .array(fc.oneof(fc.constantFrom(...TELLING), fc.string({ unit: 'grapheme', maxLength: 3 })), { maxLength: 40 })
  .map((parts) => parts.join(''));

describe('the tokens of the pieces, put together,', () => {
  it('are the tokens of the whole, wherever the text is cut', () => {
    let cuts = 0;
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 20 }), (whole, pieceChars) => {
        const pieces = [...textPieces({ addedTokens, pieceChars, longestPieceChars: 1000 })(whole)];
        cuts += Math.max(0, pieces.length - 1);
        expect(pieces.join('')).toBe(whole);
        expect(pieces.flatMap((piece) => tokenizer.encode(piece))).toEqual(tokenizer.encode(whole));
      }),
      { numRuns: 2000, seed: 1 },
    );
    expect(cuts).toBeGreaterThan(500);
  });

  it('are those of a shorter text up to the number that is asked for', () => {
    const long = 'The gradient of the loss, in words: 3 parts in 10.\n'.repeat(2000);
    expect(tokenizer.encode(long, 500)).toEqual(tokenizer.encode(long).slice(0, 500));
    expect(tokenizer.encode(long, 0)).toEqual([]);
    expect(tokenizer.encode('', 5)).toEqual([]);
  });
});

describe('a text', () => {
  const pieces = (whole: string) => [...textPieces({ addedTokens })(whole)].map(({ length }) => length);

  it('of ordinary length is one piece', () => {
    expect(pieces('word '.repeat(800))).toEqual([4000]);
  });

  it('is cut in front of the first space after 4096 characters', () => {
    expect(pieces(`${'a'.repeat(5000)} ${'b'.repeat(5000)}`)).toEqual([5000, 5001]);
  });

  it('without a break is cut after 16,384 characters, between two characters', () => {
    expect(pieces('a'.repeat(40_000))).toEqual([16_384, 16_384, 7232]);
    expect(pieces(`a${'𝔄'.repeat(10_000)}`)).toEqual([16_383, 3618]);
  });

  it.each(['letters', 'punctuation', 'spaces'])('of a million %s costs no more than its beginning', (what) => {
    const unit = { letters: 'ab', punctuation: '!?', spaces: ' ' }[what]!;
    const startedMs = performance.now();
    expect(tokenizer.encode(`x${unit.repeat(1_000_000 / unit.length)}x`, 4096)).toHaveLength(4096);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
