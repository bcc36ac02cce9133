import { expect, it } from 'vitest';
import { drawByShares } from '../../src/queue/draw-by-shares.ts';
import { EvalQueue } from '../../src/queue/eval-queue.ts';

const hotkeys = Array.from({ length: 100 }, (_, i) => `m${i}`);
const weights = Object.fromEntries(hotkeys.map((hotkey, i) => [hotkey, 100 - i]));

/** An epoch after the first pass, in which the last ones have waited longest. */
const drawn = (...shares: Parameters<typeof drawByShares>) => {
  const lastEvaluated = Object.fromEntries(hotkeys.map((hotkey, i) => [hotkey, 100 - i]));
  const queue = new EvalQueue({ state: { seed: 1, epoch: 100, firstPass: false, lastEvaluated } });
  return queue.next({ hotkeys, weights, places: 20, draw: drawByShares(...shares) }).hotkeys;
};

it('gives a share of the places to the highest weights, and what no share takes to the longest wait', () => {
  const [top, last] = [hotkeys.slice(0, 15), hotkeys.slice(-5).toReversed()];
  expect(drawn({ topShare: 0.75, randomShare: 0 })).toEqual([...top, ...last]);
  expect(drawn({ topShare: 0, randomShare: 0 })).toEqual(hotkeys.slice(-20).toReversed());
});

it('lets chance prefer better ranks the more, the smaller the scale', () => {
  expect(drawn({ topShare: 0, randomShare: 1, rankScale: 0.01 })).toEqual(hotkeys.slice(0, 20));
  const even = drawn({ topShare: 0, randomShare: 1, rankScale: 1e9 });
  expect(even.filter((hotkey) => Number(hotkey.slice(1)) >= 50).length).toBeGreaterThan(4);
});

it('is the draw of era A by default', () => {
  expect(drawn()).toEqual(drawn({ topShare: 0.25, randomShare: 0.5, rankScale: 32 }));
  expect(drawn().slice(0, 5)).toEqual(hotkeys.slice(0, 5));
});

it.each([
  [{ topShare: -0.1 }, 'topShare'],
  [{ topShare: Number.NaN }, 'topShare'],
  [{ randomShare: 1.1 }, 'randomShare'],
  [{ topShare: 0.6, randomShare: 0.5 }, 'topShare + randomShare'],
  [{ rankScale: 0 }, 'rankScale'],
])('refuses %j', (wrong, name) => {
  expect(() => drawByShares(wrong)).toThrow(
    expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining(name) }),
  );
});
