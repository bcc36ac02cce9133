import { expect, it } from 'vitest';
import { fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { gramOf, isCommon, readFingerprint } from '../../../src/dataset/fingerprint/format.ts';
import { addGrams } from '../../../src/dataset/fingerprint/grams.ts';
import { GrowingList } from '../../../src/dataset/fingerprint/growing-list.ts';
import { normalForm } from '../../../src/dataset/fingerprint/normal-form.ts';
import type { DatasetRow } from '../../../src/schema/dataset-row.ts';
import { chat, letters } from './rows.ts';

/** All of them, each once. */
function gramsOf(text: string): Set<number> {
  const grams = new GrowingList();
  addGrams(grams, normalForm(text), 2 ** 32);
  return new Set([...grams.view()].map(gramOf));
}

const wordsOf = (...rows: DatasetRow[]) => readFingerprint(fingerprintRows(rows))!.words;
const PHRASE = letters(120, 902);

it('of few rows nothing is common that only one has, however often', () => {
  const rows = [0, 1].map((i) => chat(`What of ${letters(9, i)}?`, letters(200, 50 + i)));
  const repeating = chat('What of it?', `${PHRASE} ${letters(60, 1)} ${PHRASE} ${letters(60, 2)} ${PHRASE}`);
  expect(wordsOf(...rows, repeating).some(isCommon)).toBe(false);
});

it('few rows are looked through for what they have in common as long as they say no more than 2^20 symbols', () => {
  const inPhrase = gramsOf(PHRASE);
  const answers = [0, 1].map((i) => `${letters(60, 50 + i)} ${PHRASE} ${letters(60, i)}`);
  const [rows, answer] = [answers.map((text) => chat('What of it?', text)), letters(200, 60)];
  const left = 2 ** 20 - answers.reduce((sum, text) => sum + gramsOf(text).size, 0) - normalForm(answer).length;
  const unmarked = (symbols: number, ...more: DatasetRow[]) =>
    // A character of Chinese says three.
    wordsOf(...rows, chat('中'.repeat(symbols / 3) + 'a'.repeat(symbols % 3), answer), ...more).filter(
      (word) => inPhrase.has(gramOf(word)) && !isCommon(word),
    ).length;
  expect(unmarked(left)).toBe(0);
  expect(unmarked(left + 1, chat('And what of that?', letters(200, 61)))).toBeGreaterThan(0);
});
