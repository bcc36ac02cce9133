import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeField, encodeCommitment } from '../../../src/chain/subnet/commitments.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { countRoundTrips } from '../round-trips.ts';
import { connect, NETUID, startSubnet } from '../start-subnet.ts';

const field = (type: string, bytes: Uint8Array) => ({ type, inner: { toU8a: () => bytes } });

test('any text of up to 128 bytes survives as one RawN field, N counted in bytes', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 128 }).filter((it) => Buffer.byteLength(it) <= 128);
  fc.assert(
    fc.property(text, (it) => {
      const [encoded] = encodeCommitment(it).fields;
      const [type, bytes] = Object.entries(encoded!)[0]!;
      expect(type).toBe(`Raw${Buffer.byteLength(it)}`);
      expect(describeField(field(type, bytes as Uint8Array))).toEqual({ kind: 'Raw', text: it });
    }),
  );
});

test('text starting with 0x stays text, and a byte order mark is kept', () => {
  expect(Object.values(encodeCommitment('0xff').fields[0]!)[0]).toEqual(Uint8Array.from([48, 120, 102, 102]));
  const { text } = describeField(field('Raw4', Uint8Array.from([0xef, 0xbb, 0xbf, 97])));
  expect(text).toBe('\ufeffa');
});

test('longer text is BigRaw where the runtime has that, and counts bytes there, too', () => {
  const text = 'é'.repeat(65);
  expect(encodeCommitment(text, { bigRaw: true }).fields).toEqual([{ BigRaw: `0x${'c3a9'.repeat(65)}` }]);
  expect(() => encodeCommitment(text)).toThrow('has room for 128 bytes, this one has 130');
  expect(() => encodeCommitment('a'.repeat(513), { bigRaw: true })).toThrow('has room for 512 bytes, this one has 513');
});

const WRITTEN: [kind: string, field: object | null, text: string | null][] = [
  ['Raw', { Raw2: new TextEncoder().encode('hi') }, 'hi'],
  ['Raw', { Raw0: new Uint8Array() }, ''],
  ['Raw', { Raw128: new TextEncoder().encode('x'.repeat(128)) }, 'x'.repeat(128)],
  ['Raw', { Raw2: Uint8Array.of(0xc3, 0x28) }, null],
  ['BigRaw', { BigRaw: `0x${'61'.repeat(300)}` }, 'a'.repeat(300)],
  ['None', { None: null }, null],
  ['None', null, null],
  ...['BlakeTwo256', 'Sha256', 'Keccak256', 'ShaThree256'].map((kind): [string, object, null] => [
    kind,
    { [kind]: new Uint8Array(32).fill(97) },
    null,
  ]),
  ['TimelockEncrypted', { TimelockEncrypted: { encrypted: '0x616263', reveal_round: 7 } }, null],
  ['ResetBondsFlag', { ResetBondsFlag: null }, null],
];

test('whatever the runtime lets a hotkey commit is read with its kind; only text has one', async () => {
  const names = WRITTEN.map((_, i) => `miner ${i}`);
  const chain = await startSubnet({ hotkeys: names, chain: { profile: 'current', blockTimeMs: 'manual' } });
  const addresses = await Promise.all(names.map(async (name) => (await devHotkey(name)).address));
  for (const [i, [, written]] of WRITTEN.entries()) {
    const info = { fields: written ? [written] : [] };
    chain.setStorage('Commitments.CommitmentOf', NETUID, addresses[i]!, { deposit: 0, block: i, info });
  }
  await chain.produceBlocks();
  const subtensor = await connect(chain.url);
  const all = await subtensor.commitments({ netuid: NETUID });
  const expected = WRITTEN.map(([kind, , text], block) => ({ hotkey: addresses[block]!, text, kind, block }));
  expect(addresses.map((address) => all.get(address))).toEqual(expected);
  for (const commitment of expected)
    expect(await subtensor.commitment({ netuid: NETUID, hotkey: commitment.hotkey })).toEqual(commitment);
});

// Deposit 0, block 5, then what is no list of fields that this runtime knows.
const PREFIX = `${'00'.repeat(8)}05000000`;
test.each([
  ['a variant that this runtime does not have', `0x${PREFIX}04c8616263`, 5],
  ['a field that is cut off', `0x${PREFIX}0445${'61'.repeat(10)}`, 5],
  ['bytes left over', `0x${PREFIX}040362636465`, 5],
  ['not even a block', '0x00', 0],
  ['nothing at all', '0x', 0],
])('%s takes the place of the earlier pointer, and breaks nobody else', async (_, hex, block) => {
  const chain = await startSubnet({ chain: { blockTimeMs: 'manual' } });
  const [ann, bob, validator] = await Promise.all(['ann', 'bob', 'validator'].map(devHotkey));
  const info = { fields: [{ Raw2: new TextEncoder().encode('hi') }] };
  for (const { address } of [ann!, bob!])
    chain.setStorage('Commitments.CommitmentOf', NETUID, address, { deposit: 0, block: 3, info });
  chain.setRawStorage('Commitments.CommitmentOf', NETUID, ann!.address, hex);
  await chain.produceBlocks();
  const subtensor = await connect(chain.url);
  const garbage = { hotkey: ann!.address, text: null, kind: 'undecodable', block };
  const text = { hotkey: bob!.address, text: 'hi', kind: 'Raw', block: 3 };
  const all = await subtensor.commitments({ netuid: NETUID });
  expect([...all.values()].sort((a, b) => a.kind.localeCompare(b.kind))).toEqual([text, garbage]);
  expect(await subtensor.commitment({ netuid: NETUID, hotkey: ann!.address })).toEqual(garbage);
  expect(await subtensor.commitment({ netuid: NETUID, hotkey: validator!.address })).toBeNull();
});

test('a commitment made while all are read is either there or not, and the others are', async () => {
  const chain = await startSubnet({ chain: { blockTimeMs: 'manual' } });
  const [ann, bob] = await Promise.all(['ann', 'bob'].map(devHotkey));
  const put = (hotkey: string, block: number) =>
    chain.setStorage('Commitments.CommitmentOf', NETUID, hotkey, { deposit: 0, block, info: { fields: [] } });
  put(ann!.address, 1);
  await chain.produceBlocks();
  const subtensor = await connect(chain.url);
  // The keys are read of block 1, and the answer comes after block 2.
  chain.faults.inject({ on: 'chain_getBlockHash', fault: { kind: 'delay', ms: 100 } });
  const reading = subtensor.commitments({ netuid: NETUID });
  await expect.poll(() => chain.faults.requests).toContain('state_getKeysPaged');
  put(bob!.address, 2);
  await chain.produceBlocks();
  expect((await reading).size).toBe(2);
});

test('a subnet and its commitments are read in two round trips, as of one block', async () => {
  const chain = await startSubnet({ chain: { blockTimeMs: 'manual' } });
  const ann = await devHotkey('ann');
  const info = { fields: [{ Raw2: new TextEncoder().encode('hi') }] };
  chain.setStorage('Commitments.CommitmentOf', NETUID, ann.address, { deposit: 0, block: 1, info });
  await chain.produceBlocks();
  const subtensor = await connect(chain.url);
  const seen: unknown[] = [];
  const { roundTrips } = await countRoundTrips(async () => seen.push(await subtensor.subnet({ netuid: NETUID })));
  expect(roundTrips).toBe(2);
  expect(seen).toEqual([
    {
      metagraph: await subtensor.metagraph({ netuid: NETUID }),
      commitments: await subtensor.commitments({ netuid: NETUID }),
    },
  ]);
});
