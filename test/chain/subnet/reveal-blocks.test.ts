import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { revealWindow, statefulEpoch } from '../../../src/chain/subnet/epoch-schedule.ts';
import { DRAND_QUICKNET } from '../../../src/chain/timelock/drand.ts';
import { revealRound } from '../../../src/chain/weights/timelocked.ts';

interface Schedule {
  kind: 'on-time' | 'edge' | 'late' | 'pending';
  block: number;
  epoch: number;
  lastEpochBlock: number;
  pendingEpochBlock: number;
  tempo: number;
  revealPeriodEpochs: number;
}
interface Vectors {
  vectors: (Schedule & { firstRevealBlock: number })[];
  rounds: (Schedule & { blockTimeMs: number; timeMs: number; round: number })[];
}
const { vectors, rounds } = JSON.parse(
  readFileSync(new URL('../../vectors/reveal-blocks/vectors.json', import.meta.url), 'utf8'),
) as Vectors;

describe.each(['on-time', 'edge', 'late', 'pending'] as const)("as Bittensor's own core: %s", (kind) => {
  test('the first block that may reveal what is committed now', () => {
    const ofKind = vectors.filter((vector) => vector.kind === kind);
    expect(ofKind.length).toBeGreaterThanOrEqual(100);
    const ours = ofKind.map((vector) => revealWindow(statefulEpoch(vector), vector.revealPeriodEpochs)[0]);
    expect(ours).toEqual(ofKind.map(({ firstRevealBlock }) => firstRevealBlock));
  });

  test('the drand round that it is locked with', () => {
    const ofKind = rounds.filter((vector) => vector.kind === kind);
    expect(ofKind.length).toBeGreaterThanOrEqual(4);
    const ours = ofKind.map(({ timeMs, blockTimeMs, revealPeriodEpochs, ...schedule }) => {
      const { block } = schedule;
      const timelock = { block, timeMs, blockTimeMs, lastStoredRound: 0, beaconKey: new Uint8Array() };
      return revealRound({ position: statefulEpoch(schedule), revealPeriodEpochs, timelock }, DRAND_QUICKNET);
    });
    expect(ours).toEqual(ofKind.map(({ round }) => round));
  });
});
