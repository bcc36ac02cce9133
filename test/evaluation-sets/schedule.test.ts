import fc from 'fast-check';
import { expect, test } from 'vitest';
import { beaconOf, firstSetFor, opensAtMs, roundOfSet, voidAtMs } from '../../src/evaluation-sets/schedule.ts';
import { ruleOf } from './locked-world.ts';

const quicknet = ruleOf({ beacon: 'quicknet', firstRound: 20_000_000, roundsBetween: 1_440 });

test('sets open with the rounds that the rule names', () => {
  expect(roundOfSet(quicknet, 0)).toBe(20_000_000);
  expect(roundOfSet(quicknet, 3)).toBe(20_004_320);
  expect(opensAtMs(quicknet, 1) - opensAtMs(quicknet, 0)).toBe(72 * 60_000);
  expect(voidAtMs(quicknet, 0) - opensAtMs(quicknet, 0)).toBe(3_600_000);
  expect(beaconOf(quicknet).genesisSeconds).toBe(1_692_803_367);
});

test('a block that is earlier than the round by just the margin still counts, one later does not', () => {
  const latest = opensAtMs(quicknet, 5) - 600_000;
  expect(firstSetFor(quicknet, latest)).toBe(5);
  expect(firstSetFor(quicknet, latest + 1)).toBe(6);
  expect(firstSetFor(quicknet, 0)).toBe(0);
});

test('whatever the block, the set opens later than it by the margin, and the one before does not', () => {
  const rules = fc.record({
    firstRound: fc.integer({ min: 1, max: 2 ** 40 }),
    roundsBetween: fc.integer({ min: 1, max: 100_000 }),
    marginSeconds: fc.integer({ min: 1, max: 7_200 }),
    beacon: fc.constantFrom('quicknet', { ...quicknetLike(0.25) }, { ...quicknetLike(30) }),
  });
  fc.assert(
    fc.property(rules, fc.integer({ min: 0, max: 4_000_000 }), (changed, blocks) => {
      const rule = ruleOf(changed);
      const startMs = opensAtMs(rule, 0) + blocks * 12_000 - 3_600_000;
      const index = firstSetFor(rule, startMs);
      expect(opensAtMs(rule, index) - startMs).toBeGreaterThanOrEqual(1_000 * rule.marginSeconds);
      if (index > 0) expect(opensAtMs(rule, index - 1) - startMs).toBeLessThan(1_000 * rule.marginSeconds);
    }),
    { numRuns: 300 },
  );
});

test('a time that no chain has ends in an answer', () => {
  expect(Number.isNaN(firstSetFor(quicknet, 1e300))).toBe(false);
});

function quicknetLike(periodSeconds: number) {
  return { publicKey: 'ab'.repeat(96), genesisSeconds: 1_700_000_000, periodSeconds };
}
