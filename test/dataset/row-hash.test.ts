import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowHash } from '../../src/dataset/row-hash.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';

const row = (user: string, assistant: string, system?: string | null): DatasetRow => ({
  ...(system === undefined ? {} : { system }),
  conversations: [
    { role: 'user', content: user },
    { role: 'assistant', content: assistant },
  ],
});
const plain = rowHash(row('Why is the sky blue?', 'Rayleigh scattering.'));

describe('rowHash', () => {
  it('is 32 hex digits', () => {
    expect(plain).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([
    ['one extra space', row('Why is  the sky blue?', 'Rayleigh scattering.')],
    ['white space around', row('  Why is the sky blue?\n', '\tRayleigh scattering. ')],
    ['a space before punctuation', row('Why is the sky blue ?', 'Rayleigh scattering .')],
    ['words run together', row('Why is thesky blue?', 'Rayleigh scattering.')],
    ['blank Braille', row('Why is the sky blue?\u2800', 'Rayleigh\u2800 scattering.')],
    ['newlines and tabs for spaces', row('Why\nis\tthe\r\nsky blue?', 'Rayleigh\u00a0scattering.')],
    ['letter case', row('why is the SKY blue?', 'RAYLEIGH scattering.')],
    ['zero-width characters', row('Why is the s\u200bky blue?', 'Ray\u2060leigh\ufeff scattering.')],
    ['a soft hyphen', row('Why is the sky blue?', 'Ray\u00adleigh scattering.')],
    ['a variation selector', row('Why is the sky\ufe0f blue?', 'Rayleigh scattering.')],
    ['a combining grapheme joiner', row('Why is the s\u034fky blue?', 'Rayleigh scattering.')],
    ['a Hangul filler', row('Why is the sky\u3164 blue?', 'Rayleigh scattering.')],
    ['full-width letters', row('Ｗｈｙ is the sky blue？', 'Rayleigh scattering.')],
    ['control characters', row('Why is the sky\u0001 blue?', 'Ray\0leigh scattering.')],
    ['a null system', row('Why is the sky blue?', 'Rayleigh scattering.', null)],
    ['a blank system', row('Why is the sky blue?', 'Rayleigh scattering.', ' ')],
    ['another system prompt', row('Why is the sky blue?', 'Rayleigh scattering.', 'Be brief.')],
  ])('defect 5: is the same in spite of %s', (_, copy) => {
    expect(rowHash(copy)).toBe(plain);
  });

  it('defect 5: is the same in spite of another key order', () => {
    const copy = JSON.parse(
      '{"conversations":[{"content":"Why is the sky blue?","role":"user"},{"content":"Rayleigh scattering.","role":"assistant"}],"system":null}',
    );
    expect(rowHash(copy)).toBe(plain);
  });

  it('is the same for composed and decomposed letters, also with something invisible between', () => {
    const composed = rowHash(row('café', 'b'));
    expect(rowHash(row('cafe\u0301', 'b'))).toBe(composed);
    expect(rowHash(row('cafe\u200b\u0301', 'b'))).toBe(composed);
  });

  it.each([
    ['another answer', row('Why is the sky blue?', 'Rayleigh scattering!')],
    ['turns exchanged', row('Rayleigh scattering.', 'Why is the sky blue?')],
    ['text moved over the turn', row('Why is the sky', 'blue? Rayleigh scattering.')],
    ['accents dropped', row('Why is the sky blué?', 'Rayleigh scattering.')],
  ])('differs for %s', (_, other) => {
    expect(rowHash(other)).not.toBe(plain);
  });

  it('differs when turns are repeated, and for content that imitates the encoding', () => {
    const once = row('a', 'b');
    expect(rowHash({ conversations: [...once.conversations, ...once.conversations] })).not.toBe(rowHash(once));
    expect(rowHash(row('a","b', 'c'))).not.toBe(rowHash(row('a', 'b","c')));
  });

  it('does not change when the visible text is written again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (user, assistant) => {
        const hash = rowHash(row(user, assistant));
        expect(rowHash(row(` ${user}\n`, `${assistant}\u200b`))).toBe(hash);
        expect(rowHash(row(user.normalize('NFD'), assistant.normalize('NFC')))).toBe(hash);
      }),
    );
  });
});
