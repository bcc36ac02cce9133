import { describe, expect, test } from 'vitest';
import { Competition } from '../../src/schema/competition.ts';
import { reject } from '../../src/schema/verdict.ts';
import { Ledger } from '../../src/validator/ledger/ledger.ts';
import type { LeftOut } from '../../src/validator/ledger/showing.ts';
import { evidenceOf, keptRows, leftOutText, leftOutVerdict, leftOutVerdicts } from '../../src/validator/left-out.ts';
import { ruleOf } from '../evaluation-sets/locked-world.ts';
import { judged, pointersTo, shown } from './shown.ts';

const competition = Competition.parse({ minOwnRows: 4 });
const UIDS: Record<string, number> = { ann: 3, ben: 5 };
const uidOf = (hotkey: string) => UIDS[hotkey] ?? null;
const counts = (more: Partial<LeftOut>): LeftOut => ({
  ...{ others: 0, evaluation: 0, repeats: 0, sources: [], examples: [] },
  ...more,
});
const verdictOn = (rows: number, leftOut: Partial<LeftOut>, rules = competition) =>
  leftOutVerdict(rules, judged(rows, [], leftOut), uidOf);

describe('the rows that are trained on', () => {
  test('are those that are not left out, in order', () => {
    expect(keptRows(judged(11, [0, 3, 9]))).toEqual(Uint32Array.of(1, 2, 4, 5, 6, 7, 8, 10));
    expect(keptRows(judged(2, []))).toEqual(Uint32Array.of(0, 1));
  });

  test('are not known before the dataset was compared', () => {
    expect(keptRows(shown('c'))).toBeNull();
    expect(keptRows(undefined)).toBeNull();
  });
});

describe('a dataset of which rows are left out', () => {
  const sources = [{ hotkey: 'ann', rows: 5 }];

  test('is refused as a copy where fewer rows are left than are asked for', () => {
    expect(verdictOn(10, { others: 6, sources })).toBeNull();
    expect(verdictOn(10, { others: 7, sources })).toEqual({
      reason: 'duplicate',
      message: 'rows left out: 7 shown earlier by uid 3: 3 of 10 rows are left, at least 4 are needed',
      facts: {
        rows: 10,
        rowsLeft: 3,
        rowsNeeded: 4,
        leftOut: { ...counts({ others: 7 }), sources: [{ uid: 3, hotkey: 'ann', rows: 5 }] },
      },
    });
  });

  test('needs half of its different rows where they are fewer than twice as many', () => {
    expect(verdictOn(7, { others: 3, sources })).toBeNull();
    expect(verdictOn(5, { others: 2, sources })).toBeNull();
    expect(verdictOn(5, { others: 3, sources })).toMatchObject({ facts: { rowsLeft: 2, rowsNeeded: 3 } });
    // Of nine rows five are different: three of them are half.
    expect(verdictOn(9, { repeats: 4, others: 2, sources })).toBeNull();
    expect(verdictOn(9, { repeats: 4, others: 3, sources })).toMatchObject({
      message: 'rows left out: 3 shown earlier by uid 3, 4 repeated: 2 of 5 rows are left, at least 3 are needed',
    });
  });

  test('is refused for the kind of rows that it has more of, for copies where they are as many', () => {
    expect(verdictOn(10, { others: 3, evaluation: 4, sources })?.reason).toBe('evaluation-rows');
    expect(verdictOn(10, { evaluation: 7 })).toMatchObject({
      reason: 'evaluation-rows',
      message: 'rows left out: 7 of the evaluation set: 3 of 10 rows are left, at least 4 are needed',
    });
    expect(verdictOn(10, { others: 4, evaluation: 4, sources })?.reason).toBe('duplicate');
  });

  test('is not refused for rows of a time-locked set, which somebody else may have put there', () => {
    const rules = { ...competition, minRows: 3, evaluationSets: ruleOf() };
    expect(verdictOn(10, { evaluation: 10 }, rules)).toBeNull();
    expect(verdictOn(10, { others: 6, evaluation: 4, sources }, rules)).toBeNull();
    expect(verdictOn(10, { others: 7, evaluation: 3, sources }, rules)).toMatchObject({
      reason: 'duplicate',
      facts: { rowsLeft: 3, rowsNeeded: 4 },
    });
    expect(verdictOn(10, { repeats: 8, evaluation: 1 }, rules)?.reason).toBe('row-count');
  });

  test('is too small where its own rows, repeated, are fewer than the competition wants', () => {
    const rules = { ...competition, minRows: 3 };
    expect(verdictOn(10, { repeats: 7 }, rules)).toBeNull();
    expect(verdictOn(10, { repeats: 8 }, rules)).toEqual({
      reason: 'row-count',
      message: 'rows left out: 8 repeated: 2 rows are left, at least 3 are needed',
      facts: { rows: 10, minRows: 3, leftOut: counts({ repeats: 8 }) },
    });
    // Half of the three different rows are left, and too few for a dataset.
    expect(verdictOn(3, { others: 1, sources }, rules)?.reason).toBe('row-count');
  });

  test('has no verdict before it was compared', () => {
    expect(leftOutVerdict(competition, shown('c'), uidOf)).toBeNull();
  });
});

test('verdicts are on what pointers name now, and name sources by the uids of today', () => {
  const copy = judged(10, [], { others: 9, sources: [{ hotkey: 'ben', rows: 9 }] });
  const entry = { coldkey: '', received: [], unreadable: null };
  const ledger = new Ledger([
    { ...entry, hotkey: 'ann', showings: [copy] },
    { ...entry, hotkey: 'ben', showings: [judged(10, [])] },
    { ...entry, hotkey: 'cid', showings: [copy] },
    { ...entry, hotkey: 'dan', showings: [copy] },
  ]);
  const pointers = pointersTo({ ann: 'c', ben: 'c', cid: 'other', new: 'c' });
  pointers.set('dan', { ...pointers.get('ann')!, hotkey: 'dan', submission: reject('invalid-pointer', '') });
  const verdicts = leftOutVerdicts(competition, ledger, pointers);
  expect([...verdicts.keys()]).toEqual(['ann']);
  expect(verdicts.get('ann')).toMatchObject({ facts: { leftOut: { sources: [{ uid: 1, hotkey: 'ben', rows: 9 }] } } });
  pointers.delete('ben');
  expect(leftOutVerdicts(competition, ledger, pointers).get('ann')?.message).toContain('shown earlier by ben:');
});

describe('the evidence', () => {
  test('gives the uids of today, null for who has left and for the evaluation set', () => {
    const row = { ofLine: 2, block: 9, alike: 1 };
    const examples = [
      { ...row, line: 1, hotkey: 'ann' },
      { ...row, line: 2, hotkey: 'gone' },
      { line: 3, hotkey: null, ofLine: null, block: null, alike: 0.9 },
    ];
    const sources = [
      { hotkey: 'ann', rows: 1 },
      { hotkey: 'gone', rows: 1 },
    ];
    expect(evidenceOf(counts({ others: 2, evaluation: 1, sources, examples }), uidOf)).toEqual({
      ...{ others: 2, evaluation: 1, repeats: 0 },
      sources: [
        { uid: 3, hotkey: 'ann', rows: 1 },
        { uid: null, hotkey: 'gone', rows: 1 },
      ],
      examples: [
        { ...examples[0], uid: 3 },
        { ...examples[1], uid: null },
        { ...examples[2], uid: null },
      ],
    });
  });

  test('names the first twenty sources', () => {
    const sources = Array.from({ length: 25 }, (_, i) => ({ hotkey: `m${i}`, rows: 25 - i }));
    const named = evidenceOf(counts({ sources }), uidOf).sources;
    expect(named.map(({ hotkey }) => hotkey)).toEqual(sources.slice(0, 20).map(({ hotkey }) => hotkey));
  });
});

test.each<[Partial<LeftOut>, string]>([
  [{}, ''],
  [{ repeats: 1 }, 'rows left out: 1 repeated'],
  [{ evaluation: 2, repeats: 1 }, 'rows left out: 2 of the evaluation set, 1 repeated'],
  [{ others: 4, sources: [{ hotkey: 'ann', rows: 4 }] }, 'rows left out: 4 shown earlier by uid 3'],
  [
    { others: 4, evaluation: 1, sources: ['ann', 'gone'].map((hotkey) => ({ hotkey, rows: 2 })) },
    'rows left out: 4 shown earlier by uid 3 (2), gone (2), 1 of the evaluation set',
  ],
  [
    { others: 3, sources: ['ann', 'ben', 'cid'].map((hotkey) => ({ hotkey, rows: 1 })) },
    'rows left out: 3 shown earlier by uid 3 (1), uid 5 (1), cid (1)',
  ],
  [
    { others: 5, sources: ['ann', 'ben', 'cid', 'dan', 'eve'].map((hotkey) => ({ hotkey, rows: 1 })) },
    'rows left out: 5 shown earlier by uid 3 (1), uid 5 (1), cid (1), 2 more',
  ],
])('what is left out of %j is said in one clause', (leftOut, text) => {
  expect(leftOutText(counts(leftOut), uidOf)).toBe(text);
});
