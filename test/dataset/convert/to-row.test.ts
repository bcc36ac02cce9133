import { describe, expect, it } from 'vitest';
import { toRow } from '../../../src/dataset/convert/to-row.ts';

const chat = (...contents: string[]) =>
  contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
const conversations = chat('Why?', 'So.');
const human = { from: 'human', value: 'Why?' };
const gpt = { from: 'gpt', value: 'So.' };

describe('toRow', () => {
  it.each<[string, unknown, object]>([
    ['a row', { conversations, id: 7 }, { conversations }],
    ['ShareGPT', { conversations: [human, gpt] }, { conversations }],
    [
      'ShareGPT with a system turn',
      { conversations: [{ from: 'system', value: 'Be brief.' }, human, gpt] },
      { system: 'Be brief.', conversations },
    ],
    ['OpenAI messages', { messages: conversations }, { conversations }],
    [
      'a developer message, and contents in parts',
      {
        messages: [
          { role: 'developer', content: 'Be brief.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Why' },
              { type: 'text', text: '?' },
            ],
          },
          { role: 'assistant', content: 'So.' },
        ],
      },
      { system: 'Be brief.', conversations },
    ],
    [
      'Gemini contents',
      {
        contents: [
          { role: 'user', parts: [{ text: 'Why?' }] },
          { role: 'model', parts: [{ text: 'So.' }] },
        ],
      },
      { conversations },
    ],
    ['Alpaca', { instruction: 'Why?', input: '', output: 'So.' }, { conversations }],
    [
      'Alpaca with an input, a system prompt and a history',
      { instruction: 'And', input: 'now?', output: 'No.', system: 'Be brief.', history: [['Why?', 'So.']] },
      { system: 'Be brief.', conversations: chat('Why?', 'So.', 'And\n\nnow?', 'No.') },
    ],
    ['Dolly', { instruction: 'Why?', context: '', response: 'So.', category: 'x' }, { conversations }],
    ['prompt and completion', { prompt: 'Why?', completion: 'So.' }, { conversations }],
    ['numbers', { question: 7, answer: 9 }, { conversations: chat('7', '9') }],
    ['the better answer of a pair', { prompt: 'Why?', chosen: 'So.', rejected: 'No.' }, { conversations }],
    ['the better chat of a pair', { prompt: 'Why?', chosen: conversations, rejected: [] }, { conversations }],
    ['a list of turns', [human, gpt], { conversations }],
    ['a row encoded twice', JSON.stringify({ conversations }), { conversations }],
    ['a chat as a string', { conversations: JSON.stringify([human, gpt]) }, { conversations }],
    ['a blank system prompt', { system: ' ', conversations }, { conversations }],
  ])('makes a row of %s', (_, record, row) => {
    expect(toRow(record)).toEqual({ row });
  });

  it.each<[string, unknown, string | RegExp]>([
    ['a chat without an answer', { messages: chat('Why?') }, /at least one user turn and one assistant turn/],
    ['a chat that ends with the user', { messages: chat('a', 'b', 'c') }, /the last turn must be the assistant's/],
    ['a chat that the assistant begins', { conversations: [gpt, human] }, /0\.role: expected user, saw assistant/],
    ['a tool', { messages: [...conversations, { role: 'tool', content: '7' }, gpt] }, /conversations\.2\.role/],
    ['a call of a tool', { messages: [human, { role: 'assistant', content: null, tool_calls: [{}] }] }, /1\.content/],
    [
      'a picture',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: 'x' }] }, gpt] },
      /0\.content: Invalid input: expected string, received array/,
    ],
    ['a second system turn', { messages: [human, { from: 'system', value: 'x' }, gpt] }, /^a system turn within/],
    ['an empty answer', { instruction: 'Why?', output: ' ' }, /1\.content: content is empty/],
    ['a question alone', { instruction: 'Why?', input: '' }, /among its keys \("instruction", "input"\)$/],
    ['plain text', { text: 'Once upon a time' }, /^plain text under "text"; make chats of it/],
    ['null', null, 'expected an object, saw null'],
    ['a number', 7, 'expected an object, saw number'],
  ])('says why %s is none', (_, record, problem) => {
    const converted = toRow(record);
    expect(converted.row).toBeUndefined();
    expect(converted.problem).toMatch(problem);
  });
});
