import { expect, test } from 'vitest';
import { timeOfRound } from '../../../src/chain/timelock/drand.ts';
import { encryptTimelocked } from '../../../src/chain/timelock/encrypt.ts';
import { verifyPulse } from '../../../src/chain/timelock/pulse.ts';
import { LocalBeacon } from '../../../src/local/chain/state/beacon.ts';
import { connect, eventsOf, start } from './client.ts';

const beacon = new LocalBeacon({ seed: 'test', genesisSeconds: 1_700_000_000, periodSeconds: 0.25 });
const { publicKey } = beacon;

test('signatures are those of its key and its round', () => {
  const signature = beacon.signature(7);
  expect(verifyPulse({ round: 7, signature, publicKey })).toBe(true);
  expect(verifyPulse({ round: 8, signature, publicKey })).toBe(false);
  const other = new LocalBeacon({ seed: 'other', genesisSeconds: 0, periodSeconds: 3 });
  expect(verifyPulse({ round: 7, signature, publicKey: other.publicKey })).toBe(false);
});

test('rounds come at the times of drand', () => {
  expect(beacon.latestRound(1_699_999_999_999)).toBe(0);
  for (const round of [1, 2, 1_000]) {
    expect(beacon.latestRound(timeOfRound(beacon, round))).toBe(round);
    expect(beacon.latestRound(timeOfRound(beacon, round) + 249)).toBe(round);
  }
});

test('what was locked opens with the signature of its round only', () => {
  const message = Buffer.from('hidden');
  const ciphertext = encryptTimelocked({ message, round: 5, publicKey });
  expect(Buffer.from(beacon.open(ciphertext, beacon.signature(5))!)).toEqual(message);
  expect(beacon.open(ciphertext, beacon.signature(6))).toBeNull();
  expect(beacon.open(message, beacon.signature(5))).toBeNull();
});

test('every block brings the pulses since the last one, without a gap', async () => {
  const chain = await start({ profile: 'current' });
  const api = await connect(chain);
  const drand = api.query.drand!;
  const last = async () => Number(await drand.lastStoredRound!());
  const first = await last();
  expect(Number(await drand.oldestStoredRound!())).toBe(first);
  let before = first;
  for (let block = 0; block < 5; block++) {
    await chain.produceBlocks(1);
    const [event] = await eventsOf(api, 'Finalization');
    expect(event).toMatchObject({ name: 'drand.NewPulse' });
    expect((event!.data as [number[]])[0]).toEqual(
      Array.from({ length: (await last()) - before }, (_, i) => before + 1 + i),
    );
    before = await last();
  }
  expect(await drand.pulses!.entries()).toHaveLength(before - first + 1);
  const pulse = (await drand.pulses!(before)).toJSON() as { round: number; signature: string };
  expect(pulse.round).toBe(before);
  const signature = Buffer.from(pulse.signature.slice(2), 'hex');
  expect(verifyPulse({ round: before, signature, publicKey: chain.beacon.publicKey })).toBe(true);
  expect((await drand.beaconConfig!()).toJSON()).toMatchObject({
    publicKey: `0x${Buffer.from(chain.beacon.publicKey).toString('hex')}`,
    genesisTime: chain.beacon.genesisSeconds,
  });
});

test('the newest 10,000 pulses are kept', async () => {
  let nowMs = 1_700_000_000_000;
  const clock = { nowMs: () => nowMs, sleep: async () => {} };
  const chain = await start({ profile: 'current', chain: { clock } });
  await chain.produceBlocks(1);
  nowMs += 9_999 * 250;
  await chain.produceBlocks(1);
  expect([1, 10_000].map((round) => chain.storage('Drand.Pulses', round) === null)).toEqual([false, false]);
  nowMs += 250;
  await chain.produceBlocks(1);
  expect([1, 2, 10_001].map((round) => chain.storage('Drand.Pulses', round) === null)).toEqual([true, false, false]);
  expect(chain.storage('Drand.OldestStoredRound')).toBe(2);
});
