import { describe, expect, test } from 'vitest';
import { isSameRow, weightRow } from '../../../src/chain/weights/row.ts';

const HOTKEYS = new Map([
  [0, 'ann'],
  [1, 'bob'],
  [2, 'eve'],
  [3, 'validator'],
]);
const TERMS = { uid: 3, size: 4, hotkeys: HOTKEYS, minAllowedWeights: 1, maxWeightsLimit: 1, isNullConsensus: false };

describe('weightRow', () => {
  test('is the weights as the chain takes them, in the order given', () => {
    const weights = [
      { uid: 2, weight: 0.25 },
      { uid: 0, hotkey: 'ann', weight: 0.5 },
    ];
    expect(weightRow(weights, 7, TERMS)).toEqual({ uids: [2, 0], values: [32_768, 65_535] });
  });

  test('drops a weight whose uid has another hotkey by now', () => {
    const weights = [
      { uid: 0, hotkey: 'gone', weight: 0.5 },
      { uid: 1, hotkey: 'bob', weight: 0.5 },
    ];
    expect(weightRow(weights, 7, TERMS)).toEqual({ uids: [1], values: [65_535] });
  });

  test('gives all to the own uid when nobody is left, without entries to fill up', () => {
    const own = { uids: [3], values: [65_535] };
    expect(weightRow([], 7, { ...TERMS, minAllowedWeights: 3 })).toEqual(own);
    expect(weightRow([{ uid: 0, hotkey: 'gone', weight: 1 }], 7, { ...TERMS, minAllowedWeights: 3 })).toEqual(own);
  });

  test('under Null consensus it fills up the row of the own uid, too', () => {
    const terms = { ...TERMS, minAllowedWeights: 3, isNullConsensus: true };
    expect(weightRow([], 7, terms)).toEqual({ uids: [3, 0, 1], values: [65_535, 0, 0] });
  });

  test('fills up with uids of weight 0 to the number of entries that the subnet demands, or has', () => {
    const weights = [{ uid: 1, weight: 1 }];
    expect(weightRow(weights, 7, { ...TERMS, minAllowedWeights: 3 })).toEqual({
      uids: [1, 0, 2],
      values: [65_535, 0, 0],
    });
    expect(weightRow(weights, 7, { ...TERMS, minAllowedWeights: 9 }).uids).toEqual([1, 0, 2, 3]);
    const two = [...weights, { uid: 2, weight: 1 }];
    expect(weightRow(two, 7, { ...TERMS, minAllowedWeights: 1 }).uids).toEqual([1, 2]);
  });

  test('refuses weights of which none is above 0', () => {
    expect(() => weightRow([{ uid: 1, weight: 0 }], 7, TERMS)).toThrow(
      expect.objectContaining({
        code: 'bad-argument',
        sentence: 'there is no weight to set: expected at least one above 0. Take the uids from a fresh metagraph.',
        facts: { name: 'uid', value: undefined, most: 3, netuid: 7 },
      }),
    );
  });

  test('refuses a uid that the subnet does not have', () => {
    expect(weightRow([{ uid: 3, weight: 1 }], 7, TERMS).uids).toEqual([3]);
    expect(() => weightRow([{ uid: 4, weight: 1 }], 7, TERMS)).toThrow(
      expect.objectContaining({
        code: 'bad-argument',
        sentence: 'subnet 7 has uids 0 to 3, saw a weight for uid 4. Take the uids from a fresh metagraph.',
        facts: { name: 'uid', value: 4, most: 3, netuid: 7 },
      }),
    );
  });
});

test('two rows are the same in whatever order they are, and whether or not they name a weight of 0', () => {
  const row = { uids: [10, 9, 2], values: [5, 1, 0] };
  expect(isSameRow(row, { uids: [9, 10], values: [1, 5] })).toBe(true);
  expect(isSameRow(row, { uids: [10, 9, 2], values: [5, 1, 1] })).toBe(false);
  expect(isSameRow(row, { uids: [10, 9], values: [1, 5] })).toBe(false);
  expect(isSameRow(row, { uids: [10], values: [5] })).toBe(false);
  expect(isSameRow({ uids: [], values: [] }, { uids: [1], values: [0] })).toBe(true);
  expect(isSameRow({ uids: [1, 2], values: [3] }, { uids: [1], values: [3] })).toBe(true);
});

describe('where the subnet limits the share of one uid', () => {
  // Values of `clip_to_max_weight` and `normalize` of Python's bittensor 11.3.0.
  test.each([
    [[0.1, 0.2, 0.7], 0.5, [21_845, 43_690, 65_535]],
    [[1, 1, 8], 0.4, [49_151, 49_151, 65_535]],
    [[1, 2, 3, 4, 90], 0.3, [15_292, 30_583, 45_875, 61_166, 65_535]],
    [[1, 1], 0.2, [65_535, 65_535]],
    [[0.25, 0.25, 0.5], 0.6, [32_768, 32_768, 65_535]],
  ])('%j clipped to %f are those of Python', (weights, maxWeightsLimit, values) => {
    const row = weights.map((weight, uid) => ({ uid, weight }));
    const terms = { ...TERMS, uid: 9, size: 10, hotkeys: new Map(), maxWeightsLimit };
    expect(weightRow(row, 7, terms).values).toEqual(values);
  });

  test('all weight on oneself is not limited, nor is an empty row', () => {
    const terms = { ...TERMS, maxWeightsLimit: 0.1 };
    expect(weightRow([{ uid: 3, weight: 1 }], 7, terms)).toEqual({ uids: [3], values: [65_535] });
    expect(weightRow([], 7, terms)).toEqual({ uids: [3], values: [65_535] });
  });
});
