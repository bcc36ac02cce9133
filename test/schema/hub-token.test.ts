import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FlockOffError } from '../../src/errors/flock-off-error.ts';
import { parseHubToken } from '../../src/schema/hub-token.ts';

const SECRET = 'hf_SeCrEtSeCrEt';

test.each([
  ['as the Hub shows it', SECRET],
  ['with a line end', `${SECRET}\n`],
  ['with the line end of Windows', `${SECRET}\r\n`],
  ['with blanks around it', ` \t${SECRET}  `],
  ['with a no-break space behind it', `${SECRET}\u00a0`],
  ['from a file with a byte order mark', `\ufeff${SECRET}`],
])('a token %s is taken without white space', (_how, value) => {
  expect(parseHubToken({ token: value, setting: 'HF_TOKEN' })).toBe(SECRET);
});

test.each([
  ['an OAuth token', 'hf_oauth_eyJhbGciOiJFZERTQSJ9.eyJzY29wZSI6W119.c2lnbmF0dXJl_-'],
  ['an old organization token', 'api_org_abc'],
  ["a mirror's own", 'cmVmdGtuOjAxOjE3/+A=='],
])('%s is a token too', (_what, value) => {
  expect(parseHubToken({ token: value, setting: 'token' })).toBe(value);
});

test.each([undefined, null, '', '   ', '\n', '\ufeff'])('%j is no token', (value) => {
  expect(parseHubToken({ token: value, setting: 'HF_TOKEN' })).toBeUndefined();
});

describe('what cannot be a token is named in kind, and not shown', () => {
  test.each([
    ['double quotes', `"${SECRET}"`, 'holds a quotation mark at position 1'],
    ['single quotes', `'${SECRET}'`, 'holds a quotation mark at position 1'],
    ['typographic quotes', `\u201c${SECRET}\u201d`, 'holds a quotation mark at position 1'],
    ['a quotation mark at the end', `${SECRET}"`, 'holds a quotation mark at position 16'],
    ['two lines', `${SECRET}\n${SECRET}`, 'holds a line break at position 16'],
    ['two lines of Windows', `${SECRET}\r\n${SECRET}`, 'holds a line break at position 16'],
    ['a line separator', `${SECRET}\u2028x`, 'holds a line break at position 16'],
    ['two words', `  ${SECRET} x`, 'holds white space at position 18'],
    ['a no-break space', `${SECRET}\u00a0x`, 'holds white space at position 16'],
    ['a zero-width space', `${SECRET}\u200b`, 'holds an invisible character at position 16'],
    ['a byte order mark inside', `${SECRET}\ufeffx`, 'holds white space at position 16'],
    ['a NUL', `${SECRET}\0`, 'holds an invisible character at position 16'],
    ['a lone surrogate', `${SECRET}\ud800`, 'holds an invisible character at position 16'],
    ['the header', `Bearer ${SECRET}`, 'begins with the word "Bearer"'],
    ['the whole line', `HF_TOKEN=${SECRET}`, 'holds an equals sign at position 9'],
    ['a placeholder', `<${SECRET}>`, 'holds a punctuation mark at position 1'],
    ['a foreign letter', `${SECRET}\u00e9`, 'holds a character outside ASCII at position 16'],
    ['a file', SECRET.repeat(1000), 'has 15000 characters, where a token has at most 8192'],
    ['a number', 15 as unknown as string, 'is no text'],
  ])('%s', (_what, value, why) => {
    const error = thrownBy(value);
    expect(error).toMatchObject({ code: 'bad-argument', transient: false });
    expect(error.message).toMatch(/^HF_TOKEN /);
    expect(error.message).toContain(why);
    expect(shown(error)).not.toMatch(/SeCrEt/);
  });

  test('whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (noise) => {
        const error = thrownBy(`SeCrEt${noise}\u200bSeCrEt`);
        expect(error.message).toMatch(/at position \d+|Bearer/);
        expect(shown(error)).not.toContain('SeCrEt');
      }),
    );
  });
});

function thrownBy(value: string): FlockOffError {
  try {
    parseHubToken({ token: value, setting: 'HF_TOKEN' });
  } catch (error) {
    return error as FlockOffError;
  }
  throw new Error('it was taken');
}

function shown(error: FlockOffError): string {
  expect(error).toBeInstanceOf(FlockOffError);
  return `${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
}
