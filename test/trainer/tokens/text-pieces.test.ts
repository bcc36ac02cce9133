import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Qwen2Tokenizer } from '@huggingface/transformers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { TINY_BASE } from '../../../src/local/tiny-base.ts';
import { textPieces } from '../../../src/trainer/tokens/text-pieces.ts';
import { loadTokenizer, type TextTokenizer } from '../../../src/trainer/tokens/tokenizer.ts';
import { golden, temporaryFolder } from '../golden/golden.ts';

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

async function packageTokenizer(folder: string): Promise<Qwen2Tokenizer> {
  const [json, config] = await Promise.all(
    ['tokenizer.json', 'tokenizer_config.json'].map(async (file) =>
      JSON.parse(await readFile(join(folder, file), 'utf8')),
    ),
  );
  return new Qwen2Tokenizer(json, config);
}

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
  it('are those that the package gives the whole', async () => {
    const json = JSON.parse(await readFile(join(FOLDER, 'tokenizer.json'), 'utf8'));
    const pieces = textPieces(json.added_tokens.map(({ content }: { content: string }) => content));
    const theirs = await packageTokenizer(FOLDER);
    const kinds = { added: 0, word: 0 };
    fc.assert(
      fc.property(text, (whole) => {
        for (const { kind } of pieces(whole)) kinds[kind]++;
        expect(tokenizer.encode(whole)).toEqual(theirs.encode(whole, { add_special_tokens: false }));
      }),
      { numRuns: 2000, seed: 1 },
    );
    for (const count of Object.values(kinds)) expect(count).toBeGreaterThan(50);
  });

  it('are those of Python where only NFC would make an added token of a text', async () => {
    const folder = temporaryFolder();
    const json = JSON.parse(await readFile(join(TINY_BASE, 'tokenizer.json'), 'utf8'));
    json.added_tokens.push({ ...json.added_tokens[0], id: 1024, content: '<K>' });
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
    await cp(join(TINY_BASE, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
    const { encode } = await loadTokenizer({ folder });
    // Of tokenizers 0.23.3.
    expect(encode('a <\u212a><K> <\u212a>')).toEqual([64, 220, 27, 42, 29, 1024, 220, 27, 42, 29]);
  });

  it("are those of the package where the pipeline is another than Qwen's", async () => {
    const folder = temporaryFolder();
    const json = JSON.parse(await readFile(join(TINY_BASE, 'tokenizer.json'), 'utf8'));
    json.normalizer = { type: 'Lowercase' };
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
    await cp(join(TINY_BASE, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
    const [ours, theirs] = [await loadTokenizer({ folder }), await packageTokenizer(folder)];
    const whole = 'The Gradient of the LOSS<|im_end|>';
    expect(ours.encode(whole)).toEqual(theirs.encode(whole, { add_special_tokens: false }));
    expect(ours.encode(whole)).not.toEqual(tokenizer.encode(whole));
    expect(ours.encode(whole, 3)).toEqual(ours.encode(whole).slice(0, 3));
  });

  it('are words as they are in the whole, whatever the vocabulary would make of it', () => {
    const words =
      /'(?:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/giu;
    const character = fc.constantFrom(
      ...[' ', '\u00a0', '\u0085', '\t', '\n', '\r', 'a', '\u0301', '7', "'", '!', 'ſ'],
    );
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 30 }), (whole) => {
        const pieces = [...textPieces([])(whole)].map((piece) => piece.text);
        expect(pieces).toEqual(whole.normalize('NFC').match(words) ?? []);
      }),
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
    [...textPieces(addedTokens)(whole)].map(({ kind, text }) => `${text} ${kind}`);

  it('is cut around added tokens and between words', () => {
    expect(pieces("It's done<|im_end|>\n")).toEqual([
      'It word',
      "'s word",
      ' done word',
      '<|im_end|> added',
      '\n word',
    ]);
    expect(pieces('')).toEqual([]);
  });

  it('may hold any added token, of several at one place the longest', () => {
    expect(pieces('<|a|>.*<|a x', ['<|a', '<|a|>', '.*', ''])).toEqual([
      ...['<|a|> added', '.* added', '<|a added', ' x word'],
    ]);
  });

  it.each(['letters', 'punctuation', 'spaces', 'marks'])('of a million %s takes seconds', (what) => {
    const unit = { letters: 'ab', punctuation: '!?', spaces: ' ', marks: '\u0301\u0316' }[what]!;
    const startedMs = performance.now();
    expect(tokenizer.encode(`x${unit.repeat(1_000_000 / unit.length)}x`, 4096)).toHaveLength(4096);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
  });
});
