import { expect, it } from 'vitest';
import { fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { rowKeys } from '../../../src/dataset/fingerprint/row-keys.ts';
import type { DatasetRow } from '../../../src/schema/dataset-row.ts';

const row = (...texts: string[]): DatasetRow => ({
  conversations: texts.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
});
const keysOf = (...rows: DatasetRow[]) => new Set(rowKeys(fingerprintRows(rows))!);
const CAT = row('What is a cat?', 'A small animal that sleeps all day.');
const OWL = row('What is an owl?', 'A bird that hunts by night.', 'And then?', 'It sleeps.');

it('has a key for each different row, whatever their order', () => {
  expect(keysOf(CAT, OWL, CAT).size).toBe(2);
  expect(keysOf(OWL, CAT)).toEqual(keysOf(CAT, OWL));
});

it('defect 5: has the same keys after edits of white space, letter case and system prompt', () => {
  const edited = row(' what is  a CAT?', 'A small animal that sleeps all day. ');
  expect(keysOf({ ...edited, system: 'Answer.' })).toEqual(keysOf(CAT));
});

it('has another key for another answer, another question, and part of a row', () => {
  const keys = [
    CAT,
    row('What is a cat?', 'A small animal that hunts all night.'),
    row('What is a dog?', 'A small animal that sleeps all day.'),
    OWL,
    row('What is an owl?', 'A bird that hunts by night.'),
  ].map((one) => [...keysOf(one)].join());
  expect(new Set(keys).size).toBe(5);
});

it('is null for a damaged fingerprint', () => {
  expect(rowKeys(fingerprintRows([CAT]).slice(0, -4))).toBeNull();
});
