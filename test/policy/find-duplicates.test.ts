import { expect, it } from 'vitest';
import { findDuplicates } from '../../src/policy/find-duplicates.ts';

const rows = (from: number, count: number) => new Set(Array.from({ length: count }, (_, i) => `row ${from + i}`));
const duplicatesOf = (...datasets: [string, Set<string>][]) =>
  Object.fromEntries(
    findDuplicates({
      datasets: datasets.map(([hotkey, rows], i) => ({ hotkey, rows: new Map([...rows].map((row) => [row, i])) })),
      mostCommonRows: 33,
    }),
  );

it('allows as many common rows as are allowed, and not one more', () => {
  expect(duplicatesOf(['a', rows(0, 100)], ['b', rows(67, 100)])).toEqual({});
  expect(duplicatesOf(['a', rows(0, 100)], ['b', rows(66, 100)])).toEqual({ b: { hotkey: 'a', commonRows: 34 } });
});

it('names the earlier dataset with most of the rows, of equal ones the earliest', () => {
  const all = rows(0, 200);
  expect(duplicatesOf(['a', rows(0, 40)], ['b', rows(40, 50)], ['c', rows(140, 50)], ['d', all])).toEqual({
    d: { hotkey: 'b', commonRows: 50 },
  });
});

it('leaves of a chain of copies the first', () => {
  expect(duplicatesOf(['a', rows(0, 100)], ['b', rows(50, 100)], ['c', rows(110, 100)])).toEqual({
    b: { hotkey: 'a', commonRows: 50 },
    c: { hotkey: 'b', commonRows: 40 },
  });
});

it('costs an earlier dataset nothing when a later one has rows of several', () => {
  const both = new Set([...rows(0, 60), ...rows(100, 60)]);
  expect(duplicatesOf(['a', rows(0, 100)], ['b', rows(100, 100)], ['c', both])).toEqual({
    c: { hotkey: 'a', commonRows: 60 },
  });
});

it('takes the later of the list for the duplicate where both showed their rows at once', () => {
  const rowsAt5 = new Map([...rows(0, 100)].map((row) => [row, 5]));
  const datasets = ['a', 'b'].map((hotkey) => ({ hotkey, rows: rowsAt5 }));
  expect(Object.fromEntries(findDuplicates({ datasets, mostCommonRows: 33 }))).toEqual({
    b: { hotkey: 'a', commonRows: 100 },
  });
});

it('asks of each row who was earlier, whoever has the later pointer now', () => {
  const shownAt = (rows: Set<string>, at: number) => [...rows].map((row): [string, number] => [row, at]);
  const copy = { hotkey: 'copier', rows: new Map(shownAt(rows(0, 100), 2)) };
  const improved = { hotkey: 'first', rows: new Map([...shownAt(rows(0, 100), 1), ...shownAt(rows(100, 50), 3)]) };
  const found = findDuplicates({ datasets: [copy, improved], mostCommonRows: 33 });
  expect(Object.fromEntries(found)).toEqual({ copier: { hotkey: 'first', commonRows: 100 } });
});
