import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { mapConcurrent } from '../../src/shared/map-concurrent.ts';

test('results are in the order of the items, and never more are at work than allowed', async () => {
  let [atWork, most] = [0, 0];
  const results = await mapConcurrent([5, 1, 4, 2, 3], 2, async (item) => {
    most = Math.max(most, ++atWork);
    await sleep(item);
    atWork--;
    return item * 10;
  });
  expect({ results, most }).toEqual({ results: [50, 10, 40, 20, 30], most: 2 });
  expect(await mapConcurrent([], 4, async () => 1)).toEqual([]);
});

test('after a failure nothing more is begun, and what is at work has ended before it is thrown', async () => {
  const ended: number[] = [];
  const mapping = mapConcurrent([0, 1, 2, 3], 2, async (item) => {
    if (item === 0) throw new Error('failed');
    await sleep(10);
    ended.push(item);
  });
  await expect(mapping).rejects.toThrow('failed');
  expect(ended).toEqual([1]);
});
