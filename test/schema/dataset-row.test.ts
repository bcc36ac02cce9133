import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatasetSchema } from '../../src/schema/dataset-row.ts';

const user = { role: 'user', content: 'Why is the sky blue?' };
const assistant = { role: 'assistant', content: 'Rayleigh scattering.' };

/** The first problem as `path: message`, or null for a row. */
function problemOf(value: unknown): string | null {
  const parsed = DatasetSchema.safeParse(value);
  const issue = parsed.error?.issues[0];
  return issue ? `${issue.path.join('.')}: ${issue.message}` : null;
}

describe('DatasetSchema', () => {
  it('defect 9: takes rows without system, with a null system and with a text', () => {
    const conversations = [user, assistant];
    expect(DatasetSchema.parse({ conversations })).toEqual({ conversations });
    expect(DatasetSchema.parse({ system: null, conversations })).toEqual({ system: null, conversations });
    expect(DatasetSchema.parse({ system: 'Be brief.', conversations })).toEqual({ system: 'Be brief.', conversations });
    expect(DatasetSchema.parse({ system: '', conversations })).toEqual({ system: '', conversations });
  });

  it('takes content for empty exactly where the trainer would have no words of it', () => {
    const said = (content: string) => problemOf({ conversations: [user, { ...assistant, content }] });
    const empty = 'conversations.1.content: content is empty';
    for (const content of ['', ' ', '\u001c', '\u001d\u001e\u001f', '\u0085', '\u00a0\n', '\u2003\u2028', '\u3000'])
      expect(said(content), JSON.stringify(content)).toBe(empty);
    for (const content of ['\ufeff', '\u200b', '\u180e', '\u001b', '\u0000', '.'])
      expect(said(content), JSON.stringify(content)).toBeNull();
  });

  it('takes several turns that alternate', () => {
    expect(problemOf({ conversations: [user, assistant, user, assistant, user, assistant] })).toBeNull();
  });

  it.each([
    ['no object', 'text', ': Invalid input: expected object, received string'],
    ['null', null, ': Invalid input: expected object, received null'],
    ['a list', [], ': Invalid input: expected object, received array'],
    [
      'a numeric system',
      { system: 1, conversations: [user, assistant] },
      'system: Invalid input: expected string, received number',
    ],
    ['no conversations', { system: 'x' }, 'conversations: Invalid input: expected array, received undefined'],
    [
      'conversations that are no list',
      { conversations: { 0: user, 1: assistant } },
      'conversations: Invalid input: expected array, received object',
    ],
    [
      'an empty list',
      { conversations: [] },
      'conversations: conversations needs at least one user turn and one assistant turn',
    ],
    [
      'a single turn',
      { conversations: [user] },
      'conversations: conversations needs at least one user turn and one assistant turn',
    ],
    [
      'a start with the assistant',
      { conversations: [assistant, user] },
      'conversations.0.role: expected user, saw assistant: turns alternate, starting with user',
    ],
    [
      'two user turns in a row',
      { conversations: [user, user] },
      'conversations.1.role: expected assistant, saw user: turns alternate, starting with user',
    ],
    [
      'an end with the user',
      { conversations: [user, assistant, user] },
      "conversations.2: the last turn must be the assistant's",
    ],
    [
      'another role',
      { conversations: [{ ...user, role: 'system' }, assistant] },
      'conversations.0.role: Invalid option: expected one of "user"|"assistant"',
    ],
    [
      'an upper-case role',
      { conversations: [user, { ...assistant, role: 'Assistant' }] },
      'conversations.1.role: Invalid option: expected one of "user"|"assistant"',
    ],
    [
      'a turn without content',
      { conversations: [{ role: 'user' }, assistant] },
      'conversations.0.content: Invalid input: expected string, received undefined',
    ],
    [
      'content that is no text',
      { conversations: [user, { role: 'assistant', content: ['a'] }] },
      'conversations.1.content: Invalid input: expected string, received array',
    ],
    [
      'empty content',
      { conversations: [user, { role: 'assistant', content: '' }] },
      'conversations.1.content: content is empty',
    ],
    [
      'blank content',
      { conversations: [{ role: 'user', content: ' \n\t\u00a0' }, assistant] },
      'conversations.0.content: content is empty',
    ],
    [
      'a turn that is null',
      { conversations: [null, assistant] },
      'conversations.0: Invalid input: expected object, received null',
    ],
  ])('refuses %s and says where', (_, value, problem) => {
    expect(problemOf(value)).toBe(problem);
  });

  it('drops unknown keys, `__proto__` and `constructor` among them, and changes no prototype', () => {
    const row = DatasetSchema.parse(
      JSON.parse(
        `{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "id": 7, "conversations": [
          {"__proto__": {"role": "user"}, "role": "user", "content": "a"}, {"role": "assistant", "content": "b", "n": 1}]}`,
      ),
    );
    expect(Object.keys(row)).toEqual(['conversations']);
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(row.conversations.map((turn) => Object.keys(turn))).toEqual([
      ['role', 'content'],
      ['role', 'content'],
    ]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('does not take content from a prototype in the data', () => {
    const inherited = JSON.parse('{"conversations": [{"role": "user", "__proto__": {"content": "a"}}, {}]}');
    expect(problemOf(inherited)).toBe('conversations.0.content: Invalid input: expected string, received undefined');
  });

  it('never throws, whatever the JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(typeof DatasetSchema.safeParse(value).success).toBe('boolean');
        expect(typeof DatasetSchema.safeParse({ conversations: value }).success).toBe('boolean');
      }),
      { numRuns: 300 },
    );
  });
});
