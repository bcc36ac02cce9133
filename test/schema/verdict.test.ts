import { expect, it } from 'vitest';
import { accept, reject, Verdict } from '../../src/schema/verdict.ts';

it('holds a value or a verdict, and leaves out facts that are not given', () => {
  expect(accept(7)).toEqual({ ok: true, value: 7 });
  expect(reject('row-count', 'too few')).toStrictEqual({
    ok: false,
    verdict: { reason: 'row-count', message: 'too few' },
  });
  expect(reject('row-count', 'too few', { rows: 1 }).verdict.facts).toEqual({ rows: 1 });
});

it('is a closed set of reasons that survives storage as JSON', () => {
  const { verdict } = reject('duplicate', 'seen before', {
    rows: 40,
    rowsLeft: 3,
    rowsNeeded: 20,
    leftOut: {
      ...{ others: 37, evaluation: 0, repeats: 0 },
      sources: [{ uid: 1, hotkey: '5F...', rows: 37 }],
      examples: [{ line: 1, uid: 1, hotkey: '5F...', ofLine: 7, block: 100, alike: 1 }],
    },
  });
  expect(Verdict.parse(JSON.parse(JSON.stringify(verdict)))).toEqual(verdict);
  expect(Verdict.safeParse({ reason: 'hub-outage', message: 'ours' }).success).toBe(false);
});
