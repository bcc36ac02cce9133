import { expect, test } from 'vitest';
import { type ChooseClassParameters, chooseClass, unwanted } from '../../src/fleet/choose-class.ts';
import { classOf } from '../../src/fleet/machine-class.ts';
import type { Hello } from '../../src/fleet/wire.ts';

type Kind = 'cpu' | 'gpu';
const FACTS = {
  weightStorage: { dtype: 'float32' as const, mapped: false, reason: '' },
  baseSha256: 'base',
};

function helloOf(worker: string, kind: Kind): Hello {
  const facts = {
    ...FACTS,
    backend: { name: 'tfjs-node' as const, packageVersion: '4', libraryVersion: '2', cuda: kind === 'gpu' },
    precision: { matmul: kind === 'gpu' ? ('bfloat16' as const) : ('float32' as const), xla: false, reason: '' },
  };
  const base = { model: 'm' };
  const of = { worker, queue: 'q', name: worker, machine: classOf(facts), base, facts };
  return { ...of, refused: null, unfit: null, lost: [], rollCall: '' };
}

/** Workers by name, those of a GPU in capitals. */
function choose(names: string, changed: Partial<ChooseClassParameters> = {}) {
  const hellos = [...names].map((name) => helloOf(name, name === name.toUpperCase() ? 'gpu' : 'cpu'));
  const chosen = chooseClass({ hellos, unfitOf: () => null, speedOf: () => undefined, before: null, ...changed });
  return chosen?.workers.map(({ worker }) => worker).join('') ?? null;
}

const speeds = (of: Record<string, number>) => (worker: string) => of[worker];

test('most of those that are there decide, whoever was there first', () => {
  expect(choose('aBCDE')).toBe('BCDE');
  expect(choose('')).toBeNull();
});

test('a fast worker counts for as many as it does the work of, one that was not timed for as much as its like', () => {
  expect(choose('abcD', { speedOf: speeds({ a: 1, b: 1, c: 1, D: 4 }) })).toBe('D');
  expect(choose('abcD', { speedOf: speeds({ a: 1, D: 2 }) })).toBe('abc');
  // Nobody knows how fast the other kind is: it counts as the mean of those that are known.
  expect(choose('abcD', { speedOf: speeds({ a: 1 }) })).toBe('abc');
});

test('where both do as much, the class of the epoch before stays', () => {
  const { machine } = helloOf('B', 'gpu');
  expect(choose('aB')).toBe('a');
  expect(choose('aB', { before: machine })).toBe('B');
});

test('who is not what the validator wants has no say, and is named with the reason', () => {
  const hellos = [helloOf('a', 'cpu'), helloOf('b', 'cpu'), helloOf('C', 'gpu'), helloOf('D', 'gpu')];
  const chosen = chooseClass({
    hellos,
    unfitOf: (hello) => (hello.worker === 'D' ? 'it has another base model' : unwanted(hello, { device: 'gpu' })),
    speedOf: () => undefined,
    before: null,
  });
  expect(chosen?.workers).toEqual([hellos[2]]);
  expect(chosen?.aside.map(({ hello, why }) => `${hello.worker}: ${why}`)).toEqual([
    'a: its device is a cpu, and the validator wants a gpu',
    'b: its device is a cpu, and the validator wants a gpu',
    'D: it has another base model',
  ]);
  expect(unwanted(hellos[2]!, { precision: 'float32' })).toBe(
    'its precision is bfloat16, and the validator wants float32',
  );
});
