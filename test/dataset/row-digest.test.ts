import { expect, it } from 'vitest';
import { rowDigest } from '../../src/dataset/row-digest.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';

const row = (asked: string, answered: string, system?: string | null): DatasetRow => ({
  ...(system === undefined ? {} : { system }),
  conversations: [
    { role: 'user', content: asked },
    { role: 'assistant', content: answered },
  ],
});

it('is the same where the same is trained on: space around texts, key order, no system prompt or an empty one', () => {
  const digest = rowDigest(row('a', 'b'));
  expect(digest).toMatch(/^[0-9a-f]{32}$/);
  expect(rowDigest(row(' a\n', '\u00a0b', null))).toBe(digest);
  const turned = row('a', 'b').conversations.map(({ role, content }) => ({ content, role })) as never;
  expect(rowDigest({ conversations: turned, system: '' })).toBe(digest);
});

it('is another where anything else is: texts, letter case, the system prompt, where one text ends', () => {
  const others = [row('a', 'c'), row('A', 'b'), row('a', 'b', 'be kind'), row('ab', 'c'), row('a', 'bc'), row('', 'a')];
  const digests = [row('a', 'b'), ...others].map(rowDigest);
  expect(new Set(digests).size).toBe(digests.length);
});
