import { expect, test } from 'vitest';
import { rowLossHints } from '../../src/validator/hints.ts';
import { meanLoss, packIfTold, packRowLosses, unpackRowLosses } from '../../src/validator/row-losses.ts';

const base = Array.from({ length: 20 }, (_, i) => 2 + (i % 5) / 10);
/** As the base model, less a gain by row. */
const less = (gain: (row: number) => number) => base.map((loss, row) => loss * (1 - gain(row)));
const scored = (...rowLosses: (number | null)[][]) =>
  rowLosses.map((one, uid) => ({ uid, hotkey: `h${uid}`, rowLosses: one }));

test('two that gain on the same rows are told, whatever the scale; two that gain elsewhere are not', () => {
  const hints = rowLossHints({
    base,
    scored: scored(
      less((row) => (row % 3) / 10),
      less((row) => 0.1 + (row % 3) / 20),
      less((row) => (row % 7) / 10),
    ),
  });
  expect(hints).toEqual([{ uids: [0, 1], hotkeys: ['h0', 'h1'], correlation: expect.closeTo(1, 9), rows: 20 }]);
});

test('rows without tokens do not count, few rows say nothing, nor do losses that do not move', () => {
  const one = less((row) => (row % 3) / 10);
  const partly = one.map((loss, row) => (row === 3 ? null : loss));
  expect(rowLossHints({ base, scored: scored(one, partly) })).toMatchObject([{ rows: 19 }]);
  const mostly = one.map((loss, row) => (row > 10 ? null : loss));
  expect(rowLossHints({ base, scored: scored(one, mostly) })).toEqual([]);
  expect(rowLossHints({ base, scored: scored(base, base) })).toEqual([]);
});

test('where all answer alike, the twenty most alike pairs are told', () => {
  const alike = Array.from({ length: 10 }, (_, i) => less((row) => (row % 3) / 10 + ((row * i) % 2) / 500));
  const hints = rowLossHints({ base, scored: scored(...alike) });
  expect(hints).toHaveLength(20);
  expect(hints.map(({ correlation }) => correlation)).toEqual(
    hints.map(({ correlation }) => correlation).sort((a, b) => b - a),
  );
});

test('losses by row keep every bit, and what is no losses is refused', () => {
  const losses = [1.1, 0, Number.MIN_VALUE, null, 1 / 3];
  expect(unpackRowLosses(packRowLosses(losses), 5)).toEqual(losses);
  expect(meanLoss(losses)).toBe((1.1 + Number.MIN_VALUE + 1 / 3) / 4);
  expect(meanLoss([null])).toBeNull();
  expect([packIfTold(losses, 5), packIfTold(losses, 4), packIfTold(undefined, 5)]).toEqual([
    packRowLosses(losses),
    null,
    null,
  ]);
  const packed = packRowLosses(losses);
  for (const [text, rows] of [
    [packed, 4],
    [packed.slice(0, -4), 5],
    [`${packed} `, 5],
    [packRowLosses([-1]), 1],
    [packRowLosses([Number.POSITIVE_INFINITY]), 1],
  ] as const)
    expect(unpackRowLosses(text, rows)).toBeNull();
});
