import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stripAsPython } from '../../src/shared/strip-as-python.ts';

const read = (path: string) => JSON.parse(readFileSync(new URL(`../vectors/${path}`, import.meta.url), 'utf8'));

describe('stripAsPython', () => {
  it.each(read('golden/tokenizer/cases.json').strip_cases as { text: string; stripped: string }[])(
    'strips $text as Python does',
    ({ text, stripped }) => {
      expect(stripAsPython(text)).toBe(stripped);
    },
  );

  it('takes exactly the characters away that Python takes away', () => {
    const stripped: number[] = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code);
      if (stripAsPython(`${character}a`) === 'a' && stripAsPython(`a${character}`) === 'a') stripped.push(code);
    }
    expect(stripped).toEqual(read('tokenizer/white-space.json'));
  });

  it('takes no longer for much white space', () => {
    expect(stripAsPython(`${' '.repeat(2_000_000)}a b${'\u0085'.repeat(2_000_000)}`)).toBe('a b');
  });
});
