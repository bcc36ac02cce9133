import fc from 'fast-check';
import { expect, test } from 'vitest';
import { epochWindow, moduloEpoch, positionAt, statefulEpoch } from '../../../src/chain/subnet/epoch-schedule.ts';

test('modulo epochs: a commit in block 125 of subnet 1 with tempo 8 is revealed in 133..141, as a runtime answered', () => {
  expect(epochWindow(moduloEpoch({ block: 125, netuid: 1, tempo: 8 }), 1)).toEqual([133, 141]);
});

test('modulo epochs: the next epoch starts one block after the one in which the epoch runs', () => {
  const parameters = { block: fc.nat(1e8), netuid: fc.nat(1024), tempo: fc.integer({ min: 1, max: 50_400 }) };
  fc.assert(
    fc.property(fc.record(parameters), ({ block, netuid, tempo }) => {
      const { epoch, nextEpochBlock, periodBlocks } = moduloEpoch({ block, netuid, tempo });
      const blocksUntilItRuns = tempo - ((block + netuid + 1) % (tempo + 1));
      expect(nextEpochBlock).toBe(block + blocksUntilItRuns + 1);
      expect(periodBlocks).toBe(tempo + 1);
      expect(moduloEpoch({ block: nextEpochBlock - 1, netuid, tempo }).epoch).toBe(epoch);
      expect(moduloEpoch({ block: nextEpochBlock, netuid, tempo }).epoch).toBe(epoch + 1);
    }),
  );
});

test('the position in a later block is foreseen', () => {
  const parameters = {
    block: fc.nat(1e8),
    later: fc.nat(10_000),
    netuid: fc.nat(1024),
    tempo: fc.integer({ min: 1, max: 500 }),
  };
  fc.assert(
    fc.property(fc.record(parameters), ({ block, later, netuid, tempo }) => {
      const foreseen = positionAt(moduloEpoch({ block, netuid, tempo }), block + later);
      expect(foreseen).toEqual(moduloEpoch({ block: block + later, netuid, tempo }));
    }),
  );
});

test('the last block before an epoch and its first one are foreseen', () => {
  const position = { block: 100, epoch: 7, nextEpochBlock: 120, periodBlocks: 50 };
  expect(positionAt(position, 119)).toEqual({ ...position, block: 119 });
  expect(positionAt(position, 120)).toEqual({ block: 120, epoch: 8, nextEpochBlock: 170, periodBlocks: 50 });
  expect(positionAt(position, 170)).toEqual({ block: 170, epoch: 9, nextEpochBlock: 220, periodBlocks: 50 });
});

test('stored epochs: one that is overdue begins in the next block', () => {
  const state = { block: 1400, epoch: 7, lastEpochBlock: 1000, pendingEpochBlock: 0, tempo: 360 };
  expect(statefulEpoch(state).nextEpochBlock).toBe(1401);
});

test('stored epochs: the next one is due tempo blocks after the last, or when one is pending', () => {
  const state = { block: 1100, epoch: 7, lastEpochBlock: 1000, pendingEpochBlock: 0, tempo: 360 };
  expect(statefulEpoch(state)).toMatchObject({ epoch: 7, nextEpochBlock: 1360, periodBlocks: 360 });
  expect(statefulEpoch({ ...state, pendingEpochBlock: 1120 }).nextEpochBlock).toBe(1120);
  expect(statefulEpoch({ ...state, pendingEpochBlock: 2000 }).nextEpochBlock).toBe(1360);
  expect(epochWindow(statefulEpoch(state), 1)).toEqual([1360, 1719]);
  expect(epochWindow(statefulEpoch(state), 0)).toEqual([1000, 1359]);
});

test('tempo 0 never runs an epoch', () => {
  expect(moduloEpoch({ block: 5, netuid: 1, tempo: 0 }).nextEpochBlock).toBe(Number.POSITIVE_INFINITY);
  const stored = { block: 5, epoch: 0, lastEpochBlock: 0, pendingEpochBlock: 0, tempo: 0 };
  expect(statefulEpoch(stored).nextEpochBlock).toBe(Number.POSITIVE_INFINITY);
  const later = { block: 900, epoch: 0, nextEpochBlock: Number.POSITIVE_INFINITY, periodBlocks: 0 };
  expect(positionAt(statefulEpoch(stored), 900)).toEqual(later);
});
