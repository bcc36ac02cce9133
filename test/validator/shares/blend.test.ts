import { describe, expect, test } from 'vitest';
import { type BlendPart, blend, givenShares, portionOf } from '../../../src/validator/shares/blend.ts';
import { oneReader } from '../../../src/validator/shares/one-reader.ts';
import { requireShares, shareAt } from '../../../src/validator/shares/schedule.ts';

const NEURONS = [0, 1, 2, 3].map((uid) => ({ uid, hotkey: `h${uid}` }));

function part(competition: string, share: number, weights: Record<number, number>, more: Partial<BlendPart> = {}) {
  return {
    ...{ competition, share, from: 'epoch' as const, startBlock: 360, missed: 0 },
    weights: Object.entries(weights).map(([uid, weight]) => ({ uid: Number(uid), hotkey: `h${uid}`, weight })),
    ...more,
  };
}

const of = (parts: BlendPart[], restUid: number | null = null) => {
  const { action, weights } = blend({ parts, restUid, neurons: NEURONS });
  const byUid = Object.fromEntries(weights.map(({ uid, weight }) => [uid, Number(weight.toFixed(9))]));
  return action === 'set' ? byUid : action;
};

describe('the weights of several competitions', () => {
  test('are each so much of all, also of one miner in two', () => {
    expect(of([part('a', 0.7, { 0: 0.5, 1: 0.5 }), part('b', 0.3, { 1: 1 })])).toEqual({ 0: 0.35, 1: 0.65 });
  });

  test('that have less than 1 have it in proportion, or the rest is one uid’s', () => {
    const parts = [part('a', 0.6, { 0: 1 }), part('b', 0.2, { 1: 1 })];
    expect(of(parts)).toEqual({ 0: 0.75, 1: 0.25 });
    expect(of(parts, 3)).toEqual({ 0: 0.6, 1: 0.2, 3: 0.2 });
    expect(of(parts, 1)).toEqual({ 0: 0.6, 1: 0.4 });
    expect(() => of(parts, 9)).toThrow('uid 9, which nobody has');
  });

  test('of who has left since are those of the others of the same competition', () => {
    const gone = part('b', 0.3, { 1: 0.5, 2: 0.5 }, { from: 'earlier' });
    gone.weights[0]!.hotkey = 'somebody before';
    expect(of([part('a', 0.7, { 0: 1 }), gone])).toEqual({ 0: 0.7, 2: 0.3 });
  });

  test('stand for three epochs that were missed, and are half less in each further one', () => {
    const missed = (times: number) =>
      of([part('a', 0.5, { 0: 1 }), part('b', 0.5, { 1: 1 }, { from: 'earlier', missed: times })], 3);
    expect([3, 4, 5].map(missed)).toEqual([
      { 0: 0.5, 1: 0.5 },
      { 0: 0.5, 1: 0.25, 3: 0.25 },
      { 0: 0.5, 1: 0.125, 3: 0.375 },
    ]);
    expect(missed(30)).toEqual({ 0: 0.5, 3: 0.5 });
  });

  test('are not sent while one is not known yet, for three epochs', () => {
    const unknown = (missed: number) => part('b', 0.5, {}, { from: 'unknown', startBlock: null, missed });
    expect(of([part('a', 0.5, { 0: 1 }), unknown(1)])).toBe('keep');
    expect(of([part('a', 0.5, { 0: 1 }), unknown(3)], 3)).toBe('keep');
    expect(of([part('a', 0.5, { 0: 1 }), unknown(4)], 3)).toEqual({ 0: 0.5, 3: 0.5 });
    expect(of([part('a', 0.5, { 0: 1 }), { ...unknown(1), share: 0 }])).toEqual({ 0: 1 });
  });

  test('that nobody is worth are taken back, or the rest; where nobody has any yet, nothing is sent', () => {
    const nobody = part('a', 0.5, {}, { from: 'nobody' });
    const empty = part('b', 0.5, {}, { from: 'empty', startBlock: null });
    expect(of([nobody, empty])).toBe('take-back');
    expect(of([nobody, empty], 3)).toEqual({ 3: 1 });
    expect(of([empty, { ...empty, competition: 'c' }], 3)).toBe('keep');
    expect(of([part('a', 0.5, { 0: 1 }), empty])).toEqual({ 0: 1 });
    // Without a share it takes nothing back.
    expect(of([{ ...nobody, share: 0 }, empty])).toBe('keep');
  });
});

test('the portion of a competition is its share of what competitions have, or of all where the rest is somebody’s', () => {
  const parts = [
    { competition: 'a', share: 0.6 },
    { competition: 'b', share: 0.2 },
    { competition: 'c', share: 0 },
  ];
  expect(portionOf({ parts, restUid: null }, 'a')).toBeCloseTo(0.75, 12);
  expect(portionOf({ parts, restUid: 3 }, 'b')).toBe(0.2);
  for (const id of ['c', 'd']) expect(portionOf({ parts, restUid: null }, id)).toBeUndefined();
  expect(portionOf({ parts: [{ competition: 'a', share: 0.5 }], restUid: null }, 'a')).toBeUndefined();
});

test('what a competition has of weights that were sent is not its share where nobody of another is worth any, or it was missed', () => {
  const given = (b: Partial<BlendPart>, restUid: number | null = null) => {
    const parts = [part('a', 0.5, { 0: 1 }), { ...part('b', 0.5, { 1: 1 }), ...b }];
    const shares = givenShares(blend({ parts, restUid, neurons: NEURONS }));
    return ['a', 'b'].map((id) => portionOf({ parts: shares, restUid }, id));
  };
  expect(given({})).toEqual([0.5, 0.5]);
  expect(given({ from: 'nobody', weights: [] })).toEqual([undefined, undefined]);
  expect(given({ from: 'nobody', weights: [] }, 3)).toEqual([0.5, undefined]);
  expect(given({ weights: [{ uid: 1, hotkey: 'gone', weight: 1 }] })).toEqual([undefined, undefined]);
  expect(given({ from: 'earlier', missed: 4 })).toEqual([0.5 / 0.75, 0.25 / 0.75]);
  expect(given({ from: 'earlier', missed: 4 }, 3)).toEqual([0.5, 0.25]);
});

test('a share is that of the last entry that has begun; in no block do all have more than 1', () => {
  const shares = [
    { fromBlock: 200, share: 0.2 },
    { fromBlock: 100, share: 0.8 },
  ];
  expect([99, 100, 199, 200, 1_000].map((block) => shareAt(shares, block))).toEqual([0, 0.8, 0.8, 0.2, 0.2]);
  const other = (share: number, fromBlock: number) => [
    { id: 'a', shares },
    { id: 'b', shares: [{ fromBlock, share }] },
  ];
  expect(() => requireShares(other(0.8, 200))).not.toThrow();
  expect(() => requireShares(other(0.8, 150))).toThrow('sum to 1.6 from block 150 on');
  expect(() => requireShares(other(1.2, 0))).toThrow('share must be');
  const tenths = Array.from({ length: 10 }, (_, i) => ({ id: `t${i}`, shares: [{ fromBlock: 0, share: 0.1 }] }));
  expect(() => requireShares(tenths)).not.toThrow();
});

test('a block is read once, however many ask, and again where that failed', async () => {
  const asked: number[] = [];
  let fails = true;
  const { readSubnetAt } = oneReader({
    readPositions: async () => null as never,
    readSubnetAt: async ({ block }) => {
      asked.push(block);
      if (fails) throw new Error('away');
      return null;
    },
  });
  const both = () => Promise.allSettled([readSubnetAt({ block: 10 }), readSubnetAt({ block: 10 })]);
  expect((await both()).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  await both();
  await both();
  expect(asked).toEqual([10, 10]);
  for (const block of [20, 30, 40, 50, 10]) await readSubnetAt({ block });
  expect(asked).toEqual([10, 10, 20, 30, 40, 50, 10]);
});
