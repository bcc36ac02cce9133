import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Qwen2Tokenizer } from '@huggingface/transformers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { TINY_BASE } from '../../../src/local/tiny-base.ts';
import { bytePairEncoder } from '../../../src/trainer/tokens/byte-pairs.ts';
import { textPieces } from '../../../src/trainer/tokens/text-pieces.ts';
import { loadTokenizer, type TextTokenizer } from '../../../src/trainer/tokens/tokenizer.ts';
import { golden } from '../golden/golden.ts';

// A real one can be named: the tokens of a larger vocabulary are longer.
const FOLDER = process.env.TOKENIZER ?? TINY_BASE;
let tokenizer: TextTokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer({ folder: FOLDER });
});

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

interface LongText {
  name: string;
  parts: [string, number][];
  tiny: { count: number; sha256: string };
  'qwen2.5': { count: number; sha256: string };
}
const LONG_TEXTS: LongText[] = JSON.parse(
  readFileSync(new URL('../../vectors/tokenizer/long-texts.json', import.meta.url), 'utf8'),
);

describe('a long text has the ids that Python gives it:', () => {
  let tiny: TextTokenizer;
  beforeAll(async () => {
    tiny = await loadTokenizer({ folder: golden('tiny-qwen2') });
  });

  it.each(LONG_TEXTS)('$name', (long) => {
    const text = long.parts.map(([part, times]) => part.repeat(times)).join('');
    const summary = (ids: number[]) => ({
      count: ids.length,
      sha256: createHash('sha256').update(ids.join(',')).digest('hex'),
    });
    expect(summary(tiny.encode(text))).toEqual(long.tiny);
    // The 151,665 tokens of Qwen2.5 are not in this repository.
    if (tokenizer.vocabSize === 151_665) expect(summary(tokenizer.encode(text))).toEqual(long['qwen2.5']);
  });
});

describe('the tokens of the pieces, put together,', () => {
  it('are the tokens of the whole, wherever the text is cut', async () => {
    const json = JSON.parse(await readFile(join(FOLDER, 'tokenizer.json'), 'utf8'));
    const addedTokens = json.added_tokens.map(({ content }: { content: string }) => content);
    const encodeWord = bytePairEncoder(json.model);
    const config = JSON.parse(await readFile(join(FOLDER, 'tokenizer_config.json'), 'utf8'));
    const theirs = new Qwen2Tokenizer(json, config);
    const kinds = { added: 0, text: 0, word: 0 };
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 20 }), (whole, pieceChars) => {
        const pieces = [...textPieces({ addedTokens, pieceChars })(whole)];
        for (const { kind } of pieces) kinds[kind]++;
        expect(
          pieces
            .map((piece) => piece.text)
            .join('')
            .normalize('NFD'),
        ).toBe(whole.normalize('NFD'));
        const ids = pieces.flatMap((piece) =>
          piece.kind === 'word' ? encodeWord(piece.text) : tokenizer.encode(piece.text),
        );
        expect(ids).toEqual(theirs.encode(whole, { add_special_tokens: false }));
        expect(tokenizer.encode(whole)).toEqual(ids);
      }),
      { numRuns: 2000, seed: 1 },
    );
    for (const count of Object.values(kinds)) expect(count).toBeGreaterThan(50);
  });

  it('are split as in the whole, whatever the vocabulary would make of it', () => {
    const words =
      /'(?:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/giu;
    const character = fc.constantFrom(
      ...[' ', '\u00a0', '\u0085', '\t', '\n', '\r', 'a', '\u0301', '7', "'", '!', 'ſ'],
    );
    fc.assert(
      fc.property(
        fc.string({ unit: character, maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        (whole, pieceChars) => {
          const pieces = [...textPieces({ addedTokens: [], pieceChars })(whole)];
          const normal = whole.normalize('NFC');
          expect(pieces.flatMap((piece) => piece.text.normalize('NFC').match(words))).toEqual(
            normal.match(words) ?? [],
          );
        },
      ),
      { numRuns: 5000, seed: 1 },
    );
  });

  it('are those of a shorter text up to the number that is asked for', () => {
    const long = 'The gradient of the loss, in words: 3 parts in 10.\n'.repeat(2000);
    expect(tokenizer.encode(long, 500)).toEqual(tokenizer.encode(long).slice(0, 500));
    expect(tokenizer.encode(long, 0)).toEqual([]);
    expect(tokenizer.encode('', 5)).toEqual([]);
    expect(tokenizer.encode('a'.repeat(9000), 5)).toEqual(tokenizer.encode('a'.repeat(9000)).slice(0, 5));
  });
});

describe('a text', () => {
  const pieces = (whole: string, addedTokens = ['<|im_end|>']) =>
    [...textPieces({ addedTokens })(whole)].map(({ kind, text }) => `${text.length} ${kind}`);

  it('of ordinary length is one piece', () => {
    expect(pieces('word '.repeat(800))).toEqual(['4000 text']);
  });

  it('is cut between two words before 4096 characters are full', () => {
    expect(pieces('words '.repeat(1000))).toEqual(['4091 text', '1909 text']);
  });

  it('keeps a longer word whole, and added tokens apart', () => {
    expect(pieces(`a ${'a'.repeat(5000)} ${'b'.repeat(5000)}<|im_end|>!`)).toEqual([
      '1 text',
      '5001 word',
      '5001 word',
      '10 added',
      '1 text',
    ]);
    expect(pieces('𝔄'.repeat(10_000))).toEqual(['20000 word']);
  });

  it('of which NFC would make an added token is not shown as that token', () => {
    const kelvins = '<\u212a>'.repeat(2000);
    expect(pieces(kelvins, ['<K>'])).toEqual(['6000 text']);
    expect([...textPieces({ addedTokens: ['<K>'] })(kelvins)]).toEqual([{ kind: 'text', text: kelvins }]);
  });

  it('may hold any added token, of several at one place the longest', () => {
    const texts = [...textPieces({ addedTokens: ['<|a', '<|a|>', '.*', ''] })(`<|a|>.*<|a${' x'.repeat(3000)}`)];
    expect(texts.slice(0, 3).map(({ text }) => text)).toEqual(['<|a|>', '.*', '<|a']);
  });

  it.each(['letters', 'punctuation', 'spaces', 'marks'])('of a million %s takes seconds', (what) => {
    const unit = { letters: 'ab', punctuation: '!?', spaces: ' ', marks: '\u0301\u0316' }[what]!;
    const startedMs = performance.now();
    expect(tokenizer.encode(`x${unit.repeat(1_000_000 / unit.length)}x`, 4096)).toHaveLength(4096);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
  });
});
