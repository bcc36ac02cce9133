import { expect, it } from 'vitest';
import { fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { readFingerprint } from '../../../src/dataset/fingerprint/format.ts';
import { findRepeatedRows } from '../../../src/dataset/fingerprint/repeated-rows.ts';
import { chat, letters } from './rows.ts';

const pair = (seed: number) => [`What of ${letters(12, seed)}?`, letters(60, seed + 100)];

it('repeated are rows of which every question with its answer stands in earlier ones, the first of which is named', () => {
  const rows = [
    chat(...pair(1)),
    chat(...pair(2)),
    chat(...pair(1), ...pair(2)),
    chat(...pair(2), ...pair(1)),
    chat(...pair(1), ...pair(3)),
    chat(...pair(3)),
    chat(...pair(3)),
    chat(pair(1)[0]!, pair(2)[1]!),
    chat(...pair(4), ...pair(4)),
    { conversations: [] },
  ];
  expect(findRepeatedRows(readFingerprint(fingerprintRows(rows))!)).toEqual([
    { row: 2, of: 0 },
    { row: 3, of: 1 },
    { row: 5, of: 4 },
    { row: 6, of: 4 },
  ]);
});
