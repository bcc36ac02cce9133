import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TextCount, textOf } from '../../src/dataset/text-count.ts';
import { Competition } from '../../src/schema/competition.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';

const chat = (...contents: string[]): DatasetRow => ({
  conversations: contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
});

it.each<[string, DatasetRow, number, number]>([
  ['ASCII', chat('abcd', 'efgh'), 8, 2 + 10],
  ['a part of a token', chat('abcd', 'e'), 5, 2 + 10],
  ['two bytes a character', chat('éé', 'éé'), 4, 2 + 10],
  ['three bytes a character', chat('日本', '日本'), 4, 3 + 10],
  ['four bytes a character', chat('😀', '😀'), 2, 2 + 10],
  ['the last of one byte, the first of two and of three', chat('\u007f\u0080', '\u07ff\u0800'), 4, 2 + 10],
  ['halves of characters', chat('\ud83d', '\ude00'), 2, 2 + 10],
  [
    'halves in the wrong order, one before another and one before an end',
    chat('\ude00\ud83d', '\ud83d\ud83d'),
    4,
    3 + 10,
  ],
  ['the last high and the last low half', chat('\udbff\udfff', '\udbff\ue000'), 3, 3 + 10],
  ['a system prompt', { system: 'abcd', ...chat('a', 'b') }, 6, 2 + 15],
  ['no system prompt', { system: null, ...chat('a', 'b') }, 2, 1 + 10],
  ['an empty one', { system: '', ...chat('a', 'b') }, 2, 1 + 10],
])('counts %s', (_, row, codePoints, likelyTokens) => {
  expect(textOf(row)).toEqual({ codePoints, likelyTokens });
});

it('counts what iterating and encoding count', () => {
  const bounds = fc.constantFrom(0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000);
  const text = fc.array(fc.oneof(fc.nat(0xffff), bounds), { maxLength: 5 });
  fc.assert(
    fc.property(text, (units) => {
      const content = String.fromCharCode(...units).repeat(4);
      expect(textOf(chat(content))).toEqual({
        codePoints: [...content].length,
        likelyTokens: Math.ceil(Buffer.byteLength(content) / 4) + 5,
      });
    }),
  );
});

it('cuts each row, and warns where validators would refuse all of them', () => {
  const rows = [chat('a'.repeat(400), 'b'), chat('a', 'b')];
  const countOf = (maxTokens: number) => {
    const count = new TextCount(64);
    for (const row of rows) count.add(row);
    return count.facts(Competition.parse({ maxTokens, recipe: { contextTokens: 64 } }));
  };
  expect(countOf(75)).toEqual({ codePoints: 403, likelyTokens: 75, warnings: [] });
  expect(countOf(74).warnings).toEqual([
    'the rows have about 75 tokens, each cut to 64, and validators refuse more than 74 (too-many-tokens); shorten or leave out rows',
  ]);
});
