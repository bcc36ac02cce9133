import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { CONFUSABLES } from '../../../src/dataset/fingerprint/confusables.ts';
import { fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { FINGERPRINT_VERSION } from '../../../src/dataset/fingerprint/format.ts';
import { normalForm } from '../../../src/dataset/fingerprint/normal-form.ts';
import { sampleDatasets } from '../../../src/local/sample-datasets.ts';
import type { DatasetRow } from '../../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { chat, letters } from './rows.ts';

/** Texts with everything that the normal form looks at. */
const TEXTS = [
  'Why is the sky blue? Because the air scatters short waves more than long ones, which is called Rayleigh scattering.',
  'CAFÉ cafe\u0301 ｗｉｄｅ １２ 𝐛𝐨𝐥𝐝 ᴛʜɪs раураl Ноst h3ll0 w0rld heIlo rnodern mp3 mp4 w\u200bo\u2060rd',
  '<b class="x">b&#111;ld</b>&nbsp;w&amp;rd &#x41; &lt;p&gt; <|im_end|> [INST] <<SYS>> 3 < 4 and 5 > 2',
  '- **one**\n* _two_\n1. first (2) second\n(2) second\n#3: third\n[4] fourth\n  > 5) fifth',
  'x + y = 1,000 * 2.5 / 3 - 7 % 2 ^ 8; 3 \u2212 5, 1 2 3, 4\u20445, 12:30, (1 + 2) * [3 - 4], -1 != +1 !',
  'say h-e-l-l-o, s a y h e l l o, t+h+i+s i+s t+h+e e+n+d t+h+i+s i+s t+h+e e+n+d',
  'Das Wetter ist schön; 日本語の文章です。 한국어 문장입니다. Это предложение по-русски. هذه جملة عربية ٣٧ हिन्दी वाक्य',
  '㌀ ﷺ ½ Ⅷ ﬁne \u2028 end \u{1d7d8}\u{1d7ff} \ud83d\ude00 \ud83d',
];

const rowsOf = (text: string): DatasetRow[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const sample = sampleDatasets({ seed: 1 });

/**
 * Fingerprints are stored and passed on between validators, so the same rows must have the same fingerprint as long as
 * the version is the same. Whoever changes one of these raises {@link FINGERPRINT_VERSION}, once a version was released.
 */
it.each<[string, () => DatasetRow[], string]>([
  ['none', () => [], 'b7c94cbb21401ad3'],
  [
    'twenty numbers',
    () => [chat('Count', Array.from({ length: 20 }, (_, i) => `${i * i} is ${i} squared`).join(', '))],
    '571ebdf3123c155f',
  ],
  [
    'chats of several turns, some the same',
    () => [1, 2, 3, 1, 2].map((i) => chat(...TEXTS.slice(i), ...TEXTS.slice(0, i))),
    '7afeefee27df0554',
  ],
  [
    'every text with a short answer',
    () => TEXTS.flatMap((text) => ['Yes', '12', '-12', '!', '\ud83d\ude00'].map((b) => chat(text, b))),
    '8ca0026a902f774b',
  ],
  [
    'every text as a question and as an answer',
    () => TEXTS.flatMap((a) => TEXTS.map((b) => chat(a, b))),
    '36fd403d3f8d6d97',
  ],
  [
    'long and very long answers',
    () => [40, 200, 1_000, 5_000, 80_000].map((length, i) => chat(letters(30, i), letters(length, i + 9))),
    'd1bf6c03f019e678',
  ],
  ['a sample dataset of short answers', () => rowsOf(sample.mediocre), '3759ef6251c1d63f'],
  ['a sample dataset', () => rowsOf(sample.good), '5bad4bf02f588093'],
])('version 4 has one fingerprint of %s', (_, rows, expected) => {
  expect(FINGERPRINT_VERSION).toBe(4);
  expect(createHash('sha256').update(fingerprintRows(rows())).digest('hex').slice(0, 16)).toBe(expected);
});

it.each([
  [1, '5d105a8be9d9b1e7'],
  [2, '37cf373432778ce5'],
  [3, '6285694b00a9dd94'],
  [4, 'aac791fc60c49c35'],
  [5, 'eee30c29780d37f0'],
  [6, '606ec2832de795ec'],
])('version 3 reads formulas, spelled words and punctuation of seed %i the same', (seed, expected) => {
  const random = new MersenneTwister(seed);
  const parts = [...'abxyz', ...'-+*.,:;!%<=()', ...'0123', ...'  ', 'word', ' - ', '1,000', '-5', '\n', '?', '中'];
  const oneOf = (some: readonly string[]) => some[Math.floor(some.length * random.nextUniform())]!;
  const hash = createHash('sha256');
  for (let i = 0; i < 150; i++) {
    // Few different ones: that is how words are spelled, and numbers written.
    const some = Array.from({ length: 2 + (i % 6) }, () => oneOf(parts));
    const text = Array.from({ length: 2 + (i % 40) }, () => oneOf(some)).join('');
    for (const asWritten of [false, true]) hash.update(`${normalForm(text, { asWritten }).join()};`);
  }
  expect(hash.digest('hex').slice(0, 16)).toBe(expected);
});

it.each([
  [1, '3dff39293fe78f8e'],
  [2, '2f579ff75c0608cb'],
  [3, 'b33f0d0d2d29f4c0'],
])('version 3 reads texts that are spelled letter by letter, of seed %i, the same', (seed, expected) => {
  const random = new MersenneTwister(seed);
  const oneOf = (some: readonly string[]) => some[Math.floor(some.length * random.nextUniform())]!;
  const hash = createHash('sha256');
  for (let i = 0; i < 80; i++) {
    const signs = Array.from({ length: 1 + (i % 3) }, () =>
      oneOf(['-', '+', ' * ', '.', ' ', '-  -', '   -      ', ')', '-(']),
    );
    const spelled = Array.from({ length: 6 + (i % 30) }, () => oneOf([...'abcxyz', ...'xyz', '7']) + oneOf(signs));
    const words = Array.from({ length: i % 7 }, () => oneOf(['word', 'and so on', 'x - y']));
    hash.update(`${normalForm(`${spelled.join('')} ${words.join(' ')}`).join()};`);
  }
  expect(hash.digest('hex').slice(0, 16)).toBe(expected);
});

it('version 3 takes the same look-alikes for the same letters', () => {
  const table = [...CONFUSABLES].map(([point, like]) => `${String.fromCodePoint(point)} ${like}`).join('\n');
  expect(CONFUSABLES.size).toBe(538);
  expect(createHash('sha256').update(table).digest('hex').slice(0, 16)).toBe('ab5cc4539e1bd549');
});
