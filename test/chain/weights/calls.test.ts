import { expect, test } from 'vitest';
import { DRAND_QUICKNET } from '../../../src/chain/timelock/drand.ts';
import type { BuildCall } from '../../../src/chain/transaction/submit.ts';
import { hashCommitCall, revealCall, setCall, timelockedCommitCall } from '../../../src/chain/weights/calls.ts';
import { encodeWeightsPayload, revealRound } from '../../../src/chain/weights/timelocked.ts';
import { reveal } from './pending-reveals-contract.ts';

/** The call that would be made: its name, then its arguments. */
function made(call: BuildCall): unknown[] {
  const calls = new Proxy(
    {},
    {
      get:
        (_, name) =>
        (...args: unknown[]) => [name, ...args],
    },
  );
  return call({ subtensorModule: calls } as never) as unknown as unknown[];
}

const PLAIN = { netuid: 96, mechanism: 0 };
const SECOND = { netuid: 96, mechanism: 1 };
const ROW = { uids: [0, 255], values: [65_535, 1] };
const LOCKED = { id: '0x1d', commit: '0xc0', round: 9 };

test.each([
  [setCall(PLAIN, ROW, 7), ['setWeights', 96, [0, 255], [65_535, 1], 7]],
  [setCall(SECOND, ROW, 7), ['setMechanismWeights', 96, 1, [0, 255], [65_535, 1], 7]],
  [hashCommitCall(PLAIN, '0xaa'), ['commitWeights', 96, '0xaa']],
  [hashCommitCall(SECOND, '0xaa'), ['commitMechanismWeights', 96, 1, '0xaa']],
  [revealCall(PLAIN, reveal('0xaa')), ['revealWeights', 96, [0, 255], [65_535, 1], [1, 2, 3, 65_535], 7]],
  [revealCall(SECOND, reveal('0xaa')), ['revealMechanismWeights', 96, 1, [0, 255], [65_535, 1], [1, 2, 3, 65_535], 7]],
  [timelockedCommitCall(PLAIN, LOCKED, 4), ['commitTimelockedWeights', 96, '0xc0', 9, 4]],
  [timelockedCommitCall(SECOND, LOCKED, 4), ['commitTimelockedMechanismWeights', 96, 1, '0xc0', 9, 4]],
  // Runtimes of specs 216 to 300.
  [timelockedCommitCall(PLAIN, LOCKED, null), ['commitCrv3Weights', 96, '0xc0', 9]],
])('$name', ({ name, call }, expected) => {
  expect(made(call)).toEqual(expected);
  expect(name).toBe(`subtensorModule.${expected[0]}`);
});

const ALICE = Buffer.from('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d', 'hex');
const PAYLOAD = { uids: [0, 1, 5], values: [100, 200, 65_535], versionKey: 10_002_000 };
const VALUES = '0c0000010005000c6400c800ffff509e980000000000';

test.each([
  ['with the hotkey', ALICE, `80${ALICE.toString('hex')}${VALUES}`],
  ['without one on the runtimes that take none', null, VALUES],
])('the payload of time-locked weights is as the chain decodes it, %s', async (_, publicKey, hex) => {
  expect(Buffer.from(await encodeWeightsPayload({ ...PAYLOAD, publicKey })).toString('hex')).toBe(hex);
});

test('256 weights make a payload of 1069 bytes', async () => {
  const uids = Array.from({ length: 256 }, (_, uid) => uid);
  expect(await encodeWeightsPayload({ ...PAYLOAD, uids, values: uids, publicKey: ALICE })).toHaveLength(1069);
});

const QUICKNET_GENESIS = 1_692_803_367;
const NOW = 1_800_000_000;
const timelock = (block: number, lastStoredRound = 0) => ({
  block,
  timeMs: NOW * 1000,
  blockTimeMs: 12_000,
  lastStoredRound,
  beaconKey: new Uint8Array(),
});
/** Three blocks after `block` blocks from now, as the Python SDK counts rounds. */
const roundIn = (blocks: number) => Math.floor((NOW + (blocks + 3) * 12 - QUICKNET_GENESIS) / 3);

test.each([
  // As netuid 1 with tempo 360: epochs of 361 blocks begin 2 blocks before a multiple of it.
  ['the next epoch', { block: 1000, nextEpochBlock: 1081, periodBlocks: 361 }, 1, 81],
  ['the epoch after the next', { block: 1000, nextEpochBlock: 1081, periodBlocks: 361 }, 2, 81 + 361],
  ['the next epoch, which the commit is in already', { block: 1000, nextEpochBlock: 1001, periodBlocks: 360 }, 1, 361],
])('the round is out three blocks into %s', (_, position, revealPeriodEpochs, blocks) => {
  const terms = { position: { ...position, epoch: 2 }, revealPeriodEpochs, timelock: timelock(position.block) };
  expect(revealRound(terms, DRAND_QUICKNET)).toBe(roundIn(blocks));
});

test('a round that the chain has already is never taken', () => {
  const position = { block: 1000, epoch: 2, nextEpochBlock: 1081, periodBlocks: 361 };
  const late = roundIn(81) + 5;
  expect(revealRound({ position, revealPeriodEpochs: 1, timelock: timelock(1000, late) }, DRAND_QUICKNET)).toBe(
    late + 1,
  );
});
