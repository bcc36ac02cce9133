import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { countTargets, tokenizeRow } from '../../../src/trainer/tokens/chat.ts';
import { loadTokenizer, type TextTokenizer } from '../../../src/trainer/tokens/tokenizer.ts';
import { golden, goldenJson, goldenRows, temporaryFolder } from '../golden/golden.ts';

let tokenizer: TextTokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer({ folder: golden('tiny-qwen2') });
});

describe('loadTokenizer', () => {
  it.each(goldenJson('tokenizer', 'cases.json').cases as { text: string; ids: number[] }[])(
    'encodes $text as Python does',
    ({ text, ids }) => {
      expect(tokenizer.encode(text)).toEqual(ids);
    },
  );

  it('says which file is missing', async () => {
    await expect(loadTokenizer({ folder: temporaryFolder() })).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('has no readable tokenizer.json'),
    });
  });
});

describe('tokenizeRow', () => {
  it.each(['train', 'eval', 'edge'] as const)(
    'gives the ids and labels of the original for every row of %s',
    (name) => {
      const { max_seq_length: contextTokens } = goldenJson('data', `${name}.tokens.json`);
      const rows = readFileSync(golden('data', `${name}.jsonl`), 'utf8')
        .trim()
        .split('\n');
      const truth = goldenRows(name);
      expect(rows).toHaveLength(truth.length);
      rows.forEach((line, i) => {
        const { inputIds, labels } = tokenizeRow(JSON.parse(line), tokenizer, contextTokens);
        expect({ inputIds: Array.from(inputIds), labels: Array.from(labels) }).toEqual(truth[i]);
      });
    },
  );

  it('leaves out a missing system prompt as it does a null one', () => {
    const conversations = [
      { role: 'user' as const, content: 'hi' },
      { role: 'assistant' as const, content: 'Yes.' },
    ];
    expect(tokenizeRow({ conversations }, tokenizer, 64)).toEqual(
      tokenizeRow({ system: null, conversations }, tokenizer, 64),
    );
  });
});

it('countTargets does not count the first token, which nothing predicts', () => {
  expect(countTargets({ inputIds: [1, 2, 3], labels: [1, -100, 3] })).toBe(1);
});
