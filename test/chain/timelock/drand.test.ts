import { expect, test } from 'vitest';
import { DRAND_QUICKNET, roundAt, timeOfRound } from '../../../src/chain/timelock/drand.ts';

test("quicknet's rounds are counted from its genesis, every three seconds", () => {
  expect(timeOfRound(DRAND_QUICKNET, 1)).toBe(1_692_803_367_000);
  expect(timeOfRound(DRAND_QUICKNET, 1000)).toBe(1_692_803_367_000 + 999 * 3000);
});

test('what is to open at a time is locked with a round that is out a period before it', () => {
  const out = timeOfRound(DRAND_QUICKNET, 1000);
  expect(roundAt(DRAND_QUICKNET, out)).toBe(999);
  expect(roundAt(DRAND_QUICKNET, out + 2_999)).toBe(999);
  expect(roundAt(DRAND_QUICKNET, out + 3_000)).toBe(1000);
});

test('rounds begin with 1', () => {
  expect(roundAt(DRAND_QUICKNET, 0)).toBe(1);
});
