import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toNfc } from '../../../src/trainer/tokens/normal-form.ts';

/** Of many classes, some that are composed, taken apart (U+0344, U+0F73), or no combining marks at all (U+0903). */
const MARKS = [
  ...['\u0301', '\u0300', '\u0323', '\u0316', '\u0334', '\u0345', '\u0344', '\u0327', '\u05b0', '\u05bc', '\u3099'],
  ...[
    '\u0f71',
    '\u0f73',
    '\u0f75',
    '\u0f81',
    '\u0f72',
    '\u0903',
    '\u093c',
    '\u094d',
    '\u20dd',
    '\u{1d165}',
    '\u{1e8d0}',
  ],
];
const piece = fc.oneof(
  fc.constantFrom('a', 'é', 'ᾳ', 'の', ' ', '각', '\u1100', '\u1161', '\ud800', '\u0958'),
  fc.array(fc.constantFrom(...MARKS), { minLength: 50, maxLength: 200 }).map((marks) => marks.join('')),
);

it('is NFC, whatever marks follow each other', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (parts) => {
      const text = parts.join('');
      expect(toNfc(text)).toBe(text.normalize('NFC'));
    }),
    { numRuns: 500, seed: 1 },
  );
});

it('of every mark there is, in any order', () => {
  const marks: string[] = [];
  for (let code = 0; code < 0x1f000; code++)
    if (/\p{M}/u.test(String.fromCodePoint(code))) marks.push(String.fromCodePoint(code));
  expect(marks.length).toBeGreaterThan(2000);
  const backwards = `a${marks.toReversed().join('')}${marks.join('')}`;
  expect(toNfc(backwards)).toBe(backwards.normalize('NFC'));
});

it('takes a megabyte of marks above and below in seconds', () => {
  const startMs = performance.now();
  const text = toNfc(`a${'\u0301\u0316'.repeat(250_000)}`);
  expect(text).toBe(`\u00e1${'\u0316'.repeat(250_000)}${'\u0301'.repeat(249_999)}`);
  expect(performance.now() - startMs).toBeLessThan(10_000);
});
