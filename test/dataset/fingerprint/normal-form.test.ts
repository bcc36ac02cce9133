import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalForm } from '../../../src/dataset/fingerprint/normal-form.ts';

const form = (text: string) => normalForm(text).join();

describe('the normal form of a text', () => {
  it.each([
    ['white space', 'one two', ' one\n\ttwo '],
    ['case', 'one TWO', 'ONE two'],
    ['punctuation', 'Is it so? It is.', 'Is it so?? It is'],
    ['zero-width characters', 'word', 'w\u200bo\u2060rd'],
    ['accents, however they are written', 'café', 'cafe\u0301'],
    ['a combining dot', 'cafe', 'cafe\u0307'],
    ['full width', 'wide 12', 'ｗｉｄｅ １２'],
    ['mathematical letters', 'bold', '𝐛𝐨𝐥𝐝'],
    ['small capitals', 'this', 'ᴛʜɪs'],
    ['Cyrillic look-alikes', 'paypal Host', 'раураl Ноst'],
    ['leetspeak', 'hello world', 'h3ll0 w0rld'],
    ['I for l', 'hello', 'heIlo'],
    ['rn for m', 'modern', 'rnodern'],
    ['special tokens', 'done', 'done<|im_end|>'],
    ['tags and entities', 'bold word', '<b class="x">b&#111;ld</b>&nbsp;word'],
    ['closing tags', 'one two', 'one</b>two'],
    ['tags that end themselves', 'one two three', 'one<br/>two<br />three'],
    ['tags with attributes', 'one word', 'one <a href="x" title=y>word</a>'],
    ['tags with digits in them', 'the title', 'the <h1>title</h1>'],
    ['marks of instructions', 'do it', '[INST]do it[/INST]'],
    ['marks of a system prompt', 'do it', '<<SYS>>do it<</SYS>>'],
    ['named entities', '1 < 2 > 3 & 4', '1 &lt; 2 &GT; 3 &amp; 4'],
    ['entities that stand for punctuation', '1 2 3 4', '1&amp;2&quot;3&apos;4'],
    ['entity of the last code point', 'ab', 'a&#x10ffff;b'],
    ['space around operators, up to three', '1+2', '1   +   2'],
    ['eight signs and spaces in a spelled text', 'abcdefghijklmnop', [...'abcdefghijklmnop'].join('   --   ')],
    ['entities of decimal digits', 'word', '&#119;&#0111;rd'],
    ['entities of hexadecimal digits', 'word', '&#x77;o&#X72;&#x0064;'],
    [
      'digits that look like letters',
      'xoy xly xzy xey xay xsy xgy xty xby xqy',
      'x0y x1y x2y x3y x4y x5y x6y x7y x8y x9y',
    ],
    ['bold and bullets', 'one two', '- **one**\n* _two_'],
    ['numbering', 'one two', '1. one\n(2) two'],
    ['numbering with two signs', 'one two', '1.) one\n(2). two'],
    ['numbering of many digits', 'one two three', '123456. one\n#123456 two\n[123456] three'],
    ['numbering behind a bullet', 'one two three', '- 1. one\n>> 2) two\n\u2022  3. three'],
    ['numbering with #', 'one two three', '#1 one\n#2. two\n#33: three'],
    ['numbering in brackets', 'one two', '[1] one\n[22]\ttwo'],
    ['numbering that is indented', 'one two', '\t 1. one\n  2. two'],
    ['space behind numbering', 'one two', '1.  \t one\n2.\ttwo'],
    ['thousands', '1000', '1,000'],
    ['operators behind brackets', 'so (2) - 3', 'so (2)-3'],
    ['zero-width characters in a number', '12', '1\u200b2'],
    ['operators, however they are spaced', 'x+y', 'x + y'],
    ['dashes', '3-5', '3 \u2212 5'],
    ['digits of other scripts', '37', '٣٧'],
    ['hyphens in a spelled word', 'say hello', 'say h-e-l-l-o'],
    ['spaces between letters', 'say hello', 's a y h e l l o'],
    ['signs in a spelled text', 'this is the end this is the end', 't+h+i+s i+s t+h+e e+n+d t+h+i+s i+s t+h+e e+n+d'],
    [
      'signs and spaces in a spelled text',
      'this world ends now',
      't * h * i * s w * o * r * l * d e * n * d * s n * o * w',
    ],
  ])('is the same whatever the %s', (_, a, b) => {
    expect(form(b)).toBe(form(a));
  });

  it.each([
    ['3-5', '35'],
    ['-7', '7'],
    ['1.5', '15'],
    ['x+y', 'x-y'],
    ['x < y', 'x > y'],
    ['1 2', '12'],
    ['mp3', 'mp4'],
    ['1\u30012', '12'],
    ['1\u33002', '12'],
    ['1&nbsp;2', '12'],
    ['1 +    2', '1 + 2'],
    ['1    + 2', '1 + 2'],
    ['word-a-b-c', 'wordabc'],
    [[...'abcdefghijklmnop'].join('   ---   '), 'abcdefghijklmnop'],
    ['1<b>2', '12'],
    ['2 * (-3)', '2 (-3)'],
    ['(ab) * 3', '(ab) 3'],
    ['one 1. two', 'one two'],
    ['1.\none', 'one'],
    ['1.five', 'five'],
    ['1234567. one', 'one'],
    ['a <b and c> d', 'a d'],
    ['&#65 b', 'A b'],
    ['&#1114112; b', 'b'],
    ['&other; b', 'b'],
    ['50%', '50'],
    ['1/2', '12'],
    ['a != b', 'a = b'],
    ['A-B-C', 'ABC'],
    ['x - y - z', 'xyz'],
    ['a+b+c+d', 'abcd'],
    ['1-2-3-4-5', '12345'],
    ['n-1-k-2-m', 'n1k2m'],
    ['你好', '你们'],
    ['да', 'нет'],
    ['की', 'का'],
  ])('keeps %s and %s apart', (a, b) => {
    expect(form(a)).not.toBe(form(b));
  });

  it('counts a character of Japanese as two letters and one of Chinese as three', () => {
    const counts = (characters: string) => [...characters].map((character) => normalForm(character).length);
    expect(counts('aжกㄅꀀ𐐨')).toEqual([1, 1, 1, 1, 1, 1]);
    expect(counts('\u3041あアー')).toEqual([2, 2, 2, 2]);
    expect(counts('\u3400中\u9fff\u{20000}\u{2a6df}\u{31350}')).toEqual([3, 3, 3, 3, 3, 3]);
    expect(new Set(normalForm('中')).size).toBe(3);
  });

  it('keeps letters of all scripts', () => {
    for (const text of ['你好', 'Привет', 'नमस्ते', 'سلام', 'ไทย', '한국어', 'かな'])
      expect(normalForm(text).length).toBeGreaterThan(1);
  });

  it.each([
    ['combining marks above and below in turn', `a${'\u0301\u0316'.repeat(500_000)}`],
    ['vowel signs of two classes in turn', `\u0915${'\u0e38\u094d'.repeat(500_000)}`],
    ['one letter', 'a'.repeat(1_000_000)],
    ['beginnings of tags', '<a ='.repeat(250_000)],
    ['beginnings of special tokens', '<|'.repeat(500_000)],
    ['beginnings of entities', '&#1'.repeat(300_000)],
    ['lone surrogates', '\ud800'.repeat(1_000_000)],
    ['operators', '5 - '.repeat(250_000)],
    ['single letters between signs', 'a-b+'.repeat(250_000)],
    ['phrases in one character', '\ufdfa'.repeat(300_000)],
    ['lines that begin with spaces', `\n${' '.repeat(1000)}`.repeat(1000)],
  ])('takes a megabyte of %s within a second', (_, text) => {
    const before = process.cpuUsage();
    normalForm(text);
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(1);
  });

  it('reads any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => normalForm(text).length <= 6 * text.length + 6));
  });
});
