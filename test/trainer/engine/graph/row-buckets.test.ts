import { expect, it } from 'vitest';
import { bucketOf, fillBucket } from '../../../../src/trainer/engine/graph/row-buckets.ts';
import { collate } from '../../../../src/trainer/tokens/batches.ts';

it('rows of all lengths up to 8192 have 19 buckets, none of which is more than half longer than a row of 16 or more', () => {
  const lengths = Array.from({ length: 8192 }, (_, i) => i + 1);
  const buckets = lengths.map(bucketOf);
  expect([...new Set(buckets)]).toEqual([
    ...[16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768],
    ...[1024, 1536, 2048, 3072, 4096, 6144, 8192],
  ]);
  for (const [i, length] of lengths.entries()) {
    expect(buckets[i]).toBeGreaterThanOrEqual(length);
    if (length >= 16) expect(buckets[i]! / length).toBeLessThan(1.5);
  }
});

it('what fills a bucket has no loss', () => {
  const row = collate([{ inputIds: [7, 8, 9], labels: [-100, 8, 9] }]);
  const filled = fillBucket(row);
  expect(filled.lengths).toEqual([16]);
  expect([...filled.inputIds]).toEqual([7, 8, 9, ...new Array(13).fill(0)]);
  expect([...filled.targetPositions]).toEqual([0, 1, ...new Array(14).fill(0)]);
  expect([...filled.targetWeights]).toEqual([1, 1, ...new Array(14).fill(0)]);
  const two = collate([1, 2].map((id) => ({ inputIds: [id], labels: [id] })));
  expect(() => fillBucket(two)).toThrow('one row, not 2');
});
