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
    originalUid: 1,
    originalHotkey: '5F...',
    commonRows: 40,
    containment: 0.5,
  });
  expect(Verdict.parse(JSON.parse(JSON.stringify(verdict)))).toEqual(verdict);
  expect(Verdict.safeParse({ reason: 'hub-outage', message: 'ours' }).success).toBe(false);
});
