import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PulseReading } from '../../src/chain/timelock/read-pulse.ts';
import { SetReader, type SetReaderParameters } from '../../src/validator/set-reader.ts';
import { ruleOf, signRound } from '../evaluation-sets/locked-world.ts';

// What a chain brings of a round, told by hand: the local one never stands still. Real epochs are in locked-sets.test.ts.

const ROUND = 1_100;
const UNTIL_MS = 1_000_000;
const DAY_MS = 86_400_000;
let cacheDir: string;
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'flock-off-sets-'));
});
afterEach(() => rm(cacheDir, { recursive: true, force: true }));

/** A chain that is seen as each of these, one after the other, and as the last one from then on. */
async function pulseOf(...seen: Partial<PulseReading>[]) {
  let looks = 0;
  const subtensor = {
    read: async () => {
      const now = seen[Math.min(looks++, seen.length - 1)];
      return { signature: null, block: looks, timeMs: 0, blockTimeMs: 12_000, lastStoredRound: 0, ...now };
    },
    waitForBlock: async () => {},
  };
  const validator = { cacheDir, subtensor } as unknown as SetReaderParameters['validator'];
  const reader = new SetReader({ validator, rule: ruleOf(), store: { read: async () => 'missing' } });
  return { pulse: await reader.pulse(ROUND, UNTIL_MS), looks };
}

test('a chain that stood still until a set was void, and then brings its pulse, opens it for whoever looks', async () => {
  const signature = signRound(ROUND);
  const stalled = { timeMs: UNTIL_MS - 1, lastStoredRound: ROUND - 500 };
  const again = { timeMs: UNTIL_MS + 3_600_000, lastStoredRound: ROUND - 400 };
  const { pulse, looks } = await pulseOf(stalled, again, { ...again, lastStoredRound: ROUND, signature });
  expect([pulse && Buffer.compare(pulse, signature), looks]).toEqual([0, 3]);
});

test('a pulse that was had is kept: the chain forgets it', async () => {
  const signature = signRound(ROUND);
  await pulseOf({ signature });
  const { pulse, looks } = await pulseOf({ timeMs: UNTIL_MS + 9 * DAY_MS, lastStoredRound: ROUND + 300_000 });
  expect([pulse && Buffer.compare(pulse, signature), looks]).toEqual([0, 0]);
});

test.each<[string, Partial<PulseReading>, number]>([
  ['the chain has later ones', { timeMs: UNTIL_MS + 1, lastStoredRound: ROUND }, 2],
  ['a day has passed', { timeMs: UNTIL_MS + DAY_MS + 1, lastStoredRound: ROUND - 1 }, 2],
  ['its signature is of another round', { timeMs: UNTIL_MS + 1, lastStoredRound: ROUND, signature: signRound(7) }, 2],
])('there is none once %s', async (_, now, expected) => {
  const early = { timeMs: UNTIL_MS, lastStoredRound: ROUND + 1 };
  expect(await pulseOf(early, now)).toEqual({ pulse: null, looks: expected });
});
