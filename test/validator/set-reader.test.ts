import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { timeOfRound } from '../../src/chain/timelock/drand.ts';
import type { PulseSource } from '../../src/chain/timelock/pulse-source.ts';
import type { PulseReading } from '../../src/chain/timelock/read-pulse.ts';
import { FlockOffError } from '../../src/errors/flock-off-error.ts';
import { LIST_PATH } from '../../src/evaluation-sets/list.ts';
import { lockedPath } from '../../src/evaluation-sets/locked-file.ts';
import { SetReader, type SetReaderParameters } from '../../src/validator/set-reader.ts';
import { BEACON, ruleOf, signRound } from '../evaluation-sets/locked-world.ts';

// What a chain brings of a round, told by hand: the local one never stands still. Real epochs are in locked-sets.test.ts.

const ROUND = 1_100;

const DAY_MS = 86_400_000;
const UNTIL_MS = timeOfRound(BEACON, ROUND) + 3_600_000;
let cacheDir: string;
/** Blocks that were waited, one number a wait. */
let waits: number[];
beforeEach(async () => {
  waits = [];
  cacheDir = await mkdtemp(join(tmpdir(), 'flock-off-sets-'));
});
afterEach(() => rm(cacheDir, { recursive: true, force: true }));

/** A chain that is seen as each of these, one after the other, and as the last one from then on. */
async function pulseOf(...seen: Partial<PulseReading>[]) {
  return pulseFrom([], ...seen);
}

/** With other sources beside it. */
async function pulseFrom(pulseSources: PulseSource[], ...seen: Partial<PulseReading>[]) {
  let looks = 0;
  const subtensor = {
    read: async () => {
      const now = seen[Math.min(looks++, seen.length - 1)];
      return { signature: null, block: looks, timeMs: 0, blockTimeMs: 12_000, lastStoredRound: 0, ...now };
    },
    waitForBlock: async ({ block }: { block: number }) => void waits.push(block - looks),
  };
  const validator = { cacheDir, subtensor, pulseSources } as unknown as SetReaderParameters['validator'];
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

/** A source that has been asked so often. */
function sourceOf(pulse: () => Uint8Array | null): PulseSource & { asked: number } {
  const source = {
    asked: 0,
    pulse: async () => {
      source.asked++;
      return pulse();
    },
  };
  return source;
}
const gone = () => {
  throw new FlockOffError({
    ...{ code: 'drand-unreachable', what: 'no server answers', facts: { round: ROUND, servers: [] }, transient: true },
  });
};
const OUT_MS = timeOfRound(BEACON, ROUND);

test.each<[string, Partial<PulseReading>]>([
  ['passed over it', { lastStoredRound: ROUND + 1 }],
  ['stopped storing rounds', { lastStoredRound: ROUND - 500 }],
  ['has forgotten it', { lastStoredRound: ROUND + 300_000, timeMs: OUT_MS + 8 * DAY_MS }],
])('a pulse is had from another source where the chain has %s, and kept', async (_, now) => {
  const signature = signRound(ROUND);
  const drand = sourceOf(() => signature);
  const found = await pulseFrom([sourceOf(() => null), drand], { timeMs: OUT_MS + 61_000, ...now });
  expect([found.pulse && Buffer.compare(found.pulse, signature), found.looks]).toEqual([0, 1]);
  expect((await pulseFrom([drand], {})).looks).toBe(0);
  expect(drand.asked).toBe(1);
});

test('no other source is asked for a round that is not out, or that the chain is about to bring', async () => {
  const drand = sourceOf(gone);
  const early = { timeMs: OUT_MS - 1, lastStoredRound: ROUND - 1 };
  const signature = signRound(ROUND);
  await pulseFrom([drand], early, { ...early, timeMs: OUT_MS + 24_000 }, { timeMs: OUT_MS + 60_000, signature });
  expect(drand.asked).toBe(0);
});

test("a signature of another source that is not the beacon's is none", async () => {
  const lying = sourceOf(() => signRound(7));
  const { pulse } = await pulseFrom([lying], { timeMs: UNTIL_MS + 1, lastStoredRound: ROUND });
  expect([pulse, lying.asked]).toEqual([null, 1]);
});

test('while other sources cannot be reached there is a day to bring a pulse that the chain passed over', async () => {
  const passed = { lastStoredRound: ROUND + 1 };
  const late = sourceOf(gone);
  const days = [1, DAY_MS, DAY_MS + 1].map((ms) => ({ ...passed, timeMs: UNTIL_MS + ms }));
  expect(await pulseFrom([late], ...days)).toEqual({ pulse: null, looks: 3 });
  // A minute apart: others' servers are not asked in each block.
  expect(waits).toEqual([5, 5]);
  let asked = 0;
  const back = sourceOf(() => (asked++ === 0 ? gone() : signRound(ROUND)));
  const found = await pulseFrom([back], ...days);
  expect([found.pulse && Buffer.compare(found.pulse, signRound(ROUND)), found.looks]).toEqual([0, 2]);
});

/** What a reader says of a set of two parts, of which the hub gives out the second, at times of the chain. */
async function filesAt(timesMs: number[], hub: 'gives the list' | 'is down') {
  const down = () => {
    throw new FlockOffError({
      ...{ code: 'hub-unreachable', what: 'HTTP 403', facts: { url: '' }, transient: true },
    });
  };
  const subtensor = { read: async () => ({ block: 1, timeMs: timesMs.shift() }), waitForBlock: async () => {} };
  const validator = { cacheDir, subtensor } as unknown as SetReaderParameters['validator'];
  const content = (path: string) => (path === LIST_PATH ? hub === 'gives the list' : path === lockedPath(OTHER.sha256));
  const read = async ({ path }: { path: string }) => (content(path) ? BYTES : down());
  const reader = new SetReader({ validator, rule: ruleOf(), store: { read } });
  return { reader, files: () => reader.files({ parts: [REFUSED, OTHER] }, { commit: 'c', untilMs: UNTIL_MS }) };
}
const BYTES = Buffer.from('locked');
const partOf = (sha256: string) => ({ sha256, bytes: 10, by: null, plain: { saltedSha256: '', bytes: 1, rows: 1 } });
const REFUSED = partOf('a'.repeat(64));
const OTHER = partOf(createHash('sha256').update(BYTES).digest('hex'));

test('a file that the hub refuses is waited for a day longer, and is withheld where the list beside it is given out', async () => {
  const { files } = await filesAt([UNTIL_MS + DAY_MS, UNTIL_MS + DAY_MS + 1], 'gives the list');
  await expect(files()).rejects.toMatchObject({ code: 'hub-unreachable' });
  expect(await files()).toEqual(['withheld', BYTES]);
});

test('a hub that is down is waited for as long as it takes', async () => {
  const { files } = await filesAt([UNTIL_MS + 9 * DAY_MS], 'is down');
  await expect(files()).rejects.toMatchObject({ code: 'hub-unreachable' });
});

test('a file that the hub refuses keeps none of the others from being fetched ahead', async () => {
  const { reader } = await filesAt([], 'is down');
  await reader.fetchAhead({ parts: [REFUSED, OTHER] }, 'c');
  expect(await readdir(join(cacheDir, 'evaluation-sets'))).toEqual([`${OTHER.sha256}.locked`]);
});
