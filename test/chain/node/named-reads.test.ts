import { TypeRegistry } from '@polkadot/types';
import { expect, expectTypeOf, test } from 'vitest';
import { type ChainValue, toKeys, toTuple } from '../../../src/chain/codec/chain-value.ts';
import { prepareReads, readsFor, type StorageRead, type StorageValues } from '../../../src/chain/node/named-reads.ts';

const registry = new TypeRegistry();
/** Each read answers with its own item and keys. */
const echo = (asked: string[]) => (read: StorageRead) => {
  asked.push(read.join());
  return () => registry.createType('Text', read.join()) as unknown as ChainValue;
};

test('values come under the names they were asked for by, however deep, and in one pass', () => {
  const asked: string[] = [];
  const reads = {
    tempo: ['subtensorModule.tempo', 1] as StorageRead,
    absent: null,
    schedule: { block: ['system.number'] as StorageRead, stored: null },
    slots: readsFor([7, 3], (uid) => ({ account: ['subtensorModule.keys', 1, uid] as StorageRead })),
  };
  const values = prepareReads(reads, echo(asked));
  expect(asked).toEqual([
    'subtensorModule.tempo,1',
    'system.number',
    'subtensorModule.keys,1,7',
    'subtensorModule.keys,1,3',
  ]);
  const { tempo, absent, schedule, slots } = values();
  expect([String(tempo), absent, String(schedule.block), schedule.stored]).toEqual([
    'subtensorModule.tempo,1',
    null,
    'system.number',
    null,
  ]);
  expect([...slots].map(([uid, { account }]) => [uid, String(account)])).toEqual([
    [7, 'subtensorModule.keys,1,7'],
    [3, 'subtensorModule.keys,1,3'],
  ]);
});

test('what may be absent is null in the type too', () => {
  type Reads = { there: StorageRead; perhaps: StorageRead | null; each: Map<number, StorageRead> };
  expectTypeOf<StorageValues<Reads>>().toEqualTypeOf<{
    there: ChainValue;
    perhaps: ChainValue | null;
    each: Map<number, ChainValue>;
  }>();
});

test('the parts of a tuple have names; one of another size than expected is no such tuple', () => {
  const pair = registry.createType('(u16, u32)', [3, 70_000]) as unknown as ChainValue;
  const { uid, weight } = toTuple(pair, ['uid', 'weight']);
  expect([Number(uid), Number(weight)]).toEqual([3, 70_000]);
  expect(() => toTuple(pair, ['uid', 'block', 'weight'])).toThrow(
    'this runtime has (u16,u32) in its storage, expected a tuple of uid, block, weight. Update flock-off',
  );
  expect(() => toTuple(registry.createType('u16', 3) as unknown as ChainValue, ['uid'])).toThrow('expected a list');
});

test('the keys of an entry have names; another number of them is another map', () => {
  const keys = [1, 7].map((key) => registry.createType('u16', key) as unknown as ChainValue);
  expect(Number(toKeys(keys, ['netuid', 'uid']).uid)).toBe(7);
  expect(() => toKeys(keys, ['hotkey'])).toThrow('this runtime has 2 keys for an entry, expected hotkey. Update');
});
